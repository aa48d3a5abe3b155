"""no_export: the answer may be read, not taken away as a file. `no_export`.

Refuses CSV. What a screen shows can still be copied by hand: the notice tells the app to offer no download.
"""

from dataclasses import dataclass
from typing import ClassVar, Self

from gateway.errors import ExportNotAllowed
from gateway.model.plan import ReadPlan
from gateway.model.query import MediaType
from gateway.obligations._parse import read_nothing
from gateway.spi import Obligation

_READ_BY_APPS = {MediaType.JSON, MediaType.OBJECT}


@dataclass(frozen=True, slots=True, kw_only=True)
class NoExport(Obligation):
    """Only the media types that apps read are answered; any other, also one that is new, is refused."""

    ignores_literals: ClassVar[bool] = True

    @classmethod
    def parse(cls, value: str) -> Self:
        """`no_export`."""
        read_nothing("no_export", value)
        return cls()

    def strictest(self, other: Self) -> Self:
        """They are the same."""
        del other
        return self

    def amend(self, plan: ReadPlan) -> ReadPlan:
        """The plan as it is; raises ExportNotAllowed for a file format."""
        if plan.media_type not in _READ_BY_APPS:
            raise ExportNotAllowed
        return plan

    def notices(self, plan: ReadPlan) -> tuple[str, ...]:
        """`no_export`."""
        del plan
        return ("no_export",)
