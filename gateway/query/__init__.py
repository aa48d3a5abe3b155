"""InboundRequest -> Query -> BoundQuery: the read grammar, and its names resolved in the catalogue.

Does not say that anything is allowed.
"""

from gateway.query.bind import bind, bind_links
from gateway.query.parse import parse

__all__ = ["bind", "bind_links", "parse"]
