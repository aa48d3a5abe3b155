"""RawRows + ReadPlan -> Disclosure, and its bytes: the PEP's second half.

Promises: every value of a Disclosure passed its mask and every obligation was discharged; nothing else builds one.
Does not promise that it may leave: for that it takes a receipt.
"""

from gateway.disclosure.disclose import disclose, disclose_in_batches
from gateway.disclosure.render import refuse_range, render
from gateway.disclosure.writing import BatchWriter, writer_of

__all__ = ["BatchWriter", "disclose", "disclose_in_batches", "refuse_range", "render", "writer_of"]
