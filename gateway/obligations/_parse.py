"""ObligationSpec -> Obligation, and many of them -> the strictest of each name."""

from collections.abc import Iterable, Mapping

from gateway.errors import ObligationNotUnderstood
from gateway.model.catalog import ObligationSpec
from gateway.model.decision import BoundObligation
from gateway.spi import Obligation


def parse(spec: ObligationSpec, known: Mapping[str, type[Obligation]]) -> Obligation:
    """The obligation; raises ValueError with a sentence where the name is unknown or the parameter wrong."""
    kind = known.get(spec.name)
    if kind is None:
        msg = f"there is no obligation `{spec.name}`; there are {', '.join(f'`{name}`' for name in sorted(known))}"
        raise ValueError(msg)
    return kind.parse(spec.value)


def join(bound: Iterable[BoundObligation], known: Mapping[str, type[Obligation]]) -> tuple[Obligation, ...]:
    """One of each name, the strictest, sorted by name; raises ObligationNotUnderstood where one can't be read."""
    joined: dict[str, Obligation] = {}
    for one in bound:
        try:
            obligation = parse(one.spec, known)
        except ValueError as fault:
            raise ObligationNotUnderstood(operator=f"{one.origin}: {fault}") from None
        before = joined.get(one.spec.name)
        joined[one.spec.name] = obligation if before is None else before.strictest(obligation)
    return tuple(joined[name] for name in sorted(joined))


def read_count(name: str, value: str, *, least: int, most: int) -> int:
    """A whole number in plain digits within bounds; raises ValueError with a sentence."""
    if not (value.isascii() and value.isdigit() and len(value) <= 12 and least <= int(value) <= most):
        msg = f"`{name}` takes a whole number from {least} to {most}, for example `{name}={least * 5}`"
        raise ValueError(msg)
    return int(value)


def read_nothing(name: str, value: str) -> None:
    """Raises ValueError with a sentence where a parameter is given."""
    if value:
        msg = f"`{name}` takes no parameter"
        raise ValueError(msg)
