"""A reading request -> the shape of its question, and the literals apart: what was parsed and bound once is known.

Only literals that can't change the shape are taken out: of `field=eq.literal` at the root, in plain ASCII letters and
digits, which need no decoding and are a text whatever they are compared with. Everything else is part of the shape.
"""

import re
from typing import Any, Final, NamedTuple

from gateway.model.caller import InboundRequest
from gateway.model.ids import FieldName

LONGEST: Final = 2_000
"""Characters of a query string; what is longer is no question that comes again and again."""
SPOKEN: Final = ("accept", "accept-profile", "prefer", "range", "range-unit")
"""Every header that has a part in the question."""
_SLOT: Final = re.compile(r"([a-z_][a-z0-9_]{0,63})=eq\.([0-9A-Za-z_-]{1,64})", re.ASCII)
_SILENT: Final = (None,) * len(SPOKEN)
_NO_FIELDS: Final = frozenset({"select", "order", "limit", "offset", "and", "or"})

Key = tuple[str | None, ...]


class QuestionShape(NamedTuple):
    """`key` is the same for questions that differ in `literals` only; these are (field, text) in order."""

    key: Key
    literals: tuple[tuple[FieldName, str], ...]

    def __repr__(self) -> str:
        """No literal."""
        return f"<QuestionShape of {len(self.literals)} literals>"


def shape_of(request: InboundRequest) -> QuestionShape | None:
    """The shape; None where the question is too long to be kept."""
    query = request.query_string
    if len(query) > LONGEST or len(request.path) > LONGEST:
        return None
    spoken = tuple(map(request.headers.get, SPOKEN))
    if spoken != _SILENT and sum(len(said) for said in spoken if said is not None) > LONGEST:
        return None
    pieces: list[str] = []
    literals: list[tuple[FieldName, str]] = []
    for piece in query.split("&"):
        slot = _SLOT.fullmatch(piece)
        literal: Any = None if slot is None else slot.groups()
        if literal is None or literal[0] in _NO_FIELDS:
            pieces.append(piece)
        else:
            pieces.append(f"{literal[0]}=eq.")  # no question can be written so that it is this and another
            literals.append(literal)
    return QuestionShape((request.method, request.path, *spoken, *pieces), tuple(literals))
