"""PostgreSQL's answers in binary: as text each byte of a log's entry would come as two digits."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
from psycopg.pq import Format
from sqlalchemy import Connection


class _BinaryCursor(psycopg.Cursor[Any]):
    def __init__(self, *arguments: Any, **named: Any) -> None:  # noqa: ANN401 - as the driver has them
        super().__init__(*arguments, **named)
        self.format = Format.BINARY


@contextmanager
def binary_answers(connection: Connection) -> Iterator[None]:
    """Whatever is asked within the block is answered in binary."""
    driver: Any = connection.connection.driver_connection
    former, driver.cursor_factory = driver.cursor_factory, _BinaryCursor
    try:
        yield
    finally:
        driver.cursor_factory = former
