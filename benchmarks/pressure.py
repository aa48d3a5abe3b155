"""Langqiao under pressure: a noisy neighbour, idle connections, many streams at once, a restart under load."""

import argparse
import http.client
import itertools
import os
import signal
import socket
import statistics
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

from benchmarks.report import write_section
from benchmarks.serving.databases import Databases, databases
from benchmarks.serving.http_server import HttpServer
from benchmarks.serving.langqiao import TARGETS, Home, beside, build_home, run_gateway, state_url
from benchmarks.serving.processes import forget_peak, memory, peak_memory
from benchmarks.serving.questions import FIELDS, QUESTIONS
from benchmarks.serving.wrk import Load, Request, drive

_MEGABYTE = 1024 * 1024
_NOISE, _QUIET = 64, 1  # connections of the neighbour, and of the app that is looked at
_STREAM_ROWS = 5_000


def arguments(parser: argparse.ArgumentParser) -> None:
    """The options of this benchmark."""
    parser.add_argument("--residents", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=5.0, help="of each round")
    parser.add_argument("--idle", type=int, default=1_000, help="connections that do nothing")
    parser.add_argument("--streams", type=int, default=200, help="at once")
    parser.add_argument("--callers", type=int, default=16, help="that ask while a process ends")
    parser.add_argument("--keep", type=Path, help="a folder where the residents' database stays for the next run")


def run(options: argparse.Namespace) -> str:
    """Measure and write the section."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        found = stack.enter_context(databases(options.residents, options.keep))
        home = build_home(folder / "langqiao", found, state_url("postgresql", found, folder))
        with run_gateway(home) as gateway:
            print(f"langqiao: process {gateway.pid}", flush=True)
            gateway.check(QUESTIONS["a"], found)
            gateway.load(QUESTIONS["a"], found, 16, 3.0)
            parts = [
                *noisy_neighbour(home, gateway, found, options.rounds, options.seconds), "",
                *idle_connections(gateway, found, options.idle, options.seconds), "",
                *many_streams(home, gateway, options.streams), "",
            ]  # fmt: skip
        parts += restart(home, found, options.callers, options.seconds)
    command = f'make bench ARGS="pressure --rounds {options.rounds} --seconds {options.seconds:g}"'
    return write_section("Pressure", command, "\n".join(parts), libraries=("uvicorn", "asyncpg"))


def noisy_neighbour(home: Home, gateway: HttpServer, found: Databases, rounds: int, seconds: float) -> list[str]:
    """One app asks for lists as fast as it can; another for one resident at a time."""
    quiet = Request.get(gateway.port, TARGETS["a"], home.neighbour)
    alone: list[Load] = []
    disturbed: list[Load] = []
    for _ in range(rounds):
        alone.append(drive(quiet, found.ids, _QUIET, seconds))
        with ThreadPoolExecutor(1) as pool:
            noise = pool.submit(gateway.load, QUESTIONS["b"], found, _NOISE, seconds + 2)
            time.sleep(1)
            disturbed.append(drive(quiet, found.ids, _QUIET, seconds))
            noise.result()
    lines = ["| one app, one resident at a time | p50 ms | p99 ms |", "| --- | --- | --- |"]
    for title, loads in (("alone", alone), (f"beside an app with {_NOISE} connections that asks for lists", disturbed)):
        halves, tails = (statistics.median(getattr(load, name) for load in loads) for name in ("p50", "p99"))
        lines.append(f"| {title} | {halves:.1f} | {tails:.1f} |")
    return lines


def idle_connections(gateway: HttpServer, found: Databases, count: int, seconds: float) -> list[str]:
    """Connections that are open and ask nothing: what they cost in memory, and whoever does ask."""
    question = QUESTIONS["a"]
    before, without = memory(gateway.pid), gateway.load(question, found, 16, seconds)
    with ExitStack() as stack:
        for _ in range(count):
            stack.enter_context(socket.create_connection(("127.0.0.1", gateway.port)))
        beside_them = gateway.load(question, found, 16, min(seconds, 4.0))  # uvicorn ends idle ones after five seconds
        grown = memory(gateway.pid) - before
    figures = " and ".join(
        f"{load.rate:,.0f} requests/s, p99 {load.p99:.1f} ms {where}"
        for load, where in ((without, "without them"), (beside_them, "beside them"))
    )
    return [f"{count:,} idle connections: {grown / _MEGABYTE:.1f} MB; (a) at 16 connections {figures}."]


def many_streams(home: Home, gateway: HttpServer, count: int) -> list[str]:
    """All begin at once."""
    target = f"/data/public-security.resident?select={','.join(FIELDS)}&limit={_STREAM_ROWS}"
    headers = {**home.headers, "accept": "text/csv"}
    forget_peak(gateway.pid)
    begun = time.perf_counter()
    with ThreadPoolExecutor(count) as pool:
        outcomes = Counter(pool.map(lambda _: _stream(gateway.port, target, headers), range(count)))
    seconds = time.perf_counter() - begun
    told = ", ".join(f"{number} {outcome}" for outcome, number in outcomes.most_common())
    rate, held = outcomes["whole"] * _STREAM_ROWS / seconds, peak_memory(gateway.pid) / _MEGABYTE
    return [
        f"{count} streams of {_STREAM_ROWS:,} rows at once: {told}; {seconds:.1f} s, {rate:,.0f} rows/s, {held:.0f} MB."
    ]


def _stream(port: int, target: str, headers: Mapping[str, str]) -> str:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=600)
    try:
        connection.request("GET", target, headers=dict(headers))
        response = connection.getresponse()
        lines = response.read().count(b"\n")
    except (OSError, http.client.HTTPException) as error:
        return f"broken off ({type(error).__name__})"
    finally:
        connection.close()
    if response.status != 200:
        return f"refused ({response.status})"
    return "whole" if lines >= _STREAM_ROWS else "short"


def restart(home: Home, found: Databases, callers: int, seconds: float) -> list[str]:
    """Two processes; one is told to end under load, and its callers go on at the other, as behind a balancer."""
    other = beside(home)
    with run_gateway(home) as first, run_gateway(other) as second:
        ports = (first.port, second.port)
        seen: Counter[str] = Counter()
        stop = threading.Event()
        with ThreadPoolExecutor(callers) as pool:
            work = [pool.submit(_call, ports, home.headers, found.ids[at::callers], stop) for at in range(callers)]
            time.sleep(seconds)
            os.kill(first.pid, signal.SIGTERM)
            time.sleep(seconds)
            stop.set()
            for each in work:
                seen += each.result()
    told = ", ".join(f"{number:,} {outcome}" for outcome, number in seen.most_common())
    return [f"One of two processes is ended by SIGTERM while {callers} callers ask, who then go to the other: {told}."]


def _call(
    ports: Sequence[int], headers: Mapping[str, str], values: Sequence[str], stop: threading.Event
) -> Counter[str]:
    seen: Counter[str] = Counter()
    at, connection, is_kept = 0, None, False
    for value in itertools.cycle(values):
        if stop.is_set():
            break
        if connection is None:
            connection, is_kept = http.client.HTTPConnection("127.0.0.1", ports[at % len(ports)], timeout=60), False
        try:
            connection.request("GET", TARGETS["a"].replace("{}", value), headers=dict(headers))
            response = connection.getresponse()
            is_good = response.status == 200 and response.read().startswith(b"[{")
            seen["answered" if is_good else f"refused ({response.status})"] += 1
            is_kept = not response.will_close
            is_over = response.will_close
        except ConnectionRefusedError:
            seen["not let in"] += 1
            at, is_over = at + 1, True
        except (OSError, http.client.HTTPException) as error:
            is_between = is_kept and isinstance(error, ConnectionError | http.client.RemoteDisconnected)
            seen["on a connection that was just closed" if is_between else "broken off"] += 1
            at, is_over = at + 1, True
        if is_over:
            connection.close()
            connection = None
    return seen
