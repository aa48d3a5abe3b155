"""Stage 9: the answer. Its constructor demands what makes it lawful: a disclosure or a refusal, and a receipt."""

from dataclasses import dataclass

from gateway.errors import GatewayError
from gateway.model.audit import AuditReceipt
from gateway.model.ids import PolicyVersion
from gateway.model.query import MediaType
from gateway.model.rows import Disclosure


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """A typed, audited "no": the error and the stage in which it arose."""

    error: GatewayError
    stage: str


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Response:
    """What leaves. Built by gateway.pipeline only.

    `receipt` is None in one case: a refusal because the log itself can't be written.
    """

    outcome: Disclosure | Refusal
    body: bytes  # exactly the bytes whose SHA-256 is in the entry; empty for a refusal
    media_type: MediaType
    receipt: AuditReceipt | None
    policy_version: PolicyVersion | None
    is_head: bool

    def __post_init__(self) -> None:
        """INVARIANT: no receipt, no release."""
        if self.receipt is None and not isinstance(self.outcome, Refusal):
            msg = "a disclosure can't be answered without its audit receipt"
            raise TypeError(msg)
