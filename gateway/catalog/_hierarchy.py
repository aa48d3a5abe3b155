"""Names with parents -> faults for cycles and for chains that are too long to follow.

Casbin's role managers stop after a fixed number of hops without a word: a deny on a far ancestor would be lost.
"""

from collections.abc import Callable, Mapping, Sequence

Blame = Callable[[str, str, str], None]
"""(name, fault, fix)"""

LONGEST_CHAIN = 9


def check_hierarchy(parents: Mapping[str, Sequence[str]], *, reserved_hops: int, blame: Blame) -> None:
    """Note each circle, and each chain that with `reserved_hops` is over 9 hops. Unknown parents are skipped."""
    most = LONGEST_CHAIN - reserved_hops
    heights: dict[str, int] = {}
    for start in parents:
        _measure(start, parents, heights, blame)
    for name, height in heights.items():
        # only where the limit is passed, not on everything below it
        if height == most + 1:
            blame(name, f"the chain of parents is longer than {LONGEST_CHAIN} hops", "flatten the hierarchy")


def _measure(start: str, parents: Mapping[str, Sequence[str]], heights: dict[str, int], blame: Blame) -> None:
    """Depth first without recursion: hierarchies are written by people, and people make mistakes of any size."""
    path: list[str] = []
    on_path: set[str] = set()
    stack: list[tuple[str, bool]] = [(start, False)]
    while stack:
        name, is_done = stack.pop()
        if is_done:
            path.pop()
            on_path.discard(name)
            heights[name] = max(
                (heights.get(parent, 0) + 1 for parent in parents[name] if parent in parents), default=0
            )
            continue
        if name in heights:
            continue
        if name in on_path:
            circle = [*path[path.index(name) :], name]
            blame(name, "the parents form a circle: " + " > ".join(circle[:10]), "remove one of them")
            continue
        path.append(name)
        on_path.add(name)
        stack.append((name, True))
        stack.extend((parent, False) for parent in parents[name] if parent in parents)


def ancestors(name: str, parents: Mapping[str, Sequence[str]]) -> frozenset[str]:
    """The name itself and everything above it; safe on circles."""
    seen: set[str] = set()
    waiting = [name]
    while waiting:
        current = waiting.pop()
        if current not in seen:
            seen.add(current)
            waiting.extend(parents.get(current, ()))
    return frozenset(seen)
