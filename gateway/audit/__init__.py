"""Entry -> AuditReceipt: the log, its proofs, its verification. Only this room builds an AuditReceipt.

Nothing is imported before it is asked for: who verifies a log needs little of what it takes to write one.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gateway.audit.decided import digest_of, level_of, obligation_text, stand_in, uses_of
    from gateway.audit.entry import Opener
    from gateway.audit.export import export_log
    from gateway.audit.forwarding import Follower, ForwardingState
    from gateway.audit.indexer import Indexer, rebuild_index
    from gateway.audit.log import AuditLog
    from gateway.audit.merkle import (
        ProofInvalid,
        prove_consistency,
        prove_inclusion,
        verify_consistency,
        verify_inclusion,
    )
    from gateway.audit.proofs import LogProofs
    from gateway.audit.reading import entry_at
    from gateway.audit.recorder import Recorder
    from gateway.audit.searching import LogSearcher
    from gateway.audit.source import BlindedSource
    from gateway.audit.verify import Verification, verify_export, verify_log
    from gateway.audit.witnessing import Witnessing

__all__ = [
    "AuditLog",
    "BlindedSource",
    "Follower",
    "ForwardingState",
    "Indexer",
    "LogProofs",
    "LogSearcher",
    "Opener",
    "ProofInvalid",
    "Recorder",
    "Verification",
    "Witnessing",
    "digest_of",
    "entry_at",
    "export_log",
    "level_of",
    "obligation_text",
    "prove_consistency",
    "prove_inclusion",
    "rebuild_index",
    "stand_in",
    "uses_of",
    "verify_consistency",
    "verify_export",
    "verify_inclusion",
    "verify_log",
]

_WHERE = {
    "AuditLog": "log",
    "BlindedSource": "source",
    "Follower": "forwarding",
    "ForwardingState": "forwarding",
    "Indexer": "indexer",
    "LogProofs": "proofs",
    "LogSearcher": "searching",
    "Opener": "entry",
    "ProofInvalid": "merkle",
    "Recorder": "recorder",
    "Verification": "verify",
    "Witnessing": "witnessing",
    "digest_of": "decided",
    "entry_at": "reading",
    "export_log": "export",
    "level_of": "decided",
    "obligation_text": "decided",
    "prove_consistency": "merkle",
    "prove_inclusion": "merkle",
    "rebuild_index": "indexer",
    "stand_in": "decided",
    "uses_of": "decided",
    "verify_consistency": "merkle",
    "verify_export": "verify",
    "verify_inclusion": "merkle",
    "verify_log": "verify",
}


def __getattr__(name: str) -> object:
    """What is asked for the first time."""
    if name not in _WHERE:
        msg = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(msg)
    found: object = getattr(import_module(f"{__name__}.{_WHERE[name]}"), name)
    globals()[name] = found
    return found
