"""InboundRequest -> Query -> BoundQuery: the read grammar, and its names resolved in the catalogue.

Does not say that anything is allowed.
"""

from gateway.query.bind import bind
from gateway.query.parse import parse

__all__ = ["bind", "parse"]
