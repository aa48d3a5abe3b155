"""Why: what a question would meet if somebody asked it. Decides; touches no data."""

from datetime import datetime

from gateway.decision import PolicyEngine
from gateway.model.caller import Caller, InboundRequest
from gateway.model.case import CaseFacts
from gateway.model.explanation import Explanation
from gateway.planning import explain_plan
from gateway.query import bind, parse
from gateway.settings import Limits
from gateway.spi import Capabilities


def simulate(
    engine: PolicyEngine, question: InboundRequest, caller: Caller, case: CaseFacts | None, now: datetime
) -> Explanation:
    """What `question` would meet if `caller` asked it; an officer's view, with the rules that nearly matched.

    Raises GatewayError where the question would be refused before it is decided.
    """
    if caller.purpose is None:
        msg = "a simulated caller names a purpose"
        raise ValueError(msg)
    limits = Limits()
    purpose = engine.admit(caller, now)
    engine.check_purpose(purpose, caller, case, now)
    bound = bind(parse(question, limits), engine.catalog, purpose, caller.case)
    decision = engine.decide(bound, caller, case, now, explain=True)
    return explain_plan(bound, decision, _ANY_SOURCE, limits, 10.0, for_officer=True)


_ANY_SOURCE = Capabilities(
    predicates=frozenset(), columns=None, can_order=True, can_limit=True, aggregates=frozenset(), can_mask=True
)
