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
from gateway.administration.keys import (
    KeyDesk,
    KeyLoss,
    KeyView,
    create_ring,
    following,
    open_entries,
    open_ring,
    open_seals,
    rewrap_ring,
)
from gateway.administration.policy import PolicyHolder, build_engine
from gateway.administration.redecide import Redecision, redecide
from gateway.administration.reidentification import ReidentificationDesk, ReidentificationView, TokenAsked
from gateway.administration.released_tokens import TokenKey
from gateway.administration.retention import DueMonth, RetentionDesk, RetentionReport
from gateway.administration.reviews import Notice, ReviewDesk
from gateway.administration.terminals import TerminalDesk, TerminalView
from gateway.administration.versions import PolicyVersions, keeping
from gateway.decision import PolicyEngine
from gateway.decision.who_can import Grant, WhoCan

__all__ = [
    "Apps",
    "CaseDesk",
    "CaseTold",
    "CaseView",
    "DueMonth",
    "Flag",
    "FlagDesk",
    "Grant",
    "KeyDesk",
    "KeyLoss",
    "KeyView",
    "Notice",
    "OfficerExplanation",
    "PolicyEngine",
    "PolicyHolder",
    "PolicyVersions",
    "Redecision",
    "ReidentificationDesk",
    "ReidentificationView",
    "RetentionDesk",
    "RetentionReport",
    "ReviewDesk",
    "RuleText",
    "Somebody",
    "TerminalDesk",
    "TerminalView",
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
    "open_entries",
    "open_ring",
    "open_seals",
    "redecide",
    "rewrap_ring",
    "rule_texts",
    "simulate",
    "try_cases",
]
