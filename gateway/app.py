"""Settings -> the ASGI application: builds every room once and ties them to the road.

Owns the one clock, loads connectors by entry point, and holds the process together: what can't start, stops it.
"""

import asyncio
import json
import signal
import threading
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response as HttpResponse
from starlette.exceptions import HTTPException

from gateway.administration import (
    Apps,
    CaseDesk,
    FlagDesk,
    KeyDesk,
    LogDesk,
    PolicyHolder,
    PolicyVersions,
    ReidentificationDesk,
    ReviewDesk,
    following,
    keeping,
    open_ring,
)
from gateway.api.authzen import AuthzenFace, request_id_of
from gateway.api.control_plane import Face
from gateway.api.data_plane import DataPlane, Receive, Send
from gateway.api.flags import FlagFace
from gateway.api.inbound import Scope
from gateway.api.keys import KeyFace
from gateway.api.limits import WithinLimits
from gateway.api.log_desk import LogFace
from gateway.api.openapi import describe_data_plane
from gateway.api.problems import PROBLEM, challenge_of, language_of, problem_of
from gateway.api.reidentification import ReidentificationFace
from gateway.api.reviews import ReviewFace
from gateway.api.why import WhyFace
from gateway.audit import AuditLog, BlindedSource, Indexer, LogSearcher
from gateway.authentication import Authenticator, TrustedIssuer
from gateway.errors import (
    AuditFailed,
    BodyMalformed,
    BundleInvalid,
    Defect,
    GatewayError,
    MethodNotAllowed,
    PathUnknown,
    PolicyNotKept,
    SettingsInvalid,
    SourceFailed,
)
from gateway.keys import STALE_SECONDS, KeyRing
from gateway.model.audit import EntryKind
from gateway.model.ids import DepartmentName, SourceName
from gateway.pipeline import Pipeline
from gateway.settings import Issuer, Settings
from gateway.spi import Connector
from gateway.store import open_state
from gateway.telemetry import Tracing, configure_logging, operator_log, read_traceparent

_LOG_SOURCE = SourceName("langqiao-audit")


def utc_now() -> datetime:
    """The one clock of the process."""
    return datetime.now(UTC)  # noqa: TID251 - every other place takes the clock as an argument


@dataclass(frozen=True, slots=True, kw_only=True)
class Rooms:
    """What is open while the process serves."""

    policy: PolicyHolder
    audit: AuditLog
    pipeline: Pipeline
    cases: CaseDesk
    reviews: ReviewDesk
    flags: FlagDesk
    log_desk: LogDesk
    reidentification: ReidentificationDesk
    keys: KeyDesk
    ring: KeyRing


@dataclass(slots=True, kw_only=True)
class Gateway:
    """One process: its settings, and its rooms while they are open."""

    settings: Settings
    clock: Callable[[], datetime] = utc_now
    _rooms: Rooms | None = None

    @property
    def rooms(self) -> Rooms:
        """The open rooms; Defect before the start."""
        if self._rooms is None:
            raise Defect(operator="asked before the start")
        return self._rooms

    @asynccontextmanager
    async def open(self) -> AsyncIterator[None]:
        """Open every room in order, and close them in reverse; a room that can't open stops the start."""
        settings = self.settings
        configure_logging(settings.telemetry.log_level)
        state = open_state(settings.state_url)
        try:
            keys = open_ring(settings.keys, state, self.clock, stale_seconds=STALE_SECONDS)
            sources = open_sources(settings, keys)
            # kept before it serves: what was decided under it can be decided again
            policy = PolicyHolder(settings.bundle, keeping(PolicyVersions(state), self.clock))
        except BaseException:
            state.close()
            raise
        tracing = Tracing(settings.telemetry)
        audit = AuditLog.open(
            state,
            keys.log_signer(settings.audit.origin),
            settings.audit,
            deadline_seconds=settings.timeouts.audit,
            high_water=settings.high_water,
            clock=self.clock,
        )
        try:
            await audit.start()
            apps, cases = Apps(state), CaseDesk(state, keys)
            reviews, flags = ReviewDesk(state, settings.review_hours), FlagDesk(state, self.clock)
            reidentification = ReidentificationDesk(
                state, keys, keys.token_key, cases.find, hours=settings.reidentification_hours
            )
            pipeline = Pipeline(
                engine=lambda: policy.current,
                authenticator=Authenticator(
                    issuers=tuple(_trusted(issuer) for issuer in settings.issuers),
                    find_app_key=apps.find_key,
                    networks=settings.networks,
                ),
                sources=sources,
                audit=audit,
                check_glass=reviews.check,
                find_case=cases.find,
                charge=apps.charge_matches,
                charge_release=apps.charge_release,
                raise_flag=flags.raise_flag,
                hash_subject=keys.subject_hash,
                mask_keys=keys.mask_keys,
                limits=settings.limits,
                timeouts=settings.timeouts,
                default_department=(
                    DepartmentName(settings.default_department) if settings.default_department is not None else None
                ),
                tracing=tracing,
                clock=self.clock,
            )
            self._rooms = Rooms(
                policy=policy,
                audit=audit,
                pipeline=pipeline,
                cases=cases,
                reviews=reviews,
                flags=flags,
                log_desk=LogDesk(LogSearcher(state), keys.subject_hash),
                reidentification=reidentification,
                keys=KeyDesk(state, keys, settings.keys.algorithms),
                ring=keys,
            )
            await pipeline.note(EntryKind.START, f"policy {policy.current.version}")
            operator_log().info("started", version=policy.current.version, count=len(sources))
            async with following(keys):
                with Indexer(state, self.clock).running(), self._reloads_on_hangup():
                    yield
        finally:
            self._rooms = None
            await audit.close()
            for source in sources.values():
                await source.close()
            state.close()
            tracing.close()

    @contextmanager
    def _reloads_on_hangup(self) -> Iterator[None]:
        """SIGHUP takes the bundle's files again; only where the process is ours (the main thread)."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        loop, tasks = asyncio.get_running_loop(), set[asyncio.Task[None]]()

        def hang_up() -> None:
            task = loop.create_task(self.reload())
            tasks.add(task)
            task.add_done_callback(tasks.discard)

        loop.add_signal_handler(signal.SIGHUP, hang_up)
        try:
            yield
        finally:
            loop.remove_signal_handler(signal.SIGHUP)

    async def reload(self) -> None:
        """Take the bundle's files again; a broken bundle is told to the operator and the old one stays."""
        rooms = self.rooms
        try:
            built = await asyncio.to_thread(rooms.policy.build)
        except BundleInvalid as error:
            for problem in error.problems:
                operator_log().error("policy refused", file=problem.file, line=problem.line, detail=problem.fault)
            return
        except PolicyNotKept as error:
            operator_log().error("policy not changed", code=error.code, detail=error.operator)
            return
        try:
            await rooms.pipeline.note(EntryKind.POLICY, f"policy {rooms.policy.current.version} -> {built.version}")
        except AuditFailed as error:
            operator_log().error("policy not changed", code=error.code)
            return
        rooms.policy.swap(built)
        operator_log().info("policy changed", version=built.version)

    async def source_health(self) -> Mapping[str, str]:
        """Each source by name: `ok`, or the code of what is wrong."""
        sources = self.rooms.pipeline.sources

        async def look(source: Connector) -> str:
            try:
                async with asyncio.timeout(2):
                    await source.health()
            except SourceFailed as error:
                return error.code
            except TimeoutError:
                return "GW502"
            return "ok"

        names = list(sources)
        return dict(zip(names, await asyncio.gather(*(look(sources[name]) for name in names)), strict=True))


def open_sources(settings: Settings, keys: KeyRing) -> dict[SourceName, Connector]:
    """Every configured source by its connector's entry point, and the log as a source; raises SettingsInvalid."""
    sources: dict[SourceName, Connector] = {
        SourceName(name): open_source(SourceName(name), source.kind, source.options())
        for name, source in settings.sources.items()
    }
    log = open_source(_LOG_SOURCE, "sql", _log_options(settings))
    sources[_LOG_SOURCE] = BlindedSource(log, keys.subject_hash)
    return sources


def open_source(name: SourceName, kind: str, options: Mapping[str, object]) -> Connector:
    """One source by its connector's entry point; raises SettingsInvalid."""
    kinds = {point.name: point for point in entry_points(group="langqiao.connectors")}
    if kind not in kinds:
        raise SettingsInvalid(
            fault=f"`sources.{name}.kind`: no connector `{kind}`",
            fix=f"use one of {', '.join(sorted(kinds))}",
        )
    connector: type[Connector] = kinds[kind].load()
    return connector.open(name, options)


def _log_options(settings: Settings) -> dict[str, object]:
    """How the log is read as a dataset: a SQLite file read-only, a server under the reading account."""
    scheme, _, path = settings.state_url.partition(":///")
    if scheme == "sqlite":
        file = Path(path)
        return {"folder": str(file.parent.resolve()), "file": file.name}
    return {"url": settings.audit.reader_url or settings.state_url}


def _trusted(issuer: Issuer) -> TrustedIssuer:
    try:
        jwks = json.loads(issuer.jwks_file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        raise SettingsInvalid(
            fault=f"`issuers`: can't read the keys of {issuer.issuer}", fix="give a readable JWK set as jwks_file"
        ) from None
    return TrustedIssuer(
        issuer=issuer.issuer, audience=issuer.audience, leeway_seconds=issuer.leeway_seconds, jwks=jwks
    )


def create_application(gateway: Gateway) -> Callable[[Scope, Receive, Send], Any]:
    """The data plane beside the control plane, as one ASGI application."""

    @asynccontextmanager
    async def lifespan(_api: FastAPI) -> AsyncIterator[None]:
        async with gateway.open():
            yield

    api = FastAPI(
        title="Langqiao 廊桥",
        version="0.1.0",
        lifespan=lifespan,
        docs_url=None,  # its pages load scripts from elsewhere
        redoc_url=None,
    )
    face = Face(
        pipeline=lambda: gateway.rooms.pipeline,
        policy=lambda: gateway.rooms.policy,
        cases=lambda: gateway.rooms.cases,
        audit=lambda: gateway.rooms.audit,
        sources=gateway.source_health,
        clock=gateway.clock,
    )
    api.include_router(face.routes())
    authzen = AuthzenFace(
        pipeline=lambda: gateway.rooms.pipeline,
        policy=lambda: gateway.rooms.policy,
        cases=lambda: gateway.rooms.cases,
        public_url=gateway.settings.public_url,
        clock=gateway.clock,
    )
    api.include_router(authzen.routes())
    reviews = ReviewFace(
        pipeline=lambda: gateway.rooms.pipeline, reviews=lambda: gateway.rooms.reviews, clock=gateway.clock
    )
    api.include_router(reviews.routes())
    flags = FlagFace(pipeline=lambda: gateway.rooms.pipeline, flags=lambda: gateway.rooms.flags, clock=gateway.clock)
    api.include_router(flags.routes())
    log = LogFace(pipeline=lambda: gateway.rooms.pipeline, desk=lambda: gateway.rooms.log_desk, clock=gateway.clock)
    api.include_router(log.routes())
    reidentification = ReidentificationFace(
        pipeline=lambda: gateway.rooms.pipeline,
        policy=lambda: gateway.rooms.policy,
        desk=lambda: gateway.rooms.reidentification,
        clock=gateway.clock,
    )
    api.include_router(reidentification.routes())
    keys = KeyFace(pipeline=lambda: gateway.rooms.pipeline, keys=lambda: gateway.rooms.keys, clock=gateway.clock)
    api.include_router(keys.routes())
    why = WhyFace(pipeline=lambda: gateway.rooms.pipeline, policy=lambda: gateway.rooms.policy, clock=gateway.clock)
    api.include_router(why.routes())
    described = api.openapi

    def openapi() -> dict[str, Any]:
        return describe_data_plane(described())

    api.openapi = openapi  # type: ignore[method-assign] # FastAPI's documented way to extend the description
    _add_refusals(api)
    data_plane = DataPlane(lambda: gateway.rooms.pipeline, gateway.settings.limits, gateway.clock)
    control_plane = WithinLimits(api, gateway.settings.limits)

    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"].startswith("/data/"):
            await data_plane(scope, receive, send)
        else:
            await control_plane(scope, receive, send)

    return application


def _add_refusals(api: FastAPI) -> None:
    def problem(request: Request, error: GatewayError) -> HttpResponse:
        trace_id, _ = read_traceparent(request.headers.get("traceparent"))
        body = problem_of(error, trace_id, None, language_of(request.headers.get("accept-language")))
        if request.url.path.startswith("/access/v1/"):
            status = 400 if isinstance(error, BodyMalformed) else error.status
            return HttpResponse(body, status, challenge_of(error) | request_id_of(request), PROBLEM)
        return HttpResponse(body, error.status, challenge_of(error), PROBLEM)

    @api.exception_handler(RequestValidationError)
    async def _invalid(request: Request, error: Exception) -> HttpResponse:
        # the place and the kind of fault, never the value: it may be an ID number
        faults = error.errors() if isinstance(error, RequestValidationError) else []
        text = "; ".join(f"{'.'.join(str(part) for part in fault['loc'])}: {fault['type']}" for fault in faults[:3])
        return problem(request, BodyMalformed(fault=text))

    @api.exception_handler(HTTPException)
    async def _missing(request: Request, error: Exception) -> HttpResponse:
        status = error.status_code if isinstance(error, HTTPException) else 404
        if status == 405:
            return problem(request, MethodNotAllowed(method=request.method[:20]))
        if status == 400:
            return problem(request, BodyMalformed(fault="body: can't be read as text"))
        return problem(request, PathUnknown(path=request.url.path[:100]))

    @api.exception_handler(Exception)
    async def _defect(request: Request, error: Exception) -> HttpResponse:
        if isinstance(error, GatewayError):
            return problem(request, error)
        operator_log().error("defect", detail=type(error).__name__)
        return problem(request, Defect())
