"""Entry -> AuditReceipt: the log, its proofs, its verification. Only this room builds an AuditReceipt."""

from gateway.audit.export import export_log
from gateway.audit.log import AuditLog
from gateway.audit.merkle import ProofInvalid, prove_consistency, prove_inclusion, verify_consistency, verify_inclusion
from gateway.audit.recorder import Recorder
from gateway.audit.source import BlindedSource
from gateway.audit.verify import Verification, verify_export, verify_log

__all__ = [
    "AuditLog",
    "BlindedSource",
    "ProofInvalid",
    "Recorder",
    "Verification",
    "export_log",
    "prove_consistency",
    "prove_inclusion",
    "verify_consistency",
    "verify_export",
    "verify_inclusion",
    "verify_log",
]
