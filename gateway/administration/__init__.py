"""PAP: the policy that serves, cases, apps and their keys. May simulate decisions; has no road to data."""

from gateway.administration import authzen
from gateway.administration.apps import Apps
from gateway.administration.cases import CaseDesk, CaseView, nothing_to_make
from gateway.administration.policy import PolicyHolder, build_engine, check_bundle, simulate
from gateway.administration.redecide import Redecision, redecide
from gateway.administration.reviews import ReviewDesk
from gateway.administration.versions import PolicyVersions, keeping

__all__ = [
    "Apps",
    "CaseDesk",
    "CaseView",
    "PolicyHolder",
    "PolicyVersions",
    "Redecision",
    "ReviewDesk",
    "authzen",
    "build_engine",
    "check_bundle",
    "keeping",
    "nothing_to_make",
    "redecide",
    "simulate",
]
