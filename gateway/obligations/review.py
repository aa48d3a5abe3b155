"""review: compliance must look at this access afterwards. `review`.

The notice `review` makes the pipeline mark the entry as needing a review, which only compliance can close.
"""

from dataclasses import dataclass
from typing import Self

from gateway.model.plan import ReadPlan
from gateway.obligations._parse import read_nothing
from gateway.spi import Obligation


@dataclass(frozen=True, slots=True, kw_only=True)
class Review(Obligation):
    """The answer carries the notice `review`, and its entry waits for one."""

    @classmethod
    def parse(cls, value: str) -> Self:
        """`review`."""
        read_nothing("review", value)
        return cls()

    def strictest(self, other: Self) -> Self:
        """They are the same."""
        del other
        return self

    def notices(self, plan: ReadPlan) -> tuple[str, ...]:
        """`review`."""
        del plan
        return ("review",)
