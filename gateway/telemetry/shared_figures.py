"""What each of several workers counted, where each of them can read it: whoever is asked tells of all.

One small file a worker, by its place, in a folder that the supervisor makes and removes. A file that can't be read, or
was not written for a while, is left out: its worker is gone.
"""

import asyncio
import contextlib
import json
import time
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from gateway.meanwhile import meanwhile
from gateway.telemetry.figures import SourceFigures

EACH_SECONDS: Final = 1.0
GONE_SECONDS: Final = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class SharedFigures:
    """Of the worker at `place`. `begun`: nanoseconds; of two that have one place meanwhile, the later one tells."""

    folder: Path
    place: int
    begun: int

    @property
    def worker(self) -> str:
        """As people count: from 1 on."""
        return str(self.place + 1)

    def write(self, figures: Iterable[SourceFigures]) -> None:
        """Leave them for the others. What can't be written is not told of elsewhere, and nothing else comes of it."""
        file = self._file(self.place)
        with contextlib.suppress(OSError):
            if _begun(file) > self.begun:
                return
            written = file.with_suffix(f".{self.begun}")
            written.write_text(
                json.dumps({"begun": self.begun, "sources": [asdict(one) for one in figures]}), encoding="utf-8"
            )
            written.replace(file)

    def others(self) -> dict[str, list[SourceFigures]]:
        """By worker, what they left last."""
        found: dict[str, list[SourceFigures]] = {}
        for file in sorted(self.folder.glob("*.json")):
            with contextlib.suppress(OSError, ValueError, TypeError, KeyError):
                place = int(file.stem)
                if place == self.place or time.time() - file.stat().st_mtime > GONE_SECONDS:
                    continue
                told = json.loads(file.read_text(encoding="utf-8"))["sources"]
                found[str(place + 1)] = [SourceFigures(**one) for one in told]
        return found

    @asynccontextmanager
    async def sharing(self, figures: Callable[[], Iterable[SourceFigures]]) -> AsyncIterator[None]:
        """Write them every so often while the block runs."""

        async def run() -> None:
            while True:
                self.write(figures())
                await asyncio.sleep(EACH_SECONDS)

        async with meanwhile(run()):
            yield

    def _file(self, place: int) -> Path:
        return self.folder / f"{place}.json"


def _begun(file: Path) -> int:
    try:
        return int(json.loads(file.read_text(encoding="utf-8"))["begun"])
    except (FileNotFoundError, ValueError, TypeError, KeyError):
        return 0
