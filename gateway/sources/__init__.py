"""What stands before the departments' sources: bulkhead, breaker, limits of time, fresh credentials; how each stands.

Promises: one source that hangs or fails takes nothing from another; a sick one is left alone and tried again by itself;
what is told of a source never holds its address, an option or a secret.
"""

from gateway.sources.breaker import Breaker, BreakerRule, Circuit, Ticket, Verdict
from gateway.sources.credentials import Credentials, open_stores
from gateway.sources.guarded import GuardedSource
from gateway.sources.keeping import Sources, keeping_fresh
from gateway.sources.opening import guard, open_source, open_sources
from gateway.sources.standing import SourceStanding
from gateway.sources.trial import try_source

__all__ = [
    "Breaker",
    "BreakerRule",
    "Circuit",
    "Credentials",
    "GuardedSource",
    "SourceStanding",
    "Sources",
    "Ticket",
    "Verdict",
    "guard",
    "keeping_fresh",
    "open_source",
    "open_sources",
    "open_stores",
    "try_source",
]
