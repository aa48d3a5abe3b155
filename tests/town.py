"""A town for tests: the demo's city, small, with a gateway served over real HTTP on a free loopback port."""

import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

import httpx2

from gateway.app import utc_now
from gateway.demo.ask import Answer, Asker, ask
from gateway.demo.personas import PERSONA_NAMES
from gateway.demo.prepare import Demo, bundle_folder, prepare
from gateway.demo.run import serving_demo
from gateway.demo.serving import free_port
from gateway.settings import load_settings
from tests.audit_logs import document_of
from tests.key_rings import seals_of

RESIDENTS = 3_000
SEED = 7


@dataclass(frozen=True, slots=True, kw_only=True)
class Town:
    """A served town and the people who ask it."""

    demo: Demo
    askers: dict[str, Asker]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.demo.port}"

    @property
    def log(self) -> Path:
        return self.demo.folder / "state" / "langqiao.db"

    def ask(
        self,
        person: str,
        question: str,
        purpose: str | None,
        *,
        case: str | None = None,
        justification: str | None = None,
        explain: bool = False,
    ) -> Answer:
        return ask(
            self.askers[person], question, purpose=purpose, case=case, justification=justification, explain=explain
        )

    def headers(self, person: str, purpose: str | None = None) -> dict[str, str]:
        asker = self.askers[person]
        headers = {"apikey": asker.app_key, "authorization": f"Bearer {asker.token}"}
        return headers if purpose is None else headers | {"purpose": purpose}

    def get(self, path: str, headers: dict[str, str]) -> httpx2.Response:
        with httpx2.Client(base_url=self.url, timeout=30, trust_env=False) as client:
            return client.get(path, headers=headers)

    def entries(self) -> list[dict[str, object]]:
        """Every entry's body, in order, read beside the running gateway."""
        with sqlite3.connect(f"file:{self.log}?mode=ro", uri=True) as connection:
            rows = connection.execute("SELECT body FROM audit_entry ORDER BY idx").fetchall()
        opener = seals_of(load_settings(self.demo.settings)).open
        return [document_of(row[0], opener) for row in rows]

    def entry_of(self, answer: Answer) -> dict[str, object]:
        """The entry that an answer's receipt names."""
        return self.entries()[int(answer.receipt.partition("#")[2].partition(":")[0])]


def build(folder: Path, *, city: Path | None = None, bundle: Path | None = None) -> Demo:
    """A prepared town; `city` is one built before, to be copied instead of built."""
    if city is not None:
        shutil.copytree(city, folder / "city")
    demo = prepare(
        folder,
        residents=RESIDENTS,
        seed=SEED,
        port=free_port(),
        market_port=free_port(),
        now=utc_now(),
        progress=lambda *_: None,
        bundle=bundle,
    )
    # what the log is watched for hangs on the hour: a test that is about it catches up itself
    written = demo.settings.read_text(encoding="utf-8")
    demo.settings.write_text(f"watch_seconds = 0\n{written}", encoding="utf-8")
    return demo


class Clock:
    """A clock for a gateway of one's own: it shows the moment that was set, and moves when it is set anew."""

    def __init__(self, now: datetime) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now


@contextmanager
def served(demo: Demo, clock: Callable[[], datetime] = utc_now) -> Iterator[Town]:
    """The town while its gateway serves."""
    with serving_demo(demo, clock):
        yield town_at(demo, clock())


def town_at(demo: Demo, now: datetime) -> Town:
    """The town with everybody signed in anew, for an hour from `now`."""
    return Town(demo=demo, askers={name: Asker.from_demo(demo.folder, name, now) for name in PERSONA_NAMES})


def edited_bundle(folder: Path, edits: dict[str, tuple[str, str]]) -> Path:
    """A copy of the bundle in which each named file has one text replaced by another (it must occur)."""
    bundle = folder / "policies"
    shutil.copytree(bundle_folder(), bundle)
    for name, (old, new) in edits.items():
        text = (bundle / name).read_text(encoding="utf-8")
        if old not in text:
            msg = f"{name} has no {old!r} to edit"
            raise AssertionError(msg)
        (bundle / name).write_text(text.replace(old, new, 1), encoding="utf-8")
    return bundle


def edited_settings(demo: Demo, addition: str) -> Demo:
    """The same town with something added to its settings."""
    demo.settings.write_text(demo.settings.read_text(encoding="utf-8") + addition, encoding="utf-8")
    return replace(demo)
