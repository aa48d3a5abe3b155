"""The process that keeps house beside whoever serves, and how it is had: begun with them, ended with them.

Building the log's index and looking at the log is work of the interpreter: in a thread beside the requests it had the
interpreter's lock to share with them. Nobody waits for this process: without it searches read more of the log, and
flags come later.
"""

import argparse
import asyncio
import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

from gateway.cli.lifeline import end_with
from gateway.errors import GatewayError
from gateway.meanwhile import meanwhile
from gateway.settings import load_settings
from gateway.telemetry import configure_logging, operator_log

_NICENESS: Final = 10
"""Whoever serves goes first where there is too little of the processor."""
_FIRST_PAUSE_SECONDS: Final = 1.0
_LONGEST_PAUSE_SECONDS: Final = 60.0
_ENDING_SECONDS: Final = 5.0
"""For what it has under way; then it is killed, and what it did not keep is done again."""


@asynccontextmanager
async def housekeeper(settings: Path | None) -> AsyncIterator[None]:
    """Have the process while the block runs; when it dies another one is begun. `settings`: the file it reads."""
    async with meanwhile(_keep(settings)):
        yield


async def _keep(settings: Path | None) -> None:
    loop, pause = asyncio.get_running_loop(), _FIRST_PAUSE_SECONDS
    while True:
        began = loop.time()
        try:
            status = await _run(settings)
            operator_log().error("housekeeper died", detail=f"status {status}")
        except OSError as error:
            operator_log().error("housekeeper does not start", detail=type(error).__name__)
        if loop.time() - began > _LONGEST_PAUSE_SECONDS:
            pause = _FIRST_PAUSE_SECONDS
        await asyncio.sleep(pause)
        pause = min(2 * pause, _LONGEST_PAUSE_SECONDS)


async def _run(settings: Path | None) -> int:
    """Until it ends, or this is cancelled: then it is ended."""
    reading, lifeline = os.pipe()  # it waits for the end of the pipe: it comes when this process goes, however it goes
    try:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-P", "-m", "gateway.cli.housekeeper", f"--lifeline={reading}"),
            *((f"--settings={settings}",) if settings is not None else ()),
            stdin=subprocess.DEVNULL,
            pass_fds=(reading,),
            start_new_session=True,  # what a terminal or a service sends to all is for who began it: that ends it
        )
        try:
            return await process.wait()
        except asyncio.CancelledError:
            await asyncio.shield(_end(process))
            raise
    finally:
        os.close(reading)
        os.close(lifeline)


async def _end(process: asyncio.subprocess.Process) -> None:
    with contextlib.suppress(ProcessLookupError):
        process.terminate()
    try:
        async with asyncio.timeout(_ENDING_SECONDS):
            await process.wait()
    except TimeoutError:
        process.kill()
        await process.wait()


# ---------------------------------------------------------------------- the process
async def _keep_house(settings: Path | None) -> None:
    from gateway.administration.housekeeping import keeping_house  # not needed by whoever begins it
    from gateway.clock import utc_now

    read = load_settings(settings)
    configure_logging(read.telemetry.log_level)
    ending = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, ending.set)
    async with keeping_house(read, utc_now):
        await ending.wait()


def main(arguments: Sequence[str]) -> None:
    """Keep house until told to end."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--settings", type=Path)
    parser.add_argument("--lifeline", type=int, required=True)
    options = parser.parse_args(arguments)
    end_with(options.lifeline)
    with contextlib.suppress(OSError):  # a service may be forbidden to
        os.nice(_NICENESS)
    try:
        asyncio.run(_keep_house(options.settings))
    except GatewayError as error:
        operator_log().error("house not kept", code=error.code, detail=error.operator or error.message("en"))
        sys.exit(1)


if __name__ == "__main__":
    main(sys.argv[1:])
