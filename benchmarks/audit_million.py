"""A large log: how long it takes to verify it, live by the command and exported, and to start again."""

import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from benchmarks.audit_contenders import entries
from gateway.administration import create_ring
from gateway.app import utc_now
from gateway.audit import Indexer, export_log, verify_export
from gateway.audit.encoding import encode_entry
from gateway.audit.sequencer import Sequencer
from gateway.store import open_state
from tests.audit_logs import ORIGIN, House, house

_BATCH = 2048


def measure_million(folder: Path, url: str | None, count: int) -> list[str]:
    """Build a log of so many entries and time what is done with all of them."""
    folder.mkdir()
    home, asked = house(folder, url), entries()
    state = open_state(home.url)
    # the log's key lies in its own database, where the command finds it
    home = replace(home, signer=create_ring(home.keys, state, utc_now).log_signer(ORIGIN))
    seals = home.seals(state)

    def fill() -> None:
        sequencer = Sequencer(state, home.signer, home.high_water, utc_now, 30)
        sequencer.recover()
        while (left := count - sequencer.seen_size) > 0:
            begin = sequencer.seen_size
            sequencer.append(
                [
                    encode_entry(replace(asked[number % len(asked)], trace_id=f"{number:032x}"), seals)
                    for number in range(begin, begin + min(left, _BATCH))
                ]
            )
        sequencer.mark()
        sequencer.forget()

    def recover() -> None:
        sequencer = Sequencer(state, home.signer, home.high_water, utc_now, 30)
        sequencer.recover()
        sequencer.forget()

    def verify_files() -> None:
        found = verify_export(folder / "export", home.signer.vkey)
        if not found.is_sound or found.size != count:
            raise RuntimeError(found.text())

    steps: dict[str, Callable[[], object]] = {
        "filled in batches": fill,
        "restarted": recover,
        "indexed": lambda: Indexer(state, utc_now).catch_up(),
        "verified live": lambda: _run_verify(home, count),
        "exported": lambda: export_log(state, folder / "export"),
        "export verified": verify_files,
    }
    took: list[str] = []
    for name, step in steps.items():
        begun = time.perf_counter()
        step()
        seconds = time.perf_counter() - begun
        took.append(f"{name} in {seconds:.1f} s" if seconds >= 1 else f"{name} in {seconds * 1e3:.0f} ms")
    state.close()
    return [f"{count:,} entries: {', '.join(took)}."]


def _run_verify(home: House, count: int) -> None:
    """`langqiao audit verify`, from its start to its end: entries, tree and index."""
    settings = home.folder / "langqiao.toml"
    settings.write_text(f'[audit]\norigin = "{ORIGIN}"\n', encoding="utf-8")
    told = {
        "STATE_URL": home.url, "HIGH_WATER": str(home.high_water), "KEYS__ROOT_FILE": str(home.keys.root_file),
    }  # fmt: skip
    ended = subprocess.run(
        [sys.executable, "-m", "gateway.cli", "audit", "verify", "--settings", str(settings)],
        env=os.environ | {f"LANGQIAO_{name}": value for name, value in told.items()},
        capture_output=True,
        text=True,
        check=False,
    )
    if ended.returncode or f"{count} entries" not in ended.stdout:
        raise RuntimeError(ended.stdout + ended.stderr)
