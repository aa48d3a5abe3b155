"""The gateway's own road with nothing on it: no log, and a decision that is made once. For the benchmark only.

`python -m benchmarks.serving.off SETTINGS`. The token is checked, the question parsed, bound, planned, fetched, masked
and written as ever; what is left out is what the log and the policy cost.
"""

import asyncio
import sys
from collections.abc import Callable, Sequence
from dataclasses import fields, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import uvicorn

from gateway.app import Gateway, create_application, utc_now
from gateway.audit import Recorder
from gateway.cli.serving import make_ready
from gateway.decision import PolicyEngine
from gateway.model.audit import AuditReceipt, EntryKind
from gateway.model.caller import Caller, InboundRequest
from gateway.model.case import CaseFacts
from gateway.model.decision import DecidedQuery, Decision
from gateway.model.query import BoundQuery
from gateway.model.rows import Disclosure
from gateway.model.trail import Trail
from gateway.pipeline import Pipeline
from gateway.settings import load_settings

_RECEIPT = AuditReceipt(origin="none", index=0, leaf_hash="", tree_size=0, at=utc_now())


class NoLog:
    """Stands where the log would."""

    is_ready = True

    async def ask(self, call: Callable[..., Any], *arguments: object) -> Any:  # noqa: ANN401  # whatever the call gives
        return await asyncio.to_thread(call, *arguments)  # it reads the app key in the database


class NoRecorder(Recorder):
    """Writes nothing down."""

    async def released(self, disclosure: Disclosure, body: bytes, *, refers_to: int | None = None) -> AuditReceipt:
        del disclosure, body, refers_to
        return _RECEIPT

    async def record(self, kind: EntryKind, outcome: str, **told: object) -> AuditReceipt:
        if outcome in {"refused", "failed"}:
            raise RuntimeError(f"{kind}: {told.get('refusal')!r}")
        return _RECEIPT


class OneDecision:
    """The engine, but what it decided of a dataset once it gives again: there is one asker, and one policy."""

    def __init__(self, engine: PolicyEngine) -> None:
        self._engine = engine
        self._made: dict[object, Decision] = {}
        self._again: dict[int, tuple[BoundQuery, Decision]] = {}

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401  # whatever the engine has
        return getattr(self._engine, name)

    def decide(self, bound: BoundQuery, caller: Caller, case: CaseFacts | None, now: datetime) -> Decision:
        key = bound.dataset.name, bound.media_type, tuple([column.name for column in bound.columns])
        made = self._made.get(key)
        if made is None:
            made = self._made[key] = self._engine.decide(bound, caller, case, now)
        return made

    def decide_again(self, bound: BoundQuery, caller: Caller, now: datetime) -> Decision:
        again = self._again.get(id(bound))  # a question that is kept, under this very identity
        if again is None:
            again = self._again[id(bound)] = bound, self.decide(bound, caller, None, now)
        return again[1]

    def decide_question(self, bound: BoundQuery, caller: Caller, case: CaseFacts | None, now: datetime) -> DecidedQuery:
        embeds = tuple((embed, self.decide_question(embed.question, caller, case, now)) for embed in bound.embeds)
        return DecidedQuery(bound=bound, decision=self.decide(bound, caller, case, now), embeds=embeds)


class BarePipeline(Pipeline):
    """The road with a recorder that writes nothing."""

    def _recorder(self, request: InboundRequest, engine: PolicyEngine) -> Recorder:
        trail = Trail(trace_id=request.trace_id, started_at=request.received_at, policy_version=engine.version)
        return NoRecorder(self.audit, self.clock, self.hash_subject, trail)


def main(arguments: Sequence[str]) -> None:
    """Serve as `langqiao serve` does."""
    make_ready()
    settings = load_settings(Path(arguments[0]))
    gateway = Gateway(settings=settings)
    config = uvicorn.Config(
        create_application(gateway), host=settings.host, port=settings.port, lifespan="off",
        access_log=False, log_level="warning", server_header=False,
    )  # fmt: skip

    async def run() -> None:
        async with gateway.open():
            rooms = gateway.rooms
            made = [one.name for one in fields(rooms.pipeline) if one.init]
            parts: dict[str, Any] = {name: getattr(rooms.pipeline, name) for name in made}
            engine = OneDecision(rooms.policy.current)
            pipeline = BarePipeline(**parts | {"audit": NoLog(), "engine": lambda: engine})
            gateway._rooms = replace(rooms, pipeline=pipeline)  # noqa: SLF001  # there is no switch, and must be none
            await uvicorn.Server(config).serve()

    with asyncio.Runner(loop_factory=config.get_loop_factory()) as runner:
        runner.run(run())


if __name__ == "__main__":
    main(sys.argv[1:])
