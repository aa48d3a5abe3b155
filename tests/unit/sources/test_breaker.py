"""The breaker against a model of it, told in the simplest way; and what it promises in so many words."""

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from gateway.sources import Breaker, BreakerRule, Circuit, Ticket, Verdict

RULE = BreakerRule(failures=3, window=5, open_seconds=5, most_open_seconds=20, probes=1)


def failed(breaker: Breaker, times: int, now: float) -> Breaker:
    for _ in range(times):
        breaker, ticket = breaker.admit(now)
        assert ticket is not None
        breaker = breaker.settle(ticket, Verdict.FAILED, now)
    return breaker


def test_it_opens_at_so_many_failures_and_lets_nothing_through_until_its_time() -> None:
    breaker = failed(Breaker(rule=RULE), 2, 0)
    assert breaker.circuit is Circuit.CLOSED
    breaker = failed(breaker, 1, 0)
    assert breaker.circuit is Circuit.OPEN
    assert breaker.admit(4.9)[1] is None
    assert breaker.seconds_left(1) == 4


def test_failures_that_good_answers_lie_between_open_it_too() -> None:
    breaker = Breaker(rule=RULE)
    for verdict in (Verdict.FAILED, Verdict.ANSWERED, Verdict.FAILED, Verdict.ANSWERED, Verdict.FAILED):
        breaker, ticket = breaker.admit(0)
        assert ticket is not None
        breaker = breaker.settle(ticket, verdict, 0)
    assert breaker.circuit is Circuit.OPEN


def test_one_probe_at_a_time_and_its_answer_closes() -> None:
    breaker, probe = failed(Breaker(rule=RULE), 3, 0).admit(5)
    assert probe is not None
    assert breaker.admit(5)[1] is None
    breaker = breaker.settle(probe, Verdict.ANSWERED, 6)
    assert breaker.circuit is Circuit.CLOSED
    assert breaker.admit(6)[1] is not None


def test_each_failed_probe_doubles_the_rest_up_to_its_most() -> None:
    breaker, now, rests = failed(Breaker(rule=RULE), 3, 0), 0.0, []
    for _ in range(4):
        rests.append(breaker.seconds_left(now))
        now += breaker.seconds_left(now)
        breaker = failed(breaker, 1, now)
    assert rests == [5, 10, 20, 20]


def test_a_probe_whose_asker_left_makes_room_for_another() -> None:
    breaker, probe = failed(Breaker(rule=RULE), 3, 0).admit(5)
    assert probe is not None
    breaker = breaker.settle(probe, Verdict.NOTHING, 5)
    assert breaker.circuit is Circuit.HALF_OPEN
    assert breaker.admit(5)[1] is not None


def test_what_began_before_a_recovery_changes_nothing_after_it() -> None:
    breaker = Breaker(rule=RULE)
    late = []
    for _ in range(10):
        breaker, ticket = breaker.admit(0)
        assert ticket is not None
        late.append(ticket)
    breaker, probe = failed(breaker, 3, 0).admit(5)
    assert probe is not None
    well = breaker.settle(probe, Verdict.ANSWERED, 5)
    for ticket in late:
        assert well.settle(ticket, Verdict.FAILED, 6) == well


@given(st.lists(st.sampled_from([Verdict.ANSWERED, Verdict.NOTHING]), max_size=60))
def test_what_is_no_failure_never_opens_it(verdicts: list[Verdict]) -> None:
    breaker = Breaker(rule=RULE)
    for verdict in verdicts:
        breaker, ticket = breaker.admit(0)
        assert ticket is not None
        breaker = breaker.settle(ticket, verdict, 0)
    assert breaker.circuit is Circuit.CLOSED


class Model(RuleBasedStateMachine):
    """Circuit, count and time kept apart in plain variables, as one would on paper."""

    tickets: list[tuple[Ticket, int]]

    @initialize(
        failures=st.integers(1, 4), more=st.integers(0, 3), probes=st.integers(1, 3), most=st.sampled_from([4, 16, 64])
    )
    def begin(self, failures: int, more: int, probes: int, most: int) -> None:
        self.rule = BreakerRule(
            failures=failures, window=failures + more, open_seconds=4, most_open_seconds=most, probes=probes
        )
        self.breaker = Breaker(rule=self.rule)
        self.now = 0.0
        self.tickets = []
        self.era = 0  # changes of circuit
        self.is_open = self.is_trying = False
        self.until, self.rest = 0.0, 4.0
        self.last: list[str] = []
        self.probe: Ticket | None = None
        self.good_probes = 0

    @rule(seconds=st.floats(0, 30))
    def wait(self, seconds: float) -> None:
        self.now += seconds

    @rule()
    def ask(self) -> None:
        self.breaker, ticket = self.breaker.admit(self.now)
        if self.is_open and self.now >= self.until:
            self.is_open, self.is_trying, self.good_probes, self.probe = False, True, 0, None
            self.era += 1
        goes = not self.is_open and not (self.is_trying and self.probe is not None)
        assert (ticket is not None) == goes
        if ticket is not None:
            self.tickets.append((ticket, self.era))
            if self.is_trying:
                self.probe = ticket

    @precondition(lambda self: self.tickets)
    @rule(data=st.data(), verdict=st.sampled_from(Verdict))
    def end(self, data: st.DataObject, verdict: Verdict) -> None:
        ticket, era = self.tickets.pop(data.draw(st.integers(0, len(self.tickets) - 1)))
        self.breaker = self.breaker.settle(ticket, verdict, self.now)
        if era != self.era:
            return
        if self.is_trying:
            self.probe = None
            if verdict is Verdict.FAILED:
                self.opens()
            elif verdict is Verdict.ANSWERED:
                self.good_probes += 1
                if self.good_probes == self.rule.probes:
                    self.is_trying, self.last, self.rest = False, [], 4.0
                    self.era += 1
        elif verdict is not Verdict.NOTHING:
            self.last = [*self.last, verdict.value][-self.rule.window :]
            if self.last.count("failed") >= self.rule.failures:
                self.opens()

    def opens(self) -> None:
        self.is_open, self.is_trying, self.probe = True, False, None
        self.until = self.now + min(self.rest, self.rule.most_open_seconds)
        self.rest *= 2
        self.era += 1

    @invariant()
    def same(self) -> None:
        wanted = Circuit.OPEN if self.is_open else Circuit.HALF_OPEN if self.is_trying else Circuit.CLOSED
        assert self.breaker.circuit is wanted
        if self.is_open:
            assert self.breaker.retry_at == self.until


TestModel = Model.TestCase
TestModel.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)
