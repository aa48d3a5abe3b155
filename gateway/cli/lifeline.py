"""A process that ends with the one that began it, however that went."""

import os
import signal
import threading
import time
from typing import Final

_LEAVING_SECONDS: Final = 15.0
"""What is left of this process so long after that is ended hard: it hangs."""


def end_with(lifeline: int) -> None:
    """Once the other end of the pipe is closed this process is told to end (SIGTERM), whoever held it."""
    threading.Thread(target=_wait, args=(lifeline,), name="lifeline", daemon=True).start()


def _wait(lifeline: int) -> None:
    while os.read(lifeline, 1):
        pass
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(_LEAVING_SECONDS)
    os._exit(1)
