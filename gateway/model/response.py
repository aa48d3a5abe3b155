"""Stage 9: the answer. Its constructor demands what makes it lawful: a disclosure or a refusal, and a receipt."""

from collections.abc import AsyncGenerator, Callable
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
class Stream:
    """An answer that leaves in batches. Built by gateway.pipeline only.

    `opening` is the receipt of the entry before the first byte; each batch has an entry of its own, durable before the
    batch is handed out, and the last is followed by a closing one. Iterating raises GatewayError where the answer
    can't be brought to its end: what left is then no whole answer, and must not look like one.
    """

    batches: AsyncGenerator[bytes, None]
    media_type: MediaType
    opening: AuditReceipt
    policy_version: PolicyVersion
    total: int | None
    notices: tuple[str, ...]
    is_head: bool


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
    take_back: Callable[[bool], None] | None = None
    """Of a disclosure: to be called where it was not sent; with True where some of it may have arrived."""

    def __post_init__(self) -> None:
        """INVARIANT: no receipt, no release."""
        if self.receipt is None and not isinstance(self.outcome, Refusal):
            msg = "a disclosure can't be answered without its audit receipt"
            raise TypeError(msg)
