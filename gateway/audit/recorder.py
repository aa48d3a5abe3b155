"""Keeps one request's trail and writes its entries."""

import hashlib
from collections.abc import Callable
from datetime import datetime
from functools import partial

from gateway.audit.log import AuditLog
from gateway.audit.record import entry_of, keep_released, released_again
from gateway.errors import GatewayError
from gateway.model.audit import AuditEntry, AuditReceipt, EntryKind
from gateway.model.caller import Caller
from gateway.model.case import CaseFacts
from gateway.model.catalog import Purpose
from gateway.model.decision import Decision
from gateway.model.ids import PolicyVersion
from gateway.model.plan import PlannedColumn, ReadPlan
from gateway.model.query import BoundQuery
from gateway.model.remembered import Remembered
from gateway.model.rows import Disclosure
from gateway.model.trail import Trail
from gateway.telemetry import Stage


class Recorder:
    """One request's: knows how far it came, so that a refusal at any stage tells what is known."""

    def __init__(
        self, audit: AuditLog, clock: Callable[[], datetime], hash_subject: Callable[[str], str], trail: Trail
    ) -> None:
        self._audit = audit
        self._hash_subject = hash_subject
        self._clock = clock
        self._trail = trail
        self._released: list[tuple[AuditEntry, AuditReceipt]] = []
        self.stage = Stage.RECEIVE

    @property
    def trace_id(self) -> str:
        """The request's trace id, 32 hex digits."""
        return self._trail.trace_id

    @property
    def policy_version(self) -> PolicyVersion | None:
        """The policy that the request keeps to its end."""
        return self._trail.policy_version

    @property
    def caller(self) -> Caller | None:
        """Who asks, as far as that is known."""
        return self._trail.caller

    def at(self, stage: Stage) -> Stage:
        """Note that the stage has begun."""
        self.stage = stage
        return stage

    def asked_by(self, caller: Caller) -> None:
        """Note who asks."""
        self._trail.caller = caller

    def asked_for(self, purpose: Purpose) -> None:
        """Note for what."""
        self._trail.purpose = purpose

    def asked(self, bound: BoundQuery) -> None:
        """Note the question, as it was bound."""
        self._trail.bound = bound

    def planned(self, plan: ReadPlan) -> None:
        """Note its plan."""
        self._trail.plan = plan

    def keyed(self, token_version: int) -> None:
        """Note the version of the key that tokens are made with."""
        self._trail.token_version = token_version

    async def released(self, disclosure: Disclosure, body: bytes, *, refers_to: int | None = None) -> AuditReceipt:
        """Write an entry for each dataset that rows come from, the root's with the receipt; raises AuditFailed.

        They share the trace id and the hash of the one body (of an answer in batches, of the batch, and `refers_to` its
        opening). All are durable when this returns.
        """
        sha256 = hashlib.sha256(body).hexdigest()
        plan = self._trail.plan
        below = _plans_below(plan) if plan is not None and plan.embeds else ()
        entries = []
        for place, (path, embedded) in enumerate(below):
            part = disclosure.parts[place]
            trail = self._trail.below(embedded)
            entries.append(
                self._entry(
                    trail,
                    EntryKind.READ,
                    "released",
                    sha256=sha256,
                    rows=part.rows,
                    subjects=part.subjects,
                    refers_to=refers_to,
                    detail=_detail(f"embedded as {path}", embedded, self._trail),
                )
            )
        entries.append(self._of_root(disclosure, sha256, refers_to))
        receipts = await self._audit.append_all(entries)
        self._released = list(zip(entries, receipts, strict=True))
        return receipts[-1]

    def _of_root(self, disclosure: Disclosure, sha256: str, refers_to: int | None) -> AuditEntry:
        trail, rows, subjects = self._trail, len(disclosure.rows), disclosure.subjects
        again = released_again(
            trail, now=self._clock(), rows=rows, sha256=sha256, subjects=subjects, refers_to=refers_to
        )
        if again is not None:
            return again
        detail = _detail("", trail.plan, trail)
        entry = self._entry(
            trail, EntryKind.READ, "released", sha256=sha256, rows=rows, subjects=subjects, refers_to=refers_to,
            detail=detail,
        )  # fmt: skip
        keep_released(trail, entry)
        return entry

    def take_back(self, *, may_have_arrived: bool) -> None:
        """What was written down as released last was not sent, or not to its end: each entry is followed by one."""
        released, self._released = self._released, []
        for entry, receipt in released:
            self._audit.take_back(entry, receipt, may_have_arrived=may_have_arrived)

    def decided(self, decision: Decision, facts: CaseFacts | None, at: datetime) -> None:
        """Note a decision with the case and the very instant that it was made for."""
        self._trail.decision, self._trail.facts, self._trail.decided_at = decision, facts, at

    def decided_again(self, decision: Decision, at: datetime, plan: ReadPlan) -> None:
        """Note the decision on a question without a case that was asked before, and its plan."""
        self.stage, trail = Stage.PLAN, self._trail
        trail.decision, trail.decided_at, trail.plan, trail.bound = decision, at, plan, plan.bound

    async def record(
        self,
        kind: EntryKind,
        outcome: str,
        *,
        refusal: GatewayError | None = None,
        subjects: tuple[str, ...] = (),
        detail: str = "",
        case: str = "",
        refers_to: int | None = None,
        sha256: str = "",
    ) -> AuditReceipt:
        """Write the entry; returns when it is durable. Raises AuditFailed."""
        return await self._audit.append(
            self._entry(
                self._trail,
                kind,
                outcome,
                refusal=refusal,
                subjects=subjects,
                detail=detail,
                case=case,
                refers_to=refers_to,
                sha256=sha256,
            )
        )

    def _entry(
        self,
        trail: Trail,
        kind: EntryKind,
        outcome: str,
        *,
        refusal: GatewayError | None = None,
        rows: int = 0,
        sha256: str = "",
        subjects: tuple[str, ...] = (),
        detail: str = "",
        case: str = "",
        refers_to: int | None = None,
    ) -> AuditEntry:
        return entry_of(
            trail,
            hash_subject=self._hash_subject,
            now=self._clock(),
            kind=kind,
            outcome=outcome,
            refusal=refusal,
            stage=self.stage.value if refusal is not None else "",
            rows=rows,
            sha256=sha256,
            subjects=subjects,
            detail=detail,
            case=case,
            refers_to=refers_to,
        )


def _detail(said: str, plan: ReadPlan | None, trail: Trail) -> str:
    """With the version of the key that tokens were made with (they are turned back by it), and who can open seals."""
    told = [said] if said else []
    kinds = _kinds.of(plan.columns, None, partial(_masks_of, plan.columns)) if plan is not None else frozenset()
    if "token" in kinds and trail.token_version is not None:
        told.append(f"token key {trail.token_version}")
    if "seal" in kinds and trail.caller is not None and trail.caller.terminal is not None:
        told.append(f"sealed to {trail.caller.terminal}")
    return "; ".join(told)


_kinds: Remembered[tuple[PlannedColumn, ...], frozenset[str]] = Remembered()


def _masks_of(columns: tuple[PlannedColumn, ...]) -> frozenset[str]:
    return frozenset(column.mask.choice.kind for column in columns if column.mask is not None)


def _plans_below(plan: ReadPlan, path: str = "") -> tuple[tuple[str, ReadPlan], ...]:
    """Each embed's plan with the names of its links from the root down, depth first."""
    found: list[tuple[str, ReadPlan]] = []
    for embed in plan.embeds:
        here = f"{path}{embed.link}"
        found += [(here, embed.plan), *_plans_below(embed.plan, f"{here}.")]
    return tuple(found)
