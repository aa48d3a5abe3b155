"""A process that appends until it is killed, and prints each receipt after it has it: `index leaf_hash`."""

import asyncio
import os
import sys
from pathlib import Path

from tests.audit_logs import entry, house, open_log


async def append_for_ever(folder: Path, url: str) -> None:
    async with open_log(house(folder, url)) as log:

        async def one(caller: int) -> None:
            while True:
                receipt = await log.append(entry(caller))
                os.write(1, f"{receipt.index} {receipt.leaf_hash}\n".encode())

        await asyncio.gather(*(one(caller) for caller in range(16)))


if __name__ == "__main__":
    asyncio.run(append_for_ever(Path(sys.argv[1]), sys.argv[2]))
