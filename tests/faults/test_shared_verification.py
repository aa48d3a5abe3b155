"""A log that several processes verify: what any of them finds is told as one process alone tells it."""

import asyncio
import os
import signal
import sqlite3
from contextlib import closing
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from gateway.audit import Indexer, Verification, verify_log
from gateway.audit.segments import Sizes
from gateway.audit.sharing import Shares, Sharing, processes_beside
from gateway.model.audit import EntryKind
from gateway.store import open_state, open_state_read_only, reading_log
from tests.audit_logs import NOON, House, copy_of, entry, house, open_log, opener_of

SMALL = Sizes(small=8, large=32)
SIZE = 110  # three large segments, a small one, and a tail
ONE = Shares(part=7, sizes=SMALL)
SEVERAL = replace(ONE, worth=0, processes=3, forks=True)
WORKER = "term = CAST('p' || x'00' || 'worker-3' AS BLOB)"
COPIED = "SELECT {}, {}, 8, earliest, latest, hours, at, who, names FROM audit_segment WHERE id = 1"


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> House:
    home = house(tmp_path_factory.mktemp("log"))
    state = open_state(home.url)

    async def fill() -> None:
        async with open_log(home, state=state) as log:
            for number in range(SIZE):
                # some are read row by row, and what the index keeps of them is read once more
                kind = EntryKind.ERASURE if number % 11 == 5 else EntryKind.READ
                await log.append(entry(number, kind=kind, case="" if number % 4 else f"case-{number}"))

    asyncio.run(fill())
    Indexer(state, lambda: NOON, SMALL).catch_up()
    state.close()
    return home


def verified(home: House, path: Path, shares: Shares, *, has_keys: bool = True) -> Verification:
    opener = opener_of(home) if has_keys else None
    return verify_log(f"sqlite:///{path}", home.signer.vkey, opener=opener, shares=shares)


def tampered(home: House, path: Path, *statements: str) -> Path:
    with closing(copy_of(home.file, path)) as connection:
        connection.execute("PRAGMA ignore_check_constraints=ON")
        for statement in statements:
            assert connection.execute(statement).rowcount != 0, statement
    return path


def test_a_sound_log_is_sound_for_all_of_them(sound: House) -> None:
    with closing(sqlite3.connect(sound.file)) as connection:
        assert connection.execute("SELECT first, size FROM audit_segment ORDER BY first").fetchall() == [
            (0, 32), (32, 32), (64, 32), (96, 8),
        ]  # fmt: skip
    for shares in (ONE, SEVERAL, replace(SEVERAL, part=1), replace(SEVERAL, forks=False, processes=2)):
        found = verified(sound, sound.file, shares)
        assert (found.is_sound, found.size) == (True, SIZE), found.text()


@pytest.mark.parametrize(
    ("statements", "first_bad"),
    [
        ((f"DELETE FROM audit_posting WHERE segment = 65 AND {WORKER}",), 38),
        ((f"DELETE FROM audit_posting WHERE segment IN (65, 129) AND {WORKER}",), 38),
        ((f"DELETE FROM audit_posting WHERE segment = 192 AND {WORKER}",), 101),
        (("UPDATE audit_segment SET who = zeroblob(64) WHERE id = 129",), 64),
        (("UPDATE audit_posting SET positions = x'77' WHERE segment = 129 AND term = x'7300'",), 64),
        (("UPDATE audit_segment SET at = zeroblob(256) WHERE id IN (65, 129)",), 32),
        (("INSERT INTO audit_segment " + COPIED.format(999, 40),), 40),
        (("INSERT INTO audit_segment " + COPIED.format(999, -8),), 0),
        (("INSERT INTO audit_segment " + COPIED.format(2 * SIZE, SIZE),), SIZE),
        (("INSERT INTO audit_segment " + COPIED.format(999, 2**63 - 1),), SIZE),
        (("UPDATE audit_segment SET first = 9e999 WHERE id = 65",), SIZE),
        (("UPDATE audit_segment SET first = 'x' WHERE id = 65",), 0),
        # the rows come before the index, wherever they are
        (("DELETE FROM audit_posting WHERE segment = 1", "UPDATE audit_entry SET app = 'x' WHERE idx = 90"), 90),
        (("UPDATE audit_entry SET app = 'x' WHERE idx IN (71, 105)",), 71),
        (("UPDATE audit_entry SET principal = 'x' WHERE idx = 16",), 16),
        (("DELETE FROM audit_entry WHERE idx = 100",), 100),
    ],
)  # fmt: skip
def test_what_only_a_process_beside_sees_is_told_as_ever(
    sound: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, statements: tuple[str, ...], first_bad: int
) -> None:
    from gateway.audit import sharing

    bad = tampered(sound, tmp_path / "bad.db", *statements)
    alone = verified(sound, bad, ONE)
    assert (alone.is_sound, alone.first_bad) == (False, first_bad), alone.text()
    assert verified(sound, bad, SEVERAL) == alone
    here, do = os.getpid(), sharing._do

    def not_here(*asked: Any) -> Any:
        assert os.getpid() != here
        return do(*asked)

    monkeypatch.setattr(sharing, "_AHEAD", SIZE)  # all of it is handed out at once
    monkeypatch.setattr(sharing, "_do", not_here)
    assert verified(sound, bad, SEVERAL) == alone


def test_without_keys_the_index_is_read_from_the_columns(sound: House, tmp_path: Path) -> None:
    assert verified(sound, sound.file, SEVERAL, has_keys=False).is_sound
    bad = tampered(sound, tmp_path / "bad.db", f"DELETE FROM audit_posting WHERE segment = 65 AND {WORKER}")
    found = verified(sound, bad, SEVERAL, has_keys=False)
    assert found.first_bad == 38


def end_beside(here: int, number: int, *_: object) -> int:
    if os.getpid() != here and number == 3:
        os.kill(os.getpid(), signal.SIGKILL)
    return number


def test_what_a_killed_process_had_to_do_is_done_here(sound: House) -> None:
    state = open_state_read_only(sound.url)
    try:
        with processes_beside(sound.url, None, SIZE, SEVERAL) as beside, reading_log(state) as reader:
            assert beside is not None
            sharing: Sharing[int] = Sharing(reader, None, beside)
            tasks = [sharing.add(partial(end_beside, os.getpid(), number)) for number in range(20)]
            assert [sharing.result(task) for task in tasks] == list(range(20))
    finally:
        state.close()
