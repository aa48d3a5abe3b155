"""Starts the applications of `passthrough`, each in a process of its own."""

import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import orjson

from benchmarks.serving.databases import Databases
from benchmarks.serving.http_server import HttpServer, Two
from benchmarks.serving.passthrough import ADDRESS
from benchmarks.serving.processes import serving
from benchmarks.serving.wrk import Request
from gateway.demo.serving import free_port

_CASES = {"bare": "abc", "route": "ab"}


@contextmanager
def bare(application: str, databases: Databases, folder: Path) -> Iterator[HttpServer]:
    """One of them, by one uvicorn worker."""
    port = free_port()
    command = [
        sys.executable, "-m", "uvicorn", f"benchmarks.serving.passthrough:{application}", "--port", str(port),
        "--no-access-log", "--log-level", "warning",
    ]  # fmt: skip
    environment = {ADDRESS: databases.address("").rstrip("/")}
    with serving(command, port, log=folder / f"{application}-{port}.log", environment=environment) as pid:
        requests = {case: Request.get(port, f"/{case}/{{}}") for case in _CASES[application]}
        yield HttpServer(pid, requests, orjson.loads)


@contextmanager
def two_bare(databases: Databases, folder: Path) -> Iterator[Two]:
    """The bare callable in two processes."""
    with ExitStack() as stack:
        yield Two(*(stack.enter_context(bare("bare", databases, folder)) for _ in range(2)))
