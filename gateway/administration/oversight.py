"""The compliance desk: flags, canaries, reviews, sampling, reports; built together over one log."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from gateway.administration.canaries import CanaryDesk
from gateway.administration.flags import FlagDesk
from gateway.administration.lookout import Lookout
from gateway.administration.reports import ReportDesk
from gateway.administration.reviews import ReviewDesk
from gateway.administration.sampling import Sampling
from gateway.administration.versions import PolicyVersions
from gateway.administration.watch import Watch
from gateway.audit import AuditLog, Opener
from gateway.audit.detectors import build_detectors
from gateway.decision import PolicyEngine
from gateway.keys import KeyRing
from gateway.settings import Settings
from gateway.store import State


@dataclass(frozen=True, slots=True, kw_only=True)
class Oversight:
    """Its desks, and the watch over the log."""

    reviews: ReviewDesk
    flags: FlagDesk
    canaries: CanaryDesk
    reports: ReportDesk
    watch: Watch


def open_oversight(
    state: State,
    keys: KeyRing,
    opener: Opener,
    audit: AuditLog,
    *,
    engine: Callable[[], PolicyEngine],
    settings: Settings,
    clock: Callable[[], datetime],
    looks: bool = True,
) -> Oversight:
    """As the settings say; raises SettingsInvalid for parameters of a detector that make no sense.

    `looks`: this process looks at the log itself, and not the one that keeps house.
    """
    detectors = build_detectors(settings.time_zone, settings.flags)
    sampling = Sampling(PolicyVersions(state), engine, keys.draw)
    lookout = Lookout(state, opener, sampling, detectors, clock=clock) if looks else None
    return Oversight(
        reviews=ReviewDesk(
            state, keys, opener, review_hours=settings.review_hours, answer_hours=settings.review_answer_hours
        ),
        flags=FlagDesk(state, clock, opener),
        canaries=CanaryDesk(state, keys.subject_hash),
        reports=ReportDesk(
            state,
            keys,
            opener,
            origin=settings.audit.origin,
            zone=settings.time_zone,
            most_entries=settings.limits.report_entries,
        ),
        watch=Watch(state, opener, audit, lookout, review_hours=settings.review_hours, clock=clock),
    )
