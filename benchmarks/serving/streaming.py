"""(d) 100,000 rows as CSV and as Arrow: how fast they come, when the first does, what memory the server needs."""

import http.client
import io
import statistics
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import quote

import pyarrow as pa

from benchmarks.serving.databases import Databases
from benchmarks.serving.processes import cpu_seconds, forget_peak, memory, peak_memory
from benchmarks.serving.questions import FIELDS, STREAM_ROWS, masked
from benchmarks.serving.residents import COUNTY

_MEGABYTE = 1024 * 1024
_CSV, _ARROW = "text/csv", "application/vnd.apache.arrow.stream"


@dataclass(frozen=True, slots=True)
class Stream:
    """One way to get the rows."""

    title: str
    pid: int
    port: int
    target: str
    headers: Mapping[str, str]
    is_arrow: bool = False


@dataclass(slots=True)
class Seen:
    """What the rounds came to."""

    seconds: list[float] = field(default_factory=list)
    first: list[float] = field(default_factory=list)  # seconds to the first byte of the body
    cpu: list[float] = field(default_factory=list)
    grown: list[int] = field(default_factory=list)  # bytes of memory at the peak, beyond those before
    peak: list[int] = field(default_factory=list)
    size: int = 0


def bare_streams(pid: int, port: int, rows: int) -> list[Stream]:
    """The same SQL with nothing around it."""
    return [
        Stream("COPY through a bare ASGI callable, CSV", pid, port, f"/d/copy/{rows}", {}),
        Stream("asyncpg's cursor to CSV", pid, port, f"/d/cursor/{rows}", {}),
    ]


def our_streams(pid: int, port: int, rows: int, headers: Mapping[str, str]) -> list[Stream]:
    """Langqiao's two."""
    target = f"/data/public-security.resident?select={quote(','.join(FIELDS))}&limit={rows}"
    return [
        Stream("**Langqiao**, CSV", pid, port, target, {**headers, "accept": _CSV}),
        Stream("**Langqiao**, Arrow", pid, port, target, {**headers, "accept": _ARROW}, is_arrow=True),
    ]


def rows_to_stream(databases: Databases) -> int:
    """As many as there are, if there are fewer."""
    found = databases.rows("SELECT count(*) FROM resident WHERE community_code LIKE %s", f"{COUNTY}%")
    return min(STREAM_ROWS, int(found[0][0]))


def measure_streams(streams: list[Stream], databases: Databases, rows: int, rounds: int) -> list[str]:
    """A table; each answer is read whole, and its rows are checked in the first round."""
    seen = {one.title: Seen() for one in streams}
    for number in range(rounds + 1):
        for one in streams:
            body = _take(one, seen[one.title] if number else Seen())
            if number == 0:
                _check(one, body, databases, rows)
    lines = [
        f"| (d) {rows:,} rows | rows/s (min..max) | MB/s | first byte ms | server CPU s | peak MB (grown by) |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for title, cell in seen.items():
        rates = [rows / seconds for seconds in cell.seconds]
        told = (
            title,
            f"{statistics.median(rates):,.0f} ({min(rates):,.0f}..{max(rates):,.0f})",
            f"{cell.size / _MEGABYTE / statistics.median(cell.seconds):.1f}",
            f"{statistics.median(cell.first) * 1e3:,.0f}",
            f"{statistics.median(cell.cpu):.2f}",
            f"{max(cell.peak) / _MEGABYTE:,.0f} ({max(cell.grown) / _MEGABYTE:,.0f})",
        )
        lines.append(f"| {' | '.join(told)} |")
    return lines


def _take(stream: Stream, seen: Seen) -> bytes:
    forget_peak(stream.pid)
    before, cpu = memory(stream.pid), cpu_seconds([stream.pid])
    body = io.BytesIO()
    connection = http.client.HTTPConnection("127.0.0.1", stream.port, timeout=600)
    try:
        begun = time.perf_counter()
        connection.request("GET", stream.target, headers=dict(stream.headers))
        response = connection.getresponse()
        body.write(response.read(1))
        first = time.perf_counter() - begun
        while block := response.read1(_MEGABYTE):
            body.write(block)
        seconds = time.perf_counter() - begun
    finally:
        connection.close()
    if response.status != 200:
        raise RuntimeError(f"{stream.title}: {response.status} {body.getvalue()[:500]!r}")
    seen.seconds.append(seconds)
    seen.first.append(first)
    seen.cpu.append(cpu_seconds([stream.pid]) - cpu)
    seen.peak.append(peak_memory(stream.pid))
    seen.grown.append(peak_memory(stream.pid) - before)
    seen.size = body.tell()
    return body.getvalue()


def _check(stream: Stream, body: bytes, databases: Databases, rows: int) -> None:
    if stream.is_arrow:
        table = pa.ipc.open_stream(body).read_all()
        count, ids = table.num_rows, table.column("id_number").to_pylist()
    else:
        lines = body.decode().splitlines()
        count, ids = len(lines) - 1, [line.partition(",")[0] for line in lines[1:]]
    known = {
        masked({"id_number": row[0], "name": "x", "phone": "x"})["id_number"]
        for row in databases.rows("SELECT id_number FROM resident WHERE community_code LIKE %s", f"{COUNTY}%")
    }
    if count != rows or not set(ids) <= known:
        raise RuntimeError(f"{stream.title}: {count} rows, not all of them masked as they must be")
