"""A process that appends until it is killed, and writes down each receipt after it has it.

`audit_child FOLDER URL CALLERS FILE`. A line: index, leaf hash, hash of the answer, and on the machine's monotonic
clock when it was asked for and when it was there. Whoever is refused asks again.
"""

import asyncio
import hashlib
import os
import secrets
import sys
import time
from pathlib import Path

from gateway.errors import AuditFailed
from tests.audit_logs import entry, house, open_log

_PAUSE_SECONDS = 0.02


async def append_for_ever(folder: Path, url: str, callers: int, file: Path) -> None:
    written = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    # a file and not a pipe: what was written stays whoever is killed, and nobody has to read along
    async with open_log(house(folder, url)) as log:

        async def one(caller: int) -> None:
            while True:
                answer = hashlib.sha256(secrets.token_bytes(16)).hexdigest()
                began = time.monotonic_ns()
                try:
                    receipt = await log.append(entry(caller, response_sha256=answer))
                except AuditFailed:
                    await asyncio.sleep(_PAUSE_SECONDS)
                    continue
                line = f"{receipt.index} {receipt.leaf_hash} {answer} {began} {time.monotonic_ns()}\n"
                os.write(written, line.encode())

        await asyncio.gather(*(one(caller) for caller in range(callers)))


if __name__ == "__main__":
    asyncio.run(append_for_ever(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]), Path(sys.argv[4])))
