"""The way of a request: InboundRequest -> Response, one road, one direction.

Every path to data is in this file. The stages are pure or own their I/O; they never import one another.
Refusals take the same way: typed, written down, answered with a receipt.
"""

import asyncio
import secrets
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from gateway.audit import AuditLog, Recorder
from gateway.authentication import Authenticator
from gateway.decision import PolicyEngine
from gateway.disclosure import disclose, render
from gateway.errors import (
    ActionNotAllowed,
    AppNotAuthenticated,
    AuditFailed,
    DatasetUnavailable,
    Defect,
    GatewayError,
    LimitReached,
    PurposeMissing,
    SourceFailed,
    SourceTimeout,
    SourceUnavailable,
)
from gateway.model.audit import AuditReceipt, EntryKind
from gateway.model.caller import Caller, InboundRequest
from gateway.model.case import CaseFacts
from gateway.model.catalog import Purpose
from gateway.model.explanation import Explanation
from gateway.model.ids import CaseId, DatasetName, FieldName, PrincipalId, PurposeId, SourceName
from gateway.model.plan import ReadPlan
from gateway.model.query import BoundQuery, MediaType
from gateway.model.response import Refusal, Response
from gateway.model.rows import Disclosure, RawRows
from gateway.model.trail import Trail
from gateway.planning import explain_plan, plan_read
from gateway.query import bind, parse
from gateway.settings import Limits, Timeouts
from gateway.spi import Capabilities, Connector, MaskContext, PseudonymKey
from gateway.telemetry import Stage, Tracing, operator_log

Permission = tuple[DatasetName, FieldName]


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A control-plane change that was checked and can be made: what the log says of it, and the making."""

    detail: str
    case: str
    subjects: tuple[str, ...]  # raw ID numbers; only their keyed hashes are written
    make: Callable[[], Awaitable[None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Pipeline:
    """The road with everything it needs; one a process."""

    engine: Callable[[], PolicyEngine]  # the policy that serves now; a request keeps the one it began with
    authenticator: Authenticator
    sources: Mapping[SourceName, Connector]
    audit: AuditLog
    check_glass: Callable[[Purpose, Caller, datetime], None]  # break-glass: reviews decided, grant not lapsed
    find_case: Callable[[CaseId], CaseFacts | None]
    charge: Callable[[PrincipalId, PurposeId, datetime, int, int], bool]
    charge_release: Callable[[PrincipalId, Purpose, datetime, int, tuple[str, ...]], None]
    hash_subject: Callable[[str], str]
    pseudonym_key: Callable[[PurposeId], PseudonymKey]
    limits: Limits
    timeouts: Timeouts
    tracing: Tracing
    clock: Callable[[], datetime]

    async def answer(self, request: InboundRequest, *, parent_span: str | None = None) -> Response:
        """The disclosure or the refusal, with the receipt of its entry."""
        engine = self.engine()
        recorder = self._recorder(request, engine)
        with self.tracing.request(request.trace_id, parent_span):
            try:
                return await self._read(engine, recorder, request)
            except Exception as error:  # noqa: BLE001 - the one place where a defect becomes an audited refusal
                return await self._refuse(recorder, error)

    async def refuse(self, request: InboundRequest, error: GatewayError) -> Response:
        """The refusal of a request that is over the limits before it could be read."""
        return await self._refuse(self._recorder(request, self.engine()), error)

    async def explain(self, request: InboundRequest, question: InboundRequest) -> Explanation | Response:
        """What `question` would meet, asked by the sender of `request`; written down; touches no data."""
        engine = self.engine()
        recorder = self._recorder(request, engine)
        try:
            caller, purpose = self._authenticate(engine, recorder, request)
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
            caller = self._identify(engine, recorder, request)
            purposes = engine.purposes_open_to(caller, self.clock())
            if caller.purpose is not None:
                purpose = engine.admit(caller, self.clock())
                for dataset in engine.catalog.datasets.values():
                    if dataset.source is None:
                        continue
                    question = replace(request, path=f"/data/{dataset.name}", query_string="select=*")
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
            caller, purpose = self._authenticate(engine, recorder, request)
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
    async def _read(self, engine: PolicyEngine, recorder: Recorder, request: InboundRequest) -> Response:
        caller, purpose = self._authenticate(engine, recorder, request)
        bound, facts = await self._bind(engine, recorder, request, caller, purpose)
        with self.tracing.stage(recorder.at(Stage.DECIDE)):
            now = self.clock()
            decision = await asyncio.to_thread(engine.decide, bound, caller, facts, now)
            recorder.decided(decision, facts, now)
        with self.tracing.stage(recorder.at(Stage.PLAN)):
            plan = plan_read(bound, decision, self._capabilities(bound), self.limits, self.timeouts.source)
            recorder.saw(plan=plan)
            await asyncio.to_thread(self.check_glass, purpose, caller, self.clock())
            await self._charge(plan, caller, purpose)
        disclosure = await self._disclose(recorder, plan, purpose)
        body = render(disclosure, bound.media_type, self.limits.answer_bytes)
        # the source may have been slow: what lapsed or fell due meanwhile releases nothing
        await asyncio.to_thread(self.check_glass, purpose, caller, self.clock())
        # what left is known only now: it is counted before the entry, and a refusal here has counted nothing
        await asyncio.to_thread(
            self.charge_release,
            caller.principal,
            purpose,
            self.clock(),
            len(disclosure.rows),
            disclosure.subjects,
        )
        with self.tracing.stage(recorder.at(Stage.AUDIT)):
            receipt = await recorder.record(EntryKind.READ, "released", disclosure=disclosure, body=body)
        return Response(
            outcome=disclosure,
            body=body,
            media_type=bound.media_type,
            receipt=receipt,
            policy_version=engine.version,
            is_head=bound.is_head,
        )

    def _identify(self, engine: PolicyEngine, recorder: Recorder, request: InboundRequest) -> Caller:
        with self.tracing.stage(recorder.at(Stage.AUTHENTICATE)):
            caller = self.authenticator.authenticate(request, self.clock())
            recorder.saw(caller=caller)
            if caller.app not in engine.catalog.apps:
                raise AppNotAuthenticated
            return caller

    def _authenticate(
        self, engine: PolicyEngine, recorder: Recorder, request: InboundRequest
    ) -> tuple[Caller, Purpose]:
        caller = self._identify(engine, recorder, request)
        if caller.purpose is None:
            raise PurposeMissing
        purpose = engine.admit(caller, self.clock())
        recorder.saw(purpose=purpose)
        return caller, purpose

    async def _bind(
        self, engine: PolicyEngine, recorder: Recorder, question: InboundRequest, caller: Caller, purpose: Purpose
    ) -> tuple[BoundQuery, CaseFacts | None]:
        with self.tracing.stage(recorder.at(Stage.PARSE)):
            query = parse(question, self.limits)
        with self.tracing.stage(recorder.at(Stage.BIND)):
            facts = await asyncio.to_thread(self.find_case, caller.case) if caller.case is not None else None
            engine.check_purpose(purpose, caller, facts, self.clock())
            bound = bind(query, engine.catalog, purpose, caller.case)
            recorder.saw(bound=bound)
        return bound, facts

    async def _explain(
        self, engine: PolicyEngine, recorder: Recorder, bound: BoundQuery, caller: Caller, facts: CaseFacts | None
    ) -> Explanation:
        with self.tracing.stage(recorder.at(Stage.DECIDE)):
            now = self.clock()
            decision = await asyncio.to_thread(engine.decide, bound, caller, facts, now)
            recorder.decided(decision, facts, now)
        return explain_plan(bound, decision, self._capabilities(bound), self.limits, self.timeouts.source)

    def _capabilities(self, bound: BoundQuery) -> Capabilities:
        return self._source(bound).capabilities(bound.dataset.table)

    def _source(self, bound: BoundQuery) -> Connector:
        source = self.sources.get(bound.dataset.source) if bound.dataset.source is not None else None
        if source is None:
            raise SourceUnavailable(dataset=bound.dataset.name, operator="the dataset's source is not configured")
        return source

    async def _charge(self, plan: ReadPlan, caller: Caller, purpose: Purpose) -> None:
        limit = purpose.matches_per_day
        if plan.matches == 0 or limit is None:
            return
        charged = await asyncio.to_thread(self.charge, caller.principal, purpose.id, self.clock(), plan.matches, limit)
        if not charged:
            raise LimitReached(what=("look-ups by a masked field", "脱敏字段匹配查询"), limit=limit)

    async def _disclose(self, recorder: Recorder, plan: ReadPlan, purpose: Purpose) -> Disclosure:
        source = self._source(plan.bound)
        raw = RawRows(
            batches=self.tracing.fetching(source.fetch(plan.fetch)),
            width=len(plan.fetch.columns) + len(plan.fetch.aggregates),
            counts=self.tracing.fetching(source.fetch(plan.count_fetch)) if plan.count_fetch is not None else None,
        )
        context = MaskContext(pseudonym_key=self.pseudonym_key(purpose.id))
        with self.tracing.stage(recorder.at(Stage.DISCLOSE)):
            try:
                async with asyncio.timeout(self.timeouts.total):
                    return await disclose(raw, plan, self.hash_subject, context)
            except TimeoutError:
                raise SourceTimeout(dataset=plan.bound.dataset.name) from None

    # ------------------------------------------------------------------ refusals
    def _recorder(self, request: InboundRequest, engine: PolicyEngine) -> Recorder:
        trail = Trail(trace_id=request.trace_id, started_at=request.received_at, policy_version=engine.version)
        return Recorder(self.audit, self.clock, self.hash_subject, trail)

    async def _refuse(self, recorder: Recorder, error: Exception) -> Response:
        known = error if isinstance(error, GatewayError) else Defect(operator=type(error).__name__)
        if isinstance(known, Defect | SourceFailed | AuditFailed):
            where = error.__traceback__
            while where is not None and where.tb_next is not None:
                where = where.tb_next
            operator_log().error(
                "refused",
                code=known.code,
                stage=recorder.stage.value,
                detail=known.operator,
                trace_id=recorder.trace_id,
                file=where.tb_frame.f_code.co_filename.rpartition("/")[2] if where else "",
                line=where.tb_lineno if where else 0,
            )
        receipt: AuditReceipt | None = None
        stage = recorder.stage.value
        try:
            outcome = "failed" if isinstance(known, Defect | SourceFailed) else "refused"
            receipt = await recorder.record(EntryKind.REFUSAL, outcome, refusal=known)
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
