"""Storage that fails on order: compiles faulty.c, and gives its orders. A fault is set at any moment, for any process.

Needs gcc (the Makefile installs it); where there is none, the tests say so and fail.
"""

import errno
import mmap
import shutil
import struct
import subprocess
import time
from enum import IntEnum, IntFlag
from pathlib import Path
from typing import Self

from tests.faults.gateway_process import PATIENCE_SECONDS

_SOURCE = Path(__file__).with_name("faulty.c")
_FORM = "=iiiiiii100s"
_MET = 6 * 4  # where `met` stands


class Kind(IntEnum):
    FAIL = 1
    SHORT = 2
    WAIT = 3
    END = 4


class Call(IntFlag):
    WRITE = 1
    SYNC = 2
    TRUNCATE = 4


class Faulty:
    """One order for all processes that were started with `environment`."""

    def __init__(self, library: Path, order: Path) -> None:
        self.environment = {"LD_PRELOAD": str(library), "FAULTY_ORDER": str(order)}
        order.write_bytes(bytes(struct.calcsize(_FORM)))
        order.chmod(0o666)
        with order.open("r+b") as file:
            self._map = mmap.mmap(file.fileno(), 0)

    @classmethod
    def built_in(cls, folder: Path) -> Self:
        """Compile into the folder, readable for a server that runs under another user."""
        gcc = shutil.which("gcc")
        if gcc is None:
            msg = "gcc is missing: apt-get install gcc libc6-dev"
            raise RuntimeError(msg)
        library = folder / "faulty.so"
        subprocess.run(
            [gcc, "-O1", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC", "-o", library, _SOURCE, "-ldl"], check=True
        )
        library.chmod(0o755)
        return cls(library, folder / "order")

    def order(
        self,
        kind: Kind,
        call: Call,
        path: str,
        *,
        at: int = 1,
        times: int = 1,
        error: int = errno.EIO,
        milliseconds: int = 0,
    ) -> None:
        """From the `at`-th call on, `times` calls on files whose path holds the text do what `kind` says."""
        self.cancel()
        whole = struct.pack(_FORM, kind, call, at, times, error, milliseconds, 0, path.encode())
        self._map[4:] = whole[4:]
        self._map[:4] = whole[:4]

    def cancel(self) -> None:
        """All is well again."""
        self._map[:4] = bytes(4)

    @property
    def met(self) -> int:
        """How often the fault struck since it was ordered."""
        return int.from_bytes(self._map[_MET : _MET + 4], "little")

    def until_met(self) -> None:
        end = time.monotonic() + PATIENCE_SECONDS
        while not self.met:
            if time.monotonic() > end:
                msg = "the fault never struck: nothing made such a call"
                raise AssertionError(msg)
            time.sleep(0.005)

    def close(self) -> None:
        self._map.close()


NO_SPACE = errno.ENOSPC
IO_ERROR = errno.EIO
