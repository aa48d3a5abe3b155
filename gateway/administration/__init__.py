"""PAP: the policy that serves, cases, apps and their keys. May simulate decisions; has no road to data."""

from gateway.administration import authzen
from gateway.administration.apps import Apps
from gateway.administration.bundle_checks import check_bundle, lint_bundle, try_cases
from gateway.administration.cases import CaseDesk, CaseView, nothing_to_make
from gateway.administration.explain import (
    CaseTold,
    OfficerExplanation,
    RuleText,
    Somebody,
    explain_as,
    find_who_can,
    rule_texts,
    simulate,
)
from gateway.administration.flags import Flag, FlagDesk
from gateway.administration.keys import KeyDesk, KeyLoss, KeyView, create_ring, following, open_ring, rewrap_ring
from gateway.administration.log_desk import AskedSearch, LogDesk, shape_of
from gateway.administration.policy import PolicyHolder, build_engine
from gateway.administration.redecide import Redecision, redecide
from gateway.administration.reidentification import ReidentificationDesk, ReidentificationView, TokenAsked
from gateway.administration.released_tokens import TokenKey
from gateway.administration.reviews import Notice, ReviewDesk
from gateway.administration.versions import PolicyVersions, keeping
from gateway.decision import PolicyEngine
from gateway.decision.who_can import Grant, WhoCan

__all__ = [
    "Apps",
    "AskedSearch",
    "CaseDesk",
    "CaseTold",
    "CaseView",
    "Flag",
    "FlagDesk",
    "Grant",
    "KeyDesk",
    "KeyLoss",
    "KeyView",
    "LogDesk",
    "Notice",
    "OfficerExplanation",
    "PolicyEngine",
    "PolicyHolder",
    "PolicyVersions",
    "Redecision",
    "ReidentificationDesk",
    "ReidentificationView",
    "ReviewDesk",
    "RuleText",
    "Somebody",
    "TokenAsked",
    "TokenKey",
    "WhoCan",
    "authzen",
    "build_engine",
    "check_bundle",
    "create_ring",
    "explain_as",
    "find_who_can",
    "following",
    "keeping",
    "lint_bundle",
    "nothing_to_make",
    "open_ring",
    "redecide",
    "rewrap_ring",
    "rule_texts",
    "shape_of",
    "simulate",
    "try_cases",
]
