"""A large log: how long it takes to verify it, live and exported, and to start again."""

import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from benchmarks.audit_contenders import entries
from gateway.administration import open_entries
from gateway.app import utc_now
from gateway.audit import export_log, verify_export, verify_log
from gateway.audit.encoding import encode_entry
from gateway.audit.sequencer import Sequencer
from gateway.store import open_state
from tests.audit_logs import house

_BATCH = 2048


def measure_million(folder: Path, url: str | None, count: int) -> list[str]:
    """Build a log of so many entries and time what is done with all of them."""
    folder.mkdir()
    home, asked = house(folder, url), entries()
    state = open_state(home.url)
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

    def verify() -> None:
        # with keys that can be handed to processes beside, as the command does
        found = verify_log(home.url, home.signer.vkey, opener=open_entries(home.keys, state, utc_now))
        if not found.is_sound or found.size != count:
            raise RuntimeError(found.text())

    def verify_files() -> None:
        found = verify_export(folder / "export", home.signer.vkey)
        if not found.is_sound or found.size != count:
            raise RuntimeError(found.text())

    steps: dict[str, Callable[[], object]] = {
        "filled in batches": fill,
        "restarted": recover,
        "verified live": verify,
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
