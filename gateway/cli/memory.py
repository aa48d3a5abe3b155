"""Memory of long answers goes back to the system while the process runs.

What is freed in the midst of a heap stays with the process until glibc is asked for it (malloc_trim(3)): a gateway that
answered some thousand streams held half as much again as it used. Asking takes some milliseconds in which nobody gets
memory, so it is asked only where memory has grown since the last time.
"""

import ctypes
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

LOOKS_EACH_SECONDS: Final = 20.0
WORTH_BYTES: Final = 32 * 1024 * 1024
_STATM: Final = Path("/proc/self/statm")


class MemoryKeeper:
    """Gives back what is free, where the process holds WORTH_BYTES more than after the last time."""

    def __init__(self, held: Callable[[], int], give_back: Callable[[], object]) -> None:
        self._held = held
        self._give_back = give_back
        self._kept = held()

    def look(self) -> bool:
        """Whether it was worth it."""
        held = self._held()
        self._kept = min(self._kept, held)
        if held - self._kept < WORTH_BYTES:
            return False
        self._give_back()
        self._kept = self._held()
        return True


def held_bytes() -> int:
    """Of this process, in memory. Raises OSError where there is no /proc."""
    return int(_STATM.read_text(encoding="ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE")


@contextmanager
def giving_memory_back() -> Iterator[None]:
    """Look every so often in a thread while the block runs. Does nothing with another C library than glibc."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is None or not _STATM.exists():
        yield
        return
    keeper, over = MemoryKeeper(held_bytes, lambda: trim(0)), threading.Event()

    def run() -> None:
        while not over.wait(LOOKS_EACH_SECONDS):
            keeper.look()

    thread = threading.Thread(target=run, name="memory", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
