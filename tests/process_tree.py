"""The processes that a process began, as Linux tells of them."""

import contextlib
from pathlib import Path


def processes_of(pid: int) -> dict[int, str]:
    """Those that are there, each with its command line."""
    found: dict[int, str] = {}
    for status in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            state, parent = status.read_text(encoding="utf-8").rpartition(")")[2].split()[:2]
            if int(parent) == pid and state != "Z":
                told = status.with_name("cmdline").read_text(encoding="utf-8", errors="replace")
                found[int(status.parent.name)] = told.replace("\0", " ")
    return found


def is_alive(pid: int) -> bool:
    """Whether it is there, and has not ended."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"
