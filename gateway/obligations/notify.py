"""notify: somebody is told of the answer. `notify=street-duty-officer`, or several: `notify=a,b`.

The notice goes with the answer and into the log; delivering it is the pipeline's. Names a role or a duty, no person.
"""

import re
from dataclasses import dataclass
from typing import Final, Self

from gateway.model.plan import ReadPlan
from gateway.spi import Obligation

_NAME: Final = re.compile("[a-z0-9][a-z0-9/._-]{0,63}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Notify(Obligation):
    """The answer carries one notice `notify=<who>` for each; several obligations: all of them are told."""

    who: tuple[str, ...]

    @classmethod
    def parse(cls, value: str) -> Self:
        """One or more names of lower-case letters, digits and `/ . _ -`."""
        names = [name.strip() for name in value.split(",")]
        if not all(_NAME.fullmatch(name) for name in names):
            msg = "`notify` takes the name of a duty or role, for example `notify=street-duty-officer`"
            raise ValueError(msg)
        return cls(who=tuple(sorted(set(names))))

    def strictest(self, other: Self) -> Self:
        """Everybody that either names."""
        return type(self)(who=tuple(sorted({*self.who, *other.who})))

    def notices(self, plan: ReadPlan) -> tuple[str, ...]:
        """`notify=<who>`, sorted."""
        del plan
        return tuple(f"notify={name}" for name in self.who)
