"""watermark: whoever shows the answer must mark it. `watermark`.

The notice `watermark=<purpose>` tells the app to print the purpose, the person and the receipt over what it shows;
the receipt leads to the entry that names the asker. Does not hold the app to it.
"""

from dataclasses import dataclass
from typing import Self

from gateway.model.plan import ReadPlan
from gateway.obligations._parse import read_nothing
from gateway.spi import Obligation


@dataclass(frozen=True, slots=True, kw_only=True)
class Watermark(Obligation):
    """The answer carries the notice `watermark=<purpose>`."""

    @classmethod
    def parse(cls, value: str) -> Self:
        """`watermark`."""
        read_nothing("watermark", value)
        return cls()

    def strictest(self, other: Self) -> Self:
        """They are the same."""
        del other
        return self

    def notices(self, plan: ReadPlan) -> tuple[str, ...]:
        """`watermark=<purpose>`."""
        return (f"watermark={plan.bound.purpose.id}",)
