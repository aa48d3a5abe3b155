"""Sampled values of one column -> counts and shares. Pure; what it gives holds no value, nor a part of one."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from types import MappingProxyType

from gateway.administration.discovery.labelling.detectors import kinds_of
from gateway.administration.discovery.labelling.places import Places

_NO_SHARES: Mapping[str, float] = MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class Statistics:
    """What is known of a column's content. Shares are of the filled cells, by kind (labelling.detectors)."""

    rows: int
    filled: int
    distinct: int
    shares: Mapping[str, float] = field(default_factory=lambda: _NO_SHARES)
    mean_length: float = 0.0
    birth_like: bool = False  # days of a span that people's births have
    years: int = 0  # between the earliest and the latest day

    def share(self, *kinds: str) -> float:
        """The largest share of the kinds."""
        return max((self.shares.get(kind, 0.0) for kind in kinds), default=0.0)

    @property
    def varies(self) -> float:
        """Different values of the filled ones, 0 to 1."""
        return self.distinct / self.filled if self.filled else 0.0


UNSAMPLED = Statistics(rows=0, filled=0, distinct=0)
"""Of a column of which nothing was read."""


def statistics_of(values: Sequence[object], places: Places) -> Statistics:
    """The values are looked at once and let go."""
    texts = [text for value in values if value is not None and (text := _text(value)) is not None]
    texts = [text for text in texts if text.strip()]
    if not texts:
        return Statistics(rows=len(values), filled=0, distinct=0)
    counts: Counter[str] = Counter()
    for text in texts:
        counts.update(kinds_of(text, places))
    years = sorted(_years(values))
    return Statistics(
        rows=len(values),
        filled=len(texts),
        distinct=len(set(texts)),
        shares=MappingProxyType({kind: counts[kind] / len(texts) for kind in sorted(counts)}),
        mean_length=sum(map(len, texts)) / len(texts),
        birth_like=_are_births(years),
        years=years[-1] - years[0] if years else 0,
    )


def _text(value: object) -> str | None:
    match value:
        case str():
            return value
        case bool():
            return None
        case int():
            return str(value)
        case Decimal():
            return format(value, "f")
        case datetime():
            return (
                value.date().isoformat() if (value.hour, value.minute, value.second) == (0, 0, 0) else value.isoformat()
            )
        case date():
            return value.isoformat()
        case _:
            return None


def _years(values: Iterable[object]) -> Iterable[int]:
    for value in values:
        if isinstance(value, date):
            yield value.year
        elif isinstance(value, (str, int)) and not isinstance(value, bool):
            text = str(value).strip()[:4]
            if len(text) == 4 and text.isascii() and text.isdigit() and 1850 <= int(text) <= 2100:
                yield int(text)


def _are_births(years: Sequence[int]) -> bool:
    """Many decades, with people long grown: a register of anything else seldom reaches so far back."""
    if len(years) < 5:
        return False
    return years[-1] - years[0] >= 30 and years[len(years) // 4] < 1985 and years[0] >= 1900
