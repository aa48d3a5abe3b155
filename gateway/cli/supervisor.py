"""Several processes behind one port: binds once, starts the workers, and keeps as many as there should be.

The workers share one listening socket, which stays open here from the first of them to the last: whoever connects
while workers come and go waits for one, and is never refused. It serves nothing itself and opens neither keys nor data.
"""

import asyncio
import contextlib
import os
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from gateway.cli.housekeeper import housekeeper
from gateway.cli.serving import GRACE_SECONDS
from gateway.errors import SettingsInvalid
from gateway.settings import Settings
from gateway.telemetry import configure_logging, operator_log

_STARTING_SECONDS: Final = 120.0
"""A worker that does not serve so long after its start is ended."""
_ENDING_SECONDS: Final = GRACE_SECONDS + 10.0
"""For a worker that was told to end; then it is killed."""
_FIRST_PAUSE_SECONDS: Final = 0.25
_LONGEST_PAUSE_SECONDS: Final = 30.0
_SOUND_SECONDS: Final = 60.0
"""A worker that served so long before it died is started again at once."""


@dataclass(slots=True, eq=False)
class _Worker:
    """One process. `ready` says whether it came to serve; `ended` is its exit status."""

    place: int
    process: asyncio.subprocess.Process
    ready: asyncio.Future[bool]
    ended: asyncio.Task[int]
    is_unwanted: bool = False  # told to end, or to retire
    watch: asyncio.Task[None] | None = None

    def send(self, number: signal.Signals) -> None:
        with contextlib.suppress(ProcessLookupError):
            self.process.send_signal(number)

    @property
    def is_serving(self) -> bool:
        return not self.is_unwanted and not self.ended.done() and self.ready.done() and self.ready.result()


@dataclass(slots=True, eq=False)
class Supervisor:
    """Of one port. SIGTERM ends all, SIGHUP has one worker take the bundle, SIGUSR1 replaces the workers in turn."""

    settings: Settings
    path: Path | None  # where the workers read them
    sockets: Sequence[socket.socket]
    _serving: dict[int, _Worker] = field(default_factory=dict)  # by place
    _all: set[_Worker] = field(default_factory=set)
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)
    _ending: asyncio.Event = field(default_factory=asyncio.Event)
    _replacing: asyncio.Lock = field(default_factory=asyncio.Lock)
    _lifeline: tuple[int, int] = (-1, -1)
    _figures: tempfile.TemporaryDirectory[str] = field(  # what the workers counted: nobody else's
        default_factory=lambda: tempfile.TemporaryDirectory(prefix="langqiao-", ignore_cleanup_errors=True)
    )

    async def run(self) -> int:
        """Until told to end; the exit status. The first worker alone begins: what is wrong is told once, by it."""
        configure_logging(self.settings.telemetry.log_level)
        self._lifeline = os.pipe()  # each worker waits for its end: it comes when this process goes, however it goes
        loop = asyncio.get_running_loop()
        for number, act in (
            (signal.SIGTERM, self._end), (signal.SIGINT, self._end),
            (signal.SIGHUP, self._hang_up), (signal.SIGUSR1, self._replace_all),
        ):  # fmt: skip
            loop.add_signal_handler(number, act)
        try:
            first = await self._start(0, begins=True)
            is_well, others = await self._comes(first), list[_Worker]()
            if is_well:
                others = [await self._start(place) for place in range(1, self.settings.workers)]
                is_well = all(await asyncio.gather(*map(self._comes, others)))
            if is_well:
                operator_log().info("serving", count=self.settings.workers, detail=_told(self.sockets))
                for worker in (first, *others):
                    self._keep(worker)
                async with housekeeper(self.path):
                    await self._ending.wait()
            return 0 if is_well or self._ending.is_set() else 1
        finally:
            await self._end_all()

    # ------------------------------------------------------------------ signals
    def _end(self) -> None:
        if self._ending.is_set():
            for worker in self._all:
                worker.send(signal.SIGKILL)
        self._ending.set()
        for worker in self._all:
            worker.is_unwanted = True
            worker.send(signal.SIGTERM)

    def _hang_up(self) -> None:
        """One worker takes the bundle, and the others follow it, as every other process of the site does."""
        found = next((one for _, one in sorted(self._serving.items()) if one.is_serving), None)
        if found is None:
            operator_log().error("policy not changed", detail="no worker serves")
        else:
            found.send(signal.SIGHUP)

    def _replace_all(self) -> None:
        self._in_background(self._replace_in_turn())

    # ------------------------------------------------------------------ workers
    async def _start(self, place: int, *, begins: bool = False) -> _Worker:
        reading, writing = os.pipe()
        given = [each.fileno() for each in self.sockets]
        lifeline = self._lifeline[0]
        command = [
            sys.executable, "-P", "-m", "gateway.cli.worker", f"--lifeline={lifeline}", f"--status={writing}",
            f"--place={place}", f"--workers={self.settings.workers}", f"--figures={self._figures.name}",
            *(f"--socket={each}" for each in given),
            *(("--begins",) if begins else ()), *((f"--settings={self.path}",) if self.path is not None else ()),
        ]  # fmt: skip
        try:
            process = await asyncio.create_subprocess_exec(
                *command, stdin=subprocess.DEVNULL, pass_fds=(*given, lifeline, writing)
            )
        finally:
            os.close(writing)
        loop = asyncio.get_running_loop()
        worker = _Worker(place, process, loop.create_future(), asyncio.create_task(process.wait()))
        self._all.add(worker)

        def hear() -> None:
            """A word when it serves, nothing more when it ends."""
            is_ready = bool(os.read(reading, 16))
            loop.remove_reader(reading)
            os.close(reading)
            if not worker.ready.done():
                worker.ready.set_result(is_ready)

        loop.add_reader(reading, hear)
        worker.ended.add_done_callback(lambda _: self._all.discard(worker))
        if self._ending.is_set():
            worker.send(signal.SIGTERM)
        return worker

    async def _comes(self, worker: _Worker) -> bool:
        """Whether it serves; one that does not is gone when this returns."""
        try:
            async with asyncio.timeout(_STARTING_SECONDS):
                is_ready = await asyncio.shield(worker.ready)
        except TimeoutError:
            is_ready = False
            operator_log().error("worker does not come to serve", count=worker.place + 1)
        if not is_ready:
            worker.is_unwanted = True
            await self._gone(worker)
        return is_ready

    def _keep(self, worker: _Worker) -> None:
        """It serves its place; when it dies another one will."""
        self._serving[worker.place] = worker
        worker.watch = self._in_background(self._watch(worker))

    async def _watch(self, worker: _Worker) -> None:
        loop = asyncio.get_running_loop()
        began, pause = loop.time(), _FIRST_PAUSE_SECONDS
        while True:
            status = await asyncio.shield(worker.ended)
            if worker.is_unwanted or self._ending.is_set():
                return
            operator_log().error("worker died", count=worker.place + 1, detail=_how(status))
            if loop.time() - began >= _SOUND_SECONDS:
                pause = _FIRST_PAUSE_SECONDS
            following: _Worker | None = None
            while following is None:
                await asyncio.sleep(pause)
                pause = min(2 * pause, _LONGEST_PAUSE_SECONDS)
                if self._ending.is_set() or self._serving.get(worker.place) is not worker:
                    return  # told to end, or replaced meanwhile
                began = loop.time()
                started = await self._start(worker.place)
                if await self._comes(started):
                    following = started
                elif not self._ending.is_set():
                    operator_log().error("worker does not start", count=worker.place + 1)
            operator_log().warning("worker started again", count=worker.place + 1)
            if self._ending.is_set():
                return
            if self._serving.get(worker.place) is not worker:
                self._retire(following)
                return
            self._serving[worker.place] = worker = following

    async def _replace_in_turn(self) -> None:
        """A new worker for each place: it serves before the old one lets go. One that can't start ends the matter."""
        async with self._replacing:
            for place in range(self.settings.workers):
                if self._ending.is_set():
                    return
                fresh = await self._start(place)
                if not await self._comes(fresh):
                    operator_log().error("workers not replaced", count=place + 1, detail="the old ones serve on")
                    return
                old = self._serving.get(place)
                self._keep(fresh)
                if old is not None:
                    self._retire(old)
            operator_log().info("workers replaced", count=self.settings.workers)

    @staticmethod
    def _retire(worker: _Worker) -> None:
        worker.is_unwanted = True
        worker.send(signal.SIGUSR1)

    async def _gone(self, worker: _Worker) -> None:
        worker.send(signal.SIGTERM)
        try:
            async with asyncio.timeout(_ENDING_SECONDS):
                await asyncio.shield(worker.ended)
        except TimeoutError:
            worker.send(signal.SIGKILL)
            await asyncio.shield(worker.ended)

    async def _end_all(self) -> None:
        self._ending.set()
        for each in self.sockets:
            each.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*(self._gone(worker) for worker in list(self._all)))
        self._figures.cleanup()

    def _in_background(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task


def bind(settings: Settings) -> list[socket.socket]:
    """The sockets of the settings' address, bound and not listening yet; raises SettingsInvalid."""
    bound: list[socket.socket] = []
    try:
        found = socket.getaddrinfo(
            settings.host or None, settings.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )
        for family, kind, protocol, _, address in dict.fromkeys(found):
            made = socket.socket(family, kind, protocol)
            bound.append(made)
            made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if family == socket.AF_INET6:
                made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            made.bind(address)
    except OSError as error:
        for each in bound:
            each.close()
        raise SettingsInvalid(
            fault=f"`host`, `port`: can't listen there ({error.strerror})", fix="name an address that is free here"
        ) from None
    return bound


def supervise(settings: Settings, path: Path | None) -> int:
    """Serve with several workers until told to end; the exit status. Raises SettingsInvalid."""
    sockets = bind(settings)
    return asyncio.run(Supervisor(settings, path, sockets).run())


def _told(sockets: Sequence[socket.socket]) -> str:
    return ", ".join(f"{name[0]} port {name[1]}" for name in (each.getsockname() for each in sockets))


def _how(status: int) -> str:
    if status < 0:
        return f"by {signal.Signals(-status).name}" if -status in set(signal.Signals) else f"by signal {-status}"
    return f"with status {status}"
