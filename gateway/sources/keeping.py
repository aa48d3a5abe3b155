"""All sources together: their standing for readiness, metrics and the console; their secrets kept fresh."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, fields

from gateway.errors import SourceFailed, SourceTimeout
from gateway.meanwhile import meanwhile
from gateway.model.ids import SourceName
from gateway.sources.guarded import GuardedSource
from gateway.sources.standing import SourceStanding
from gateway.telemetry import SourceFigures, operator_log

REFRESH_SECONDS = 1.0
LOOK_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class Sources:
    """The guarded sources of the process, by name."""

    guarded: Mapping[SourceName, GuardedSource]

    def standings(self) -> tuple[SourceStanding, ...]:
        """How each stands, by name. The one service that readiness, metrics and the console read."""
        return tuple(self.guarded[name].standing() for name in sorted(self.guarded))

    def figures(self) -> list[SourceFigures]:
        """The same, as the metrics count it."""
        return [
            SourceFigures(**{figure.name: getattr(one, figure.name) for figure in fields(SourceFigures)})
            for one in self.standings()
        ]

    async def look(self) -> Mapping[str, str]:
        """Each source asked whether it is well: `ok`, or the code of what is wrong."""
        names = sorted(self.guarded)
        found = await asyncio.gather(*(_look(self.guarded[name]) for name in names))
        return dict(zip(names, found, strict=True))


async def _look(source: GuardedSource) -> str:
    try:
        async with asyncio.timeout(LOOK_SECONDS):
            await source.health()
    except SourceFailed as error:
        return error.code
    except TimeoutError:
        return SourceTimeout.code
    return "ok"


@asynccontextmanager
async def keeping_fresh(sources: Sources) -> AsyncIterator[None]:
    """Look every second whether a secret changed, while the block runs."""
    async with meanwhile(
        *(_keep_fresh(source) for source in sources.guarded.values() if source.credentials.may_change)
    ):
        yield


async def _keep_fresh(source: GuardedSource) -> None:
    while True:
        await asyncio.sleep(REFRESH_SECONDS)
        try:
            await source.refresh()
        except Exception as error:  # noqa: BLE001 - one source's trouble must not end the watch over it
            operator_log().error("credential not looked at", source=source.name, detail=type(error).__name__)
