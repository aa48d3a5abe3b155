"""The circuit breaker of one source, as a pure state machine: (state, event, time) -> state.

Closed: questions go through, and of the last `window` outcomes the failures are counted. Open: nothing goes through
until `open_seconds` have passed, twice as long after each probe that fails. Half open: one probe at a time; `probes`
answers close it, one failure opens it again. What began under another state than the present one changes nothing,
so that a hundred slow failures of yesterday can't undo a recovery. Nothing here waits, counts threads or knows a clock.
"""

from dataclasses import dataclass, field, replace
from enum import StrEnum


class Circuit(StrEnum):
    """What a breaker lets through."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half-open"


class Verdict(StrEnum):
    """What a finished question tells of its source's health."""

    ANSWERED = "answered"
    FAILED = "failed"
    NOTHING = "nothing"  # the asker left, or the question was at fault


@dataclass(frozen=True, slots=True, kw_only=True)
class BreakerRule:
    """When it opens and for how long."""

    failures: int  # of the last `window` outcomes
    window: int
    open_seconds: float
    most_open_seconds: float
    probes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Ticket:
    """That a question was let through, and under which state."""

    epoch: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Breaker:
    """The state. `epoch` counts the changes of circuit."""

    rule: BreakerRule
    circuit: Circuit = Circuit.CLOSED
    epoch: int = 0
    outcomes: tuple[bool, ...] = ()  # closed: the last ones, True for a failure
    retry_at: float = 0.0  # open: when it may be probed
    openings: int = 0  # in a row, without closing in between
    is_probing: bool = False  # half open: the one probe is out
    answers: int = 0  # half open: probes that were answered
    ticket: Ticket = field(init=False, repr=False, compare=False)  # that it lets questions through with

    def __post_init__(self) -> None:
        """One ticket serves every question of this state."""
        object.__setattr__(self, "ticket", Ticket(epoch=self.epoch))

    def admit(self, now: float) -> tuple["Breaker", Ticket | None]:
        """The next state, and a ticket where the question may go through."""
        if self.circuit is Circuit.CLOSED:
            return self, self.ticket
        state = self
        if state.circuit is Circuit.OPEN and now >= state.retry_at:
            state = replace(state, circuit=Circuit.HALF_OPEN, epoch=state.epoch + 1, is_probing=False, answers=0)
        if state.circuit is Circuit.OPEN or (state.circuit is Circuit.HALF_OPEN and state.is_probing):
            return state, None
        if state.circuit is Circuit.HALF_OPEN:
            state = replace(state, is_probing=True)
        return state, state.ticket

    def settle(self, ticket: Ticket, verdict: Verdict, now: float) -> "Breaker":
        """The state after a question that was let through came to its end."""
        if ticket.epoch != self.epoch:
            return self
        if self.circuit is Circuit.HALF_OPEN:
            return self._probed(verdict, now)
        if verdict is Verdict.NOTHING or (verdict is Verdict.ANSWERED and True not in self.outcomes):
            return self  # a good answer after good answers changes nothing
        outcomes = (*self.outcomes, verdict is Verdict.FAILED)[-self.rule.window :]
        if sum(outcomes) >= self.rule.failures:
            return self._opened(now)
        return replace(self, outcomes=outcomes)

    def seconds_left(self, now: float) -> float:
        """How long nothing goes through; 0 where something may."""
        return max(0.0, self.retry_at - now) if self.circuit is Circuit.OPEN else 0.0

    def _probed(self, verdict: Verdict, now: float) -> "Breaker":
        if verdict is Verdict.FAILED:
            return self._opened(now)
        answers = self.answers + (verdict is Verdict.ANSWERED)
        if answers >= self.rule.probes:
            return Breaker(rule=self.rule, epoch=self.epoch + 1)
        return replace(self, is_probing=False, answers=answers)

    def _opened(self, now: float) -> "Breaker":
        seconds = min(self.rule.open_seconds * 2 ** min(self.openings, 30), self.rule.most_open_seconds)
        return Breaker(
            rule=self.rule,
            circuit=Circuit.OPEN,
            epoch=self.epoch + 1,
            retry_at=now + seconds,
            openings=self.openings + 1,
        )
