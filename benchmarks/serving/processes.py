"""Child processes: started, waited for, measured with all their children, and always ended."""

import contextlib
import os
import socket
import subprocess
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

_PATIENCE_SECONDS = 120
_TICKS = os.sysconf("SC_CLK_TCK")


@contextmanager
def serving(
    command: Sequence[str | Path],
    port: int,
    *,
    log: Path,
    environment: Mapping[str, str] | None = None,
    folder: Path | None = None,
) -> Iterator[int]:
    """The process id of a server, once it takes connections; raises RuntimeError with the end of its log."""
    with log.open("ab") as written:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=written, stderr=written, cwd=folder,
            env={**os.environ, **(environment or {})}, start_new_session=True,
        )  # fmt: skip
    try:
        _wait(process, port, log)
        yield process.pid
    finally:
        end(process)


def _wait(process: "subprocess.Popen[bytes]", port: int, log: Path) -> None:
    until = time.monotonic() + _PATIENCE_SECONDS
    while not is_listening(port):
        if process.poll() is not None or time.monotonic() > until:
            told = log.read_text(encoding="utf-8", errors="replace")[-2_000:]
            raise RuntimeError(f"{process.args!r} does not serve: {told}")
        time.sleep(0.02)


def is_listening(port: int) -> bool:
    """Whether somebody takes connections on the loopback's port."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def end(process: "subprocess.Popen[bytes]") -> None:
    """Ask it to end, with its children; make it where it doesn't."""
    children = [pid for pid in tree([process.pid]) if pid != process.pid]
    process.terminate()
    try:
        process.wait(15)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait(15)
    for pid in children:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, 15)


def tree(roots: Iterable[int]) -> list[int]:
    """The processes and all that descend from them."""
    parents: dict[int, list[int]] = {}
    for status in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            parents.setdefault(int(_fields(status)[1]), []).append(int(status.parent.name))
    found, waiting = [], list(roots)
    while waiting:
        pid = waiting.pop()
        found.append(pid)
        waiting += parents.get(pid, [])
    return found


def cpu_seconds(roots: Iterable[int]) -> float:
    """Processor time that the processes and their children have used, those that have ended included."""
    ticks = 0
    for pid in tree(roots):
        with contextlib.suppress(OSError):
            ticks += sum(int(value) for value in _fields(Path(f"/proc/{pid}/stat"))[11:15])
    return ticks / _TICKS


def peak_memory(pid: int) -> int:
    """The most memory that a process has had, in bytes, since it began or since `forget_peak`."""
    text = Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
    line = next(line for line in text.splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) * 1024


def memory(pid: int) -> int:
    """The memory that a process has now, in bytes."""
    text = Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
    line = next(line for line in text.splitlines() if line.startswith("VmRSS"))
    return int(line.split()[1]) * 1024


def forget_peak(pid: int) -> None:
    """Let `peak_memory` begin anew (Linux)."""
    Path(f"/proc/{pid}/clear_refs").write_text("5", encoding="ascii")


def _fields(status: Path) -> list[str]:
    # pid (name) state parent …: a name may hold anything
    return status.read_text(encoding="utf-8").rpartition(")")[2].split()
