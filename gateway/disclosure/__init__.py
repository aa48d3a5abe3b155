"""RawRows + ReadPlan -> Disclosure, and its bytes: the PEP's second half.

Promises: every value of a Disclosure passed its mask and every obligation was discharged; nothing else builds one.
Does not promise that it may leave: for that it takes a receipt.
"""

from gateway.disclosure.disclose import disclose
from gateway.disclosure.render import render

__all__ = ["disclose", "render"]
