"""max_rows: no more than so many rows an answer. `max_rows=200`.

Binds one answer, not a day: somebody may ask for the next page. Says so with the notice `max_rows=<n>`.
"""

from dataclasses import dataclass, replace
from typing import ClassVar, Self

from gateway.model.plan import ReadPlan
from gateway.obligations._parse import read_count
from gateway.spi import Obligation


@dataclass(frozen=True, slots=True, kw_only=True)
class MostRows(Obligation):
    """The limit of the question is lowered to `most`; it is never raised."""

    ignores_literals: ClassVar[bool] = True

    most: int

    @classmethod
    def parse(cls, value: str) -> Self:
        """`max_rows=200`: from 1 to a million."""
        return cls(most=read_count("max_rows", value, least=1, most=1_000_000))

    def strictest(self, other: Self) -> Self:
        """The fewer rows."""
        return min(self, other, key=lambda one: one.most)

    def amend(self, plan: ReadPlan) -> ReadPlan:
        """The lower limit stands at the step that cuts last: after a group check, a residual, or at the source."""
        if plan.late_page is not None:
            return replace(plan, late_page=replace(plan.late_page, limit=self._lower(plan.late_page.limit)))
        if plan.residual.is_needed:
            return replace(plan, residual=replace(plan.residual, limit=self._lower(plan.residual.limit)))
        return replace(plan, fetch=replace(plan.fetch, limit=self._lower(plan.fetch.limit)))

    def notices(self, plan: ReadPlan) -> tuple[str, ...]:
        """`max_rows=<n>`."""
        del plan
        return (f"max_rows={self.most}",)

    def _lower(self, limit: int | None) -> int:
        return self.most if limit is None else min(limit, self.most)
