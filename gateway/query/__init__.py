"""InboundRequest -> Query -> BoundQuery: the read grammar, and its names resolved in the catalogue.

Does not say that anything is allowed.
"""

from gateway.query.bind import bind, bind_links
from gateway.query.parse import parse
from gateway.query.shape import QuestionShape, shape_of

__all__ = ["QuestionShape", "bind", "bind_links", "parse", "shape_of"]
