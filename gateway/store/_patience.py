"""A PostgreSQL connection that gives a silent server up: one that hangs, or is no longer there, would be waited for.

The server ends statements that take too long by itself. Nobody tells where it is the server that does nothing more.
"""

import time
from collections.abc import Generator
from typing import Any, TypeVar

import psycopg

Result = TypeVar("Result")


def patient_connection(seconds: float, *arguments: Any, **named: Any) -> psycopg.Connection[Any]:  # noqa: ANN401
    """Connect as the driver does; each wait on the connection then ends after so many seconds, and it with it."""
    connection = _Patient.connect(*arguments, **named)
    connection.patience_seconds = seconds
    return connection


class _Patient(psycopg.Connection[Any]):
    patience_seconds: float | None = None

    def wait(self, gen: Generator[Any, Any, Result], *arguments: Any, **named: Any) -> Result:  # noqa: ANN401
        """As the driver's; raises OperationalError, and the connection is closed, where the server is silent."""
        return super().wait(self._bounded(gen) if self.patience_seconds is not None else gen, *arguments, **named)

    def _bounded(self, waited: Generator[Any, Any, Result]) -> Generator[Any, Any, Result]:
        give_up = time.monotonic() + (self.patience_seconds or 0)
        try:
            wanted = next(waited)
            while True:
                ready = yield wanted  # nothing, every tenth of a second, where the socket is silent
                if not ready and time.monotonic() > give_up:
                    self.pgconn.finish()
                    raise psycopg.OperationalError("the server is silent")
                wanted = waited.send(ready)
        except StopIteration as end:
            result: Result = end.value
            return result
