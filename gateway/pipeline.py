"""The way of a request: InboundRequest -> Response, one road, one direction.

Every path to data is in this file; its stages never import one another. Refusals take it too, and have a receipt.
"""

import asyncio
import secrets
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial

from gateway.audit import AuditLog, Recorder
from gateway.authentication import Authenticator
from gateway.decision import PolicyEngine
from gateway.disclosure import disclose, disclose_in_batches, refuse_range, render, writer_of
from gateway.errors import (
    ActionNotAllowed,
    AppNotAuthenticated,
    AuditFailed,
    ClientGone,
    DatasetUnavailable,
    Defect,
    EmbedUnavailable,
    GatewayError,
    PolicyChanged,
    SourceFailed,
)
from gateway.fetching import Fetching
from gateway.identifying import Identifying
from gateway.model.audit import AuditReceipt, EntryKind
from gateway.model.caller import Caller, InboundRequest
from gateway.model.case import CaseFacts
from gateway.model.catalog import Purpose
from gateway.model.change import Change
from gateway.model.explanation import Explanation
from gateway.model.ids import CaseId, DatasetName, DepartmentName, FieldName, PrincipalId, PurposeId, SourceName
from gateway.model.plan import ReadPlan
from gateway.model.query import STREAMED, BoundQuery, MediaType
from gateway.model.response import Refusal, Response, Stream
from gateway.model.rows import Disclosure
from gateway.model.trail import Trail
from gateway.planning import explain_plan, offering, plan_question
from gateway.prepared import PreparedQuestions
from gateway.query import bind, bind_links, parse, shape_of
from gateway.settings import Limits, Timeouts
from gateway.spi import Connector, MaskContext, MaskKeys, TerminalKey
from gateway.streaming import BatchedAnswer, Reading, Within, batches_of
from gateway.telemetry import Stage, Tracing, log_failure
from gateway.turns import Turns

Permission = tuple[DatasetName, FieldName]


@dataclass(frozen=True, slots=True, kw_only=True)
class Pipeline:
    """The road with everything it needs; one a process."""

    engine: Callable[[], PolicyEngine]  # the policy that serves now; a request keeps the one it began with
    authenticator: Authenticator
    sources: Mapping[SourceName, Connector]
    audit: AuditLog
    check_glass: Callable[[Purpose, Caller, datetime], None]  # break-glass: reviews decided, grant not lapsed
    find_case: Callable[[CaseId], CaseFacts | None]
    charge: Callable[[PrincipalId, Purpose, datetime, int], None]
    charge_release: Callable[[PrincipalId, Purpose, datetime, int, tuple[str, ...]], None]
    raise_flag: Callable[[Recorder, GatewayError], Awaitable[None]]  # does so for a limit against guessing only
    hash_subject: Callable[[str], str]
    hash_subjects: Callable[[Iterable[str]], Iterable[str]]  # the same of many
    mask_keys: Callable[[PurposeId], MaskKeys]
    find_terminal: Callable[[Caller], TerminalKey | None]  # of the device that the caller names
    limits: Limits
    timeouts: Timeouts
    default_department: DepartmentName | None  # what a short name means where the asker names no department
    turns: Turns
    tracing: Tracing
    clock: Callable[[], datetime]
    prepared: PreparedQuestions = field(init=False, default_factory=PreparedQuestions)  # under these very settings
    _fetching: Fetching = field(init=False)
    _identifying: Identifying = field(init=False)

    def __post_init__(self) -> None:
        """Tie the sources to their spans, and callers to the log."""
        object.__setattr__(self, "_fetching", Fetching(self.sources, self.tracing))
        object.__setattr__(self, "_identifying", Identifying(self.authenticator, self.audit))

    async def answer(self, request: InboundRequest, *, parent_span: str | None = None) -> Response | Stream:
        """The disclosure or the refusal, with the receipt of its entry; a long answer as a stream."""
        recorder = self._recorder(request, engine := self.engine())
        with self.tracing.request(request.trace_id, parent_span):
            try:
                return await self._read(engine, recorder, request)
            except asyncio.CancelledError:
                await asyncio.shield(self._refuse(recorder, ClientGone()))
                raise
            except Exception as error:  # noqa: BLE001 - the one place where a defect becomes an audited refusal
                return await self._refuse(recorder, error)

    async def refuse(self, request: InboundRequest, error: GatewayError) -> Response:
        """The refusal of a request that is over the limits before it could be read."""
        return await self._refuse(self._recorder(request, self.engine()), error)

    async def explain(self, request: InboundRequest, question: InboundRequest) -> Explanation | Response:
        """What `question` would meet, asked by the sender of `request`; written down; touches no data."""
        recorder = self._recorder(request, engine := self.engine())
        try:
            caller, purpose = await self._authenticate(engine, recorder, request)
            bound, facts = await self._bind(engine, recorder, question, caller, purpose)
            explanation = await self._explain(engine, recorder, bound, caller, facts)
            if isinstance(explanation.refusal, DatasetUnavailable):
                # to explain why it is not theirs would tell that it exists
                raise explanation.refusal
            await recorder.record(EntryKind.EXPLAIN, "done")
        except Exception as error:  # noqa: BLE001 - as in answer
            return await self._refuse(recorder, error)
        return explanation

    async def survey(self, request: InboundRequest) -> tuple[tuple[Purpose, ...], tuple[Explanation, ...]] | Response:
        """The purposes open to the sender and, where one is declared, every dataset that it may see something of."""
        engine = self.engine()
        recorder = self._recorder(request, engine)
        explanations: list[Explanation] = []
        try:
            caller = await self._identify(engine, recorder, request, self.clock())
            purposes = engine.purposes_open_to(caller, self.clock())
            if caller.purpose is not None:
                purpose = engine.admit(caller, self.clock())
                for dataset in (one for one in engine.catalog.datasets.values() if one.source is not None):
                    question = request._replace(path=f"/data/{dataset.name}", query_string="select=*")
                    bound, facts = await self._bind(engine, recorder, question, caller, purpose)
                    explanation = await self._explain(engine, recorder, bound, caller, facts)
                    if explanation.refusal is None:
                        explanations.append(explanation)
            await recorder.record(EntryKind.EXPLAIN, "done", detail="catalogue")
        except Exception as error:  # noqa: BLE001 - as in answer
            return await self._refuse(recorder, error)
        return purposes, tuple(explanations)

    async def act(
        self,
        request: InboundRequest,
        *,
        permission: Permission,
        kind: EntryKind,
        prepare: Callable[[Caller, Purpose], Awaitable[Change]],
        engine: PolicyEngine | None = None,
    ) -> AuditReceipt | Response:
        """A control-plane change under a `write` rule: decided, prepared (checked), written down, then made.

        `engine`: the policy that `prepare` speaks of, so that both are one version; without it the one that serves.
        """
        engine = engine or self.engine()
        recorder = self._recorder(request, engine)
        try:
            caller, purpose = await self._authenticate(engine, recorder, request)
            with self.tracing.stage(recorder.at(Stage.DECIDE)):
                dataset = engine.catalog.datasets.get(permission[0])
                now = self.clock()
                if dataset is None or not engine.decide_action(dataset, permission[1], purpose, caller, None, now)[0]:
                    raise ActionNotAllowed
            recorder.at(Stage.ADMINISTER)
            change = await prepare(caller, purpose)
            hashes = tuple(sorted({self.hash_subject(subject) for subject in change.subjects}))
            receipt = await recorder.record(kind, "done", detail=change.detail, subjects=hashes, case=change.case)
            try:
                await change.make()
            except Exception:
                await recorder.record(EntryKind.NOT_MADE, "not-made", refers_to=receipt.index, case=change.case)
                raise
        except Exception as error:  # noqa: BLE001 - as in answer
            return await self._refuse(recorder, error)
        return receipt

    async def note(self, kind: EntryKind, detail: str) -> AuditReceipt:
        """Write down what the operator did (start, reload); raises AuditFailed."""
        trail = Trail(trace_id=secrets.token_hex(16), started_at=self.clock(), policy_version=self.engine().version)
        return await Recorder(self.audit, self.clock, self.hash_subject, trail).record(kind, "done", detail=detail)

    # ------------------------------------------------------------------ the stages, in order
    async def _read(self, engine: PolicyEngine, recorder: Recorder, request: InboundRequest) -> Response | Stream:
        caller, purpose = await self._authenticate(engine, recorder, request)
        if not self.turns.take_now(caller.app):
            await self.turns.take(caller.app)
        has_turn = True
        try:
            plan = await self._plan(engine, recorder, request, caller, purpose)
            if purpose.is_break_glass:
                await asyncio.to_thread(self.check_glass, purpose, caller, self.clock())
            if plan.matches and purpose.matches_per_day is not None:
                await asyncio.to_thread(self.charge, caller.principal, purpose, self.clock(), plan.matches)
            if plan.media_type not in STREAMED:
                disclosure = await self._disclose(recorder, plan, caller, purpose)
                most, strips = self.limits.answer_bytes, plan.bound.strips_nulls
                body = render(disclosure, plan.media_type, most, strips_nulls=strips)
                if self.turns.may_end(len(body)):  # the more wait for the log, the more one commit carries
                    self.turns.give_back(caller.app)
                    has_turn = False
                receipt = await self._release(recorder, caller, purpose, disclosure, body)
                return self._answered(recorder, plan, disclosure, body, receipt)
        finally:
            if has_turn:
                self.turns.give_back(caller.app)
        return await self._in_batches(Reading(engine, recorder, plan, caller, purpose))

    async def _plan(
        self, engine: PolicyEngine, recorder: Recorder, request: InboundRequest, caller: Caller, purpose: Purpose
    ) -> ReadPlan:
        """What was asked before is decided anew, not planned anew; a first question goes all the way."""
        shape, now, capabilities = shape_of(request), self.clock(), self._fetching.capabilities
        with self.tracing.stage(recorder.at(Stage.BIND)):
            again = self.prepared.plan_again(engine, caller, shape, now, capabilities)
        if again is not None:
            recorder.decided_again(again[0], now, again[1])
            return again[1]
        bound, facts = await self._bind(engine, recorder, request, caller, purpose)
        with self.tracing.stage(recorder.at(Stage.DECIDE)):
            now = self.clock()
            decided = await asyncio.to_thread(engine.decide_question, bound, caller, facts, now)
            recorder.decided(decided.decision, facts, now)
        with self.tracing.stage(recorder.at(Stage.PLAN)):
            try:
                seconds = self.timeouts.stream if bound.media_type in STREAMED else self.timeouts.source
                plan = plan_question(decided, capabilities, self.limits, seconds)
            except EmbedUnavailable as error:
                links = bind_links(engine.catalog.datasets[DatasetName(error.dataset)], bound)
                raise offering(error, engine.decide_question(links, caller, facts, now)) from None
        recorder.planned(plan)
        self.prepared.keep(engine, caller, shape, decided, plan, capabilities)
        return plan

    async def _release(
        self,
        recorder: Recorder,
        caller: Caller,
        purpose: Purpose,
        disclosure: Disclosure,
        body: bytes,
        *,
        refers_to: int | None = None,
    ) -> AuditReceipt:
        """What must have happened before these bytes leave."""
        if purpose.is_break_glass:
            # the source may have been slow: what lapsed or fell due meanwhile releases nothing
            await asyncio.to_thread(self.check_glass, purpose, caller, self.clock())
        if purpose.limits_release:
            # what left is known only now: it is counted before the entry, and a refusal here has counted nothing
            leaving = (disclosure.all_rows, disclosure.all_subjects)
            await asyncio.to_thread(self.charge_release, caller.principal, purpose, self.clock(), *leaving)
        with self.tracing.stage(recorder.at(Stage.AUDIT)):
            return await recorder.released(disclosure, body, refers_to=refers_to)

    @staticmethod
    def _answered(
        recorder: Recorder, plan: ReadPlan, disclosure: Disclosure, body: bytes, receipt: AuditReceipt
    ) -> Response:
        return Response(
            outcome=disclosure,
            body=body,
            media_type=plan.media_type,
            receipt=receipt,
            policy_version=recorder.policy_version,
            is_head=plan.bound.is_head,
            take_back=lambda may_have_arrived: recorder.take_back(may_have_arrived=may_have_arrived),
        )

    # ------------------------------------------------------------------ long answers
    async def _in_batches(self, reading: Reading) -> Response | Stream:
        """The whole where it is one batch; else a stream, once its first batch is there and its opening is durable."""
        recorder, plan = reading.recorder, reading.plan
        writer = writer_of(plan.media_type, plan)
        context = self._mask_context(recorder, reading.purpose, await self._terminal(reading.caller))
        parts = disclose_in_batches(self._fetching.open, plan, self.hash_subjects, context, self.limits.batch_rows)
        try:
            with self.tracing.stage(recorder.at(Stage.DISCLOSE)), Within(self.timeouts.stream, plan):
                first = await anext(parts)
                second = None if plan.bound.is_head else await anext(parts, None)
            refuse_range(first)
            if second is None:
                await parts.aclose()
                body = writer.batch(first) + writer.end()
                receipt = await self._release(recorder, reading.caller, reading.purpose, first, body)
                return self._answered(recorder, plan, first, body, receipt)
            opening = await recorder.record(EntryKind.READ, "opened")
        except BaseException:
            await parts.aclose()
            raise
        return Stream(
            batches=batches_of(
                BatchedAnswer(
                    ready=[first, second],
                    following=parts,
                    writer=writer,
                    plan=plan,
                    release=partial(self._release_batch, reading, opening.index),
                    close=partial(recorder.record, EntryKind.READ, "closed", refers_to=opening.index),
                    refuse=partial(self._refuse, recorder, refers_to=opening.index),
                    take_back=partial(recorder.take_back, may_have_arrived=True),
                    seconds=self.timeouts.stream,
                )
            ),
            media_type=plan.media_type,
            opening=opening,
            policy_version=reading.engine.version,
            total=first.total,
            notices=first.notices,
            is_head=plan.bound.is_head,
        )

    async def _release_batch(self, reading: Reading, opening: int, disclosure: Disclosure, body: bytes) -> None:
        """As `_release`; what was decided at the beginning must still hold. Raises PolicyChanged."""
        engine, caller = reading.engine, reading.caller
        if self.engine().version != engine.version:
            raise PolicyChanged
        facts = await asyncio.to_thread(self.find_case, caller.case) if caller.case is not None else None
        engine.check_purpose(reading.purpose, caller, facts, self.clock())
        await self._terminal(caller)
        await self._release(reading.recorder, caller, reading.purpose, disclosure, body, refers_to=opening)

    async def _identify(
        self, engine: PolicyEngine, recorder: Recorder, request: InboundRequest, now: datetime
    ) -> Caller:
        with self.tracing.stage(recorder.at(Stage.AUTHENTICATE)):
            caller = self._identifying.recall(request, now) or await self._identifying.authenticate(request, now)
            recorder.asked_by(caller)
            if caller.app not in engine.catalog.apps:
                raise AppNotAuthenticated
            return caller

    async def _authenticate(
        self, engine: PolicyEngine, recorder: Recorder, request: InboundRequest
    ) -> tuple[Caller, Purpose]:
        caller = await self._identify(engine, recorder, request, now := self.clock())
        recorder.asked_for(purpose := engine.admit(caller, now))
        return caller, purpose

    async def _bind(
        self, engine: PolicyEngine, recorder: Recorder, question: InboundRequest, caller: Caller, purpose: Purpose
    ) -> tuple[BoundQuery, CaseFacts | None]:
        with self.tracing.stage(recorder.at(Stage.PARSE)):
            query = parse(question, self.limits)
        with self.tracing.stage(recorder.at(Stage.BIND)):
            facts = await asyncio.to_thread(self.find_case, caller.case) if caller.case is not None else None
            engine.check_purpose(purpose, caller, facts, self.clock())
            bound = bind(
                query, engine.catalog, purpose, caller.case, default=self.default_department, limits=self.limits
            )
            recorder.asked(bound)
        return bound, facts

    async def _explain(
        self, engine: PolicyEngine, recorder: Recorder, bound: BoundQuery, caller: Caller, facts: CaseFacts | None
    ) -> Explanation:
        with self.tracing.stage(recorder.at(Stage.DECIDE)):
            now = self.clock()
            decided = await asyncio.to_thread(engine.decide_question, bound, caller, facts, now)
            recorder.decided(decided.decision, facts, now)
        return explain_plan(decided, self._fetching.capabilities, self.limits, self.timeouts.source)

    async def _disclose(self, recorder: Recorder, plan: ReadPlan, caller: Caller, purpose: Purpose) -> Disclosure:
        terminal = await self._terminal(caller) if caller.terminal is not None else None
        context = self._mask_context(recorder, purpose, terminal)
        with self.tracing.stage(recorder.at(Stage.DISCLOSE)), Within(self.timeouts.total, plan):
            return await disclose(self._fetching.open, plan, self.hash_subjects, context, self._fetching.at_once)

    def _mask_context(self, recorder: Recorder, purpose: Purpose, terminal: TerminalKey | None) -> MaskContext:
        keys = self.mask_keys(purpose.id)
        recorder.keyed(keys.token_version)
        return MaskContext(keys=keys, today=self.clock().date(), terminal=terminal)

    async def _terminal(self, caller: Caller) -> TerminalKey | None:
        """The key that answers are sealed to; raises TerminalUnavailable where the one that is named can't be used."""
        return await asyncio.to_thread(self.find_terminal, caller) if caller.terminal is not None else None

    # ------------------------------------------------------------------ refusals
    def _recorder(self, request: InboundRequest, engine: PolicyEngine) -> Recorder:
        trail = Trail(trace_id=request.trace_id, started_at=request.received_at, policy_version=engine.version)
        return Recorder(self.audit, self.clock, self.hash_subject, trail)

    async def _refuse(self, recorder: Recorder, error: Exception, *, refers_to: int | None = None) -> Response:
        known = error if isinstance(error, GatewayError) else Defect(operator=type(error).__name__)
        receipt: AuditReceipt | None = None
        stage = recorder.stage.value
        if isinstance(known, Defect | SourceFailed | AuditFailed):
            log_failure(error, known.code, known.operator, stage, recorder.trace_id)
        try:
            await self.raise_flag(recorder, known)
            outcome = "failed" if isinstance(known, Defect | SourceFailed) else "refused"
            receipt = await recorder.record(EntryKind.REFUSAL, outcome, refusal=known, refers_to=refers_to)
        except AuditFailed as failure:
            # no receipt: the answer is that the log can't be written, whatever else was wrong
            known = failure
        return Response(
            outcome=Refusal(error=known, stage=stage),
            body=b"",
            media_type=MediaType.JSON,
            receipt=receipt,
            policy_version=recorder.policy_version,
            is_head=False,
        )
