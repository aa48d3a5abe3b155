"""Several processes write one high-water mark: it never goes back."""

import subprocess
import sys
from pathlib import Path

from gateway.audit.high_water import Mark, read_mark, write_mark

_WRITER = """
import sys
from pathlib import Path
from gateway.audit.high_water import Mark, read_mark, write_mark
path, first = Path(sys.argv[1]), int(sys.argv[2])
for size in range(first, 120, 2):
    write_mark(path, Mark("log", size, bytes(32)))
    found = read_mark(path)
    assert found is not None and found.size >= size, found
"""


def test_a_lower_mark_is_not_written(tmp_path: Path) -> None:
    path = tmp_path / "mark"
    for size in (7, 3, 7):
        write_mark(path, Mark("log", size, bytes(32)))
    assert read_mark(path) == Mark("log", 7, bytes(32))


def test_two_writers_never_lower_it(tmp_path: Path) -> None:
    path = tmp_path / "mark"
    command = [sys.executable, "-c", _WRITER, str(path)]
    writers = [subprocess.Popen([*command, str(first)]) for first in (1, 2)]
    assert [writer.wait(60) for writer in writers] == [0, 0]
    assert read_mark(path) == Mark("log", 119, bytes(32))
