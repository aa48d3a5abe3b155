"""Entry -> AuditReceipt: the log, its proofs, its verification. Only this room builds an AuditReceipt."""

from gateway.audit.decided import digest_of, level_of, obligation_text, stand_in, uses_of
from gateway.audit.entry import Opener
from gateway.audit.export import export_log
from gateway.audit.forwarding import Follower, ForwardingState
from gateway.audit.indexer import Indexer, rebuild_index
from gateway.audit.log import AuditLog
from gateway.audit.merkle import ProofInvalid, prove_consistency, prove_inclusion, verify_consistency, verify_inclusion
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
