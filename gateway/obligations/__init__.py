"""ObligationSpec -> Obligation. The folder is the registry: one module an obligation, named as rules name it.

Promises: what an obligation demands is either done or the answer is refused. Does not promise that somebody calls it:
`planning` amends, `disclosure` treats and annotates.
"""

from collections.abc import Iterable, Mapping
from functools import lru_cache
from importlib.metadata import entry_points
from typing import Final

from gateway.model.catalog import ObligationSpec
from gateway.model.decision import BoundObligation
from gateway.obligations._parse import join, parse
from gateway.obligations._registry import walk_obligations
from gateway.spi import Obligation

_MOST_JOINED: Final = 1_024
OBLIGATIONS: Final[Mapping[str, type[Obligation]]] = walk_obligations(
    __name__, __path__, entry_points(group="langqiao.obligations")
)
"""Every obligation by its name; read-only."""


def parse_obligation(spec: ObligationSpec) -> Obligation:
    """The obligation as policy wrote it; raises ValueError with a sentence where it can't be understood."""
    return parse(spec, OBLIGATIONS)


def join_obligations(bound: Iterable[BoundObligation]) -> tuple[Obligation, ...]:
    """The strictest of each name, in the order of their names; raises ObligationNotUnderstood (which means deny)."""
    return _joined(tuple(bound))


@lru_cache(_MOST_JOINED)
def _joined(bound: tuple[BoundObligation, ...]) -> tuple[Obligation, ...]:
    return join(bound, OBLIGATIONS)


__all__ = ["OBLIGATIONS", "join_obligations", "parse_obligation"]
