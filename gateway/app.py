"""Settings -> the ASGI application: builds every room once and ties them to the road.

Owns the one clock and holds the process together: what can't start, stops it.
"""

import asyncio
import json
import signal
import threading
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager, nullcontext
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from fastapi import FastAPI

from gateway import clock
from gateway.administration import (
    Apps,
    CaseDesk,
    KeyDesk,
    LogDesk,
    Oversight,
    PolicyChanges,
    PolicyHolder,
    ReidentificationDesk,
    RetentionDesk,
    TerminalDesk,
    following,
    open_oversight,
    open_ring,
    open_seals,
    watching,
)
from gateway.api.authzen import AuthzenFace
from gateway.api.control_plane import Face
from gateway.api.data_plane import DataPlane, Receive, Send
from gateway.api.flags import FlagFace
from gateway.api.inbound import Scope
from gateway.api.keys import KeyFace
from gateway.api.limits import WithinLimits
from gateway.api.log_desk import LogFace
from gateway.api.log_proofs import ProofFace
from gateway.api.metrics import MetricsFace
from gateway.api.openapi import describe_data_plane
from gateway.api.oversight import OversightFace
from gateway.api.refusals import add_refusals
from gateway.api.reidentification import ReidentificationFace
from gateway.api.retention import RetentionFace
from gateway.api.reviews import ReviewFace
from gateway.api.terminals import TerminalFace
from gateway.api.why import WhyFace
from gateway.audit import (
    AuditLog,
    BlindedSource,
    Follower,
    Indexer,
    LogProofs,
    LogSearcher,
    Witnessing,
    rebuild_index,
)
from gateway.audit.forwarding import forwarding, open_followers
from gateway.authentication import Authenticator, TrustedIssuer
from gateway.errors import Defect, SettingsInvalid
from gateway.keys import STALE_SECONDS, KeyRing
from gateway.model.ids import DepartmentName, SourceName
from gateway.pipeline import Pipeline
from gateway.settings import Issuer, Settings, Source
from gateway.sources import Sources, keeping_fresh, open_sources
from gateway.spi import Connector
from gateway.store import open_state
from gateway.telemetry import Metrics, SharedFigures, Tracing, configure_logging, operator_log
from gateway.turns import Turns

_LOG_SOURCE = SourceName("langqiao-audit")
utc_now = clock.utc_now


@dataclass(frozen=True, slots=True, kw_only=True)
class Rooms:
    """What is open while the process serves."""

    policy: PolicyHolder
    changes: PolicyChanges
    audit: AuditLog
    proofs: LogProofs
    witnessing: Witnessing
    pipeline: Pipeline
    cases: CaseDesk
    oversight: Oversight
    log_desk: LogDesk
    reidentification: ReidentificationDesk
    keys: KeyDesk
    terminals: TerminalDesk
    retention: RetentionDesk
    forwarding: Mapping[str, Follower]
    ring: KeyRing
    sources: Sources
    metrics: Metrics


@dataclass(slots=True, kw_only=True)
class Gateway:
    """One process: its settings, and its rooms while they are open."""

    settings: Settings
    clock: Callable[[], datetime] = utc_now
    keeps_house: bool = True  # else another process does: builds the log's index, and looks at the log
    joins: bool = False  # others serve already, with the same state: their policy is taken, not the bundle
    figures: SharedFigures | None = None  # where others serve the same port
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
            sources = open_sources(settings, {_LOG_SOURCE: _log_source(settings)}, self.clock)
            # kept before it serves: what was decided under it can be decided again
            changes = PolicyChanges.open(state, settings.bundle, self.clock, joins=self.joins)
            policy = changes.holder
            witnessing = Witnessing(state, settings.audit, self.clock)
            seals = open_seals(
                settings.keys, state, self.clock, is_known=lambda name: name in policy.built.catalog.purposes
            )
        except BaseException:
            state.close()
            raise
        tracing = Tracing(settings.telemetry)
        audit = AuditLog.open(
            state,
            keys.log_signer(settings.audit.origin),
            settings.audit,
            seals=seals,
            deadline_seconds=settings.timeouts.audit,
            high_water=settings.high_water,
            clock=self.clock,
        )
        try:
            await audit.start()
            await asyncio.to_thread(seals.prepare, policy.built.catalog.purposes)
            searcher = LogSearcher(state, seals.open)
            apps, cases, terminals = Apps(state), CaseDesk(state, keys), TerminalDesk(state)
            oversight = open_oversight(
                state, keys, seals.open, audit, engine=lambda: policy.current, settings=settings, clock=self.clock,
                looks=self.keeps_house,
            )  # fmt: skip
            reidentification = ReidentificationDesk(
                state, keys, keys.token_key, cases.find, hours=settings.reidentification_hours, opener=seals.open
            )
            retention = RetentionDesk(
                state,
                seals,
                lambda: policy.built.catalog.purposes,
                default_days=settings.audit.retention_days,
                forget=lambda begin, end: rebuild_index(state, range(begin, end)),
            )
            await asyncio.to_thread(retention.finish, self.clock())
            pipeline = Pipeline(
                engine=lambda: policy.current,
                authenticator=Authenticator(
                    issuers=tuple(_trusted(issuer) for issuer in settings.issuers),
                    find_app_key=apps.find_key,
                    networks=settings.networks,
                ),
                sources=asked_of(sources, keys, searcher),
                audit=audit,
                check_glass=oversight.reviews.check,
                find_case=cases.find,
                charge=apps.charge_matches,
                charge_release=apps.charge_release,
                raise_flag=oversight.flags.raise_flag,
                hash_subject=keys.subject_hash,
                hash_subjects=keys.subject_hashes,
                mask_keys=keys.mask_keys,
                find_terminal=terminals.find,
                limits=settings.limits,
                timeouts=settings.timeouts,
                default_department=(
                    DepartmentName(settings.default_department) if settings.default_department is not None else None
                ),
                turns=Turns(settings.turns),
                tracing=tracing,
                clock=self.clock,
            )
            followers = open_followers(
                state, settings, seals.open, lambda text: keys.subject_hash(f"forwarded {text}"), clock=self.clock
            )
            self._rooms = Rooms(
                policy=policy,
                changes=changes,
                audit=audit,
                proofs=LogProofs(state),
                witnessing=witnessing,
                pipeline=pipeline,
                cases=cases,
                oversight=oversight,
                log_desk=LogDesk(searcher, keys.subject_hash),
                reidentification=reidentification,
                keys=KeyDesk(state, keys, seals, settings.keys.algorithms),
                retention=retention,
                forwarding=followers,
                terminals=terminals,
                ring=keys,
                sources=sources,
                metrics=Metrics(sources.figures, self.figures),
            )
            await changes.begin(pipeline.note)
            operator_log().info("started", version=policy.current.version, count=len(sources.guarded))
            witnessing.start()
            async with (
                following(keys, seals), changes.following(), keeping_fresh(sources),
                watching(oversight.watch, settings.watch_seconds), self.rooms.metrics.sharing(),
            ):  # fmt: skip
                with (
                    Indexer(state, self.clock).running() if self.keeps_house else nullcontext(),
                    self._reloads_on_hangup(),
                    forwarding(followers, settings.timeouts.audit),
                ):
                    yield
        finally:
            self._rooms = None
            await witnessing.close()
            await audit.close()
            for source in sources.guarded.values():
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
        await self.rooms.changes.reload(self.rooms.pipeline.note)


def asked_of(sources: Sources, keys: KeyRing, searcher: LogSearcher) -> dict[SourceName, Connector]:
    """The sources as the pipeline asks them: the log only by keyed hashes."""
    asked: dict[SourceName, Connector] = dict(sources.guarded)
    asked[_LOG_SOURCE] = BlindedSource(sources.guarded[_LOG_SOURCE], keys.subject_hash, searcher.entries_about)
    return asked


def _log_source(settings: Settings) -> Source:
    """How the log is read as a dataset: a SQLite file read-only, a server under the reading account."""
    scheme, _, path = settings.state_url.partition(":///")
    if scheme == "sqlite":
        file = Path(path)
        return Source.model_validate({"kind": "sql", "folder": str(file.parent.resolve()), "file": file.name})
    return Source.model_validate({"kind": "sql", "url": settings.audit.reader_url or settings.state_url})


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
        policy=lambda: gateway.rooms.changes,
        cases=lambda: gateway.rooms.cases,
        audit=lambda: gateway.rooms.audit,
        witnesses=lambda: gateway.rooms.witnessing.standing,
        sources=lambda: gateway.rooms.sources,
        forwarding=lambda: {name: one.seen for name, one in gateway.rooms.forwarding.items()},
        clock=gateway.clock,
    )
    api.include_router(face.routes())
    api.include_router(ProofFace(lambda: gateway.rooms.proofs).routes())
    authzen = AuthzenFace(
        pipeline=lambda: gateway.rooms.pipeline,
        policy=lambda: gateway.rooms.policy,
        cases=lambda: gateway.rooms.cases,
        public_url=gateway.settings.public_url,
        clock=gateway.clock,
    )
    api.include_router(authzen.routes())
    reviews = ReviewFace(
        pipeline=lambda: gateway.rooms.pipeline, reviews=lambda: gateway.rooms.oversight.reviews, clock=gateway.clock
    )
    api.include_router(reviews.routes())
    flags = FlagFace(
        pipeline=lambda: gateway.rooms.pipeline, flags=lambda: gateway.rooms.oversight.flags, clock=gateway.clock
    )
    api.include_router(flags.routes())
    desk = OversightFace(
        pipeline=lambda: gateway.rooms.pipeline, oversight=lambda: gateway.rooms.oversight, clock=gateway.clock
    )
    api.include_router(desk.routes())
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
    terminals = TerminalFace(
        pipeline=lambda: gateway.rooms.pipeline, terminals=lambda: gateway.rooms.terminals, clock=gateway.clock
    )
    api.include_router(terminals.routes())
    retention = RetentionFace(
        pipeline=lambda: gateway.rooms.pipeline, retention=lambda: gateway.rooms.retention, clock=gateway.clock
    )
    api.include_router(retention.routes())
    why = WhyFace(pipeline=lambda: gateway.rooms.pipeline, policy=lambda: gateway.rooms.policy, clock=gateway.clock)
    api.include_router(why.routes())
    metrics = MetricsFace(
        metrics=lambda: gateway.rooms.metrics, token_file=gateway.settings.telemetry.metrics_token_file
    )
    api.include_router(metrics.routes())
    described = api.openapi

    def openapi() -> dict[str, Any]:
        return describe_data_plane(described())

    api.openapi = openapi  # type: ignore[method-assign] # FastAPI's documented way to extend the description
    add_refusals(api)
    data_plane = DataPlane(lambda: gateway.rooms.pipeline, gateway.settings.limits, gateway.clock)
    control_plane = WithinLimits(api, gateway.settings.limits)

    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"].startswith("/data/"):
            await data_plane(scope, receive, send)
        else:
            await control_plane(scope, receive, send)

    return application
