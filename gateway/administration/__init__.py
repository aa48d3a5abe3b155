"""PAP: the policy that serves, cases, apps and their keys. May simulate decisions; has no road to data."""

from gateway.administration import authzen
from gateway.administration.apps import Apps
from gateway.administration.bundle_checks import check_bundle, lint_bundle, try_cases
from gateway.administration.canaries import CanaryDesk, CanaryView
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
from gateway.administration.flags import Flag, FlagDesk, Reproduction, reproduce_flag
from gateway.administration.keys import (
    KeyDesk,
    KeyLoss,
    KeyView,
    create_ring,
    following,
    rewrap_ring,
)
from gateway.administration.log_desk import AskedSearch, LogDesk, shape_of
from gateway.administration.oversight import Oversight, open_oversight
from gateway.administration.policy import PolicyHolder, build_engine
from gateway.administration.policy_changes import PolicyChanges
from gateway.administration.redecide import Redecision, redecide
from gateway.administration.reidentification import ReidentificationDesk, ReidentificationView, TokenAsked
from gateway.administration.released_tokens import TokenKey
from gateway.administration.reports import Document, ReportAsked, ReportDesk, ReportVerification, verify_report
from gateway.administration.retention import DueMonth, RetentionDesk, RetentionReport
from gateway.administration.reviews import Notice, ReviewDesk
from gateway.administration.sampling import Sampling, SamplingCheck, check_sampling
from gateway.administration.terminals import TerminalDesk, TerminalView
from gateway.administration.versions import PolicyVersions, keeping
from gateway.administration.watch import Watch, watching
from gateway.audit.opening import open_entries, open_ring, open_seals
from gateway.decision import PolicyEngine
from gateway.decision.who_can import Grant, WhoCan

__all__ = [
    "Apps",
    "AskedSearch",
    "CanaryDesk",
    "CanaryView",
    "CaseDesk",
    "CaseTold",
    "CaseView",
    "Document",
    "DueMonth",
    "Flag",
    "FlagDesk",
    "Grant",
    "KeyDesk",
    "KeyLoss",
    "KeyView",
    "LogDesk",
    "Notice",
    "OfficerExplanation",
    "Oversight",
    "PolicyChanges",
    "PolicyEngine",
    "PolicyHolder",
    "PolicyVersions",
    "Redecision",
    "ReidentificationDesk",
    "ReidentificationView",
    "ReportAsked",
    "ReportDesk",
    "ReportVerification",
    "Reproduction",
    "RetentionDesk",
    "RetentionReport",
    "ReviewDesk",
    "RuleText",
    "Sampling",
    "SamplingCheck",
    "Somebody",
    "TerminalDesk",
    "TerminalView",
    "TokenAsked",
    "TokenKey",
    "Watch",
    "WhoCan",
    "authzen",
    "build_engine",
    "check_bundle",
    "check_sampling",
    "create_ring",
    "explain_as",
    "find_who_can",
    "following",
    "keeping",
    "lint_bundle",
    "nothing_to_make",
    "open_entries",
    "open_oversight",
    "open_ring",
    "open_seals",
    "redecide",
    "reproduce_flag",
    "rewrap_ring",
    "rule_texts",
    "shape_of",
    "simulate",
    "try_cases",
    "verify_report",
    "watching",
]
