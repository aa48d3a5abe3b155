"""A source's own description -> its labelled tables, a bundle that serves them for trying out, and drift.

Grants nothing but what is asked for by name: one role, one purpose.
"""

from gateway.administration.discovery.bundle import Discovered, Wanted, check_wanted, proposed_file, write_bundle
from gateway.administration.discovery.department import Labels, Language, reason_of
from gateway.administration.discovery.drift import Drift, DriftKind, datasets_of, find_drift
from gateway.administration.discovery.labelling import Places, Proposal
from gateway.administration.discovery.sampling import Limits
from gateway.administration.discovery.survey import Surveyed, survey

__all__ = [
    "Discovered",
    "Drift",
    "DriftKind",
    "Labels",
    "Language",
    "Limits",
    "Places",
    "Proposal",
    "Surveyed",
    "Wanted",
    "check_wanted",
    "datasets_of",
    "find_drift",
    "proposed_file",
    "reason_of",
    "survey",
    "write_bundle",
]
