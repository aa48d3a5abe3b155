"""ObligationSpec -> Obligation. The folder is the registry: one module an obligation, named as rules name it.

Promises: what an obligation demands is either done or the answer is refused. Does not promise that somebody calls it:
`planning` amends, `disclosure` treats and annotates.
"""

from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Final

from gateway.model.catalog import ObligationSpec
from gateway.model.decision import BoundObligation
from gateway.obligations._parse import join, parse
from gateway.obligations._registry import walk_obligations
from gateway.plugins import plugins
from gateway.spi import Annotates, Obligation, TreatsRows

_MOST_JOINED: Final = 1_024
OBLIGATIONS: Final[Mapping[str, type[Obligation]]] = walk_obligations(
    __name__, __path__, plugins("langqiao.obligations")
)
"""Every obligation by its name; read-only."""


def parse_obligation(spec: ObligationSpec) -> Obligation:
    """The obligation as policy wrote it; raises ValueError with a sentence where it can't be understood."""
    return parse(spec, OBLIGATIONS)


def join_obligations(bound: Iterable[BoundObligation]) -> tuple[Obligation, ...]:
    """The strictest of each name, in the order of their names; raises ObligationNotUnderstood (which means deny)."""
    return _joined(tuple(bound))


def treating(bound: Iterable[BoundObligation]) -> tuple[TreatsRows, ...]:
    """Those of them that act on rows; raises ObligationNotUnderstood."""
    return _treating(tuple(bound))


def annotating(bound: Iterable[BoundObligation]) -> tuple[Annotates, ...]:
    """Those of them that say something with the answer; raises ObligationNotUnderstood."""
    return _annotating(tuple(bound))


@lru_cache(_MOST_JOINED)
def _treating(bound: tuple[BoundObligation, ...]) -> tuple[TreatsRows, ...]:
    return tuple(one for one in _joined(bound) if isinstance(one, TreatsRows))


@lru_cache(_MOST_JOINED)
def _annotating(bound: tuple[BoundObligation, ...]) -> tuple[Annotates, ...]:
    return tuple(one for one in _joined(bound) if isinstance(one, Annotates))


@lru_cache(_MOST_JOINED)
def _joined(bound: tuple[BoundObligation, ...]) -> tuple[Obligation, ...]:
    return join(bound, OBLIGATIONS)


__all__ = ["OBLIGATIONS", "annotating", "join_obligations", "parse_obligation", "treating"]
