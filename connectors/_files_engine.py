"""One DuckDB, shut in: it sees the folder and nothing else, loads no extension, and is only ever given a SELECT."""

import threading
from collections.abc import Mapping
from pathlib import Path

import duckdb

from connectors._files_dialect import Dialect
from connectors._files_listing import Reading
from connectors._files_statement import Statement

RUBBISH = (
    duckdb.DataError,
    duckdb.ProgrammingError,
    duckdb.IntegrityError,
    duckdb.InvalidInputException,
    duckdb.SerializationException,
    ValueError,
)


class Engine:
    """One DuckDB, made when first needed and then shut in."""

    def __init__(self, folder: Path, memory: int, dialect: Dialect) -> None:
        self.folder = folder
        self.dialect = dialect
        self._memory = memory
        self._lock = threading.Lock()
        self._database: duckdb.DuckDBPyConnection | None = None

    def cursor(self) -> duckdb.DuckDBPyConnection:
        with self._lock:
            if self._database is None:
                self._database = self._open()
            return self._database.cursor()

    def reading(self, cursor: duckdb.DuckDBPyConnection, stopped: threading.Event) -> Reading:
        """How a file is looked at; waiting for one ends when the work is stopped."""
        return Reading(
            dialect=self.dialect,
            most_bytes=self._memory * 1024 * 1024,
            parquet_columns=lambda path: parquet_columns(cursor, path),
            wait=stopped.wait,
        )

    @staticmethod
    def run(cursor: duckdb.DuckDBPyConnection, statement: Statement) -> None:
        """Start a statement, with the tables that are held here in place."""
        for at, file in enumerate(statement.held):
            cursor.register(f"held{at}", file.held)
        read(cursor, statement.sql, statement.values)

    def runs(self, cursor: duckdb.DuckDBPyConnection, statement: Statement) -> bool:
        """Whether the statement comes to its end on what the files hold."""
        try:
            self.run(cursor, statement)
            cursor.fetchall()
        except RUBBISH:
            return False
        return True

    def _open(self) -> duckdb.DuckDBPyConnection:
        database = duckdb.connect(":memory:")
        for setting in (
            f"memory_limit='{self._memory}MiB'",
            "temp_directory=''",  # departmental data is never spilled to a disk of ours
            "autoinstall_known_extensions=false",
            "autoload_known_extensions=false",
            "allow_community_extensions=false",
            "python_enable_replacements=false",
        ):
            database.execute(f"SET {setting}")
        # the order matters: what may be seen, then nothing else, then nobody changes it
        database.execute("SET allowed_directories=?", [[str(self.folder.resolve())]])
        database.execute("SET enable_external_access=false")
        database.execute("SET lock_configuration=true")
        return database

    def close(self) -> None:
        with self._lock:
            if self._database is not None:
                self._database.close()
                self._database = None


def read(cursor: duckdb.DuckDBPyConnection, sql: str, values: Mapping[str, object]) -> duckdb.DuckDBPyConnection:
    """Run one SELECT and nothing else: inside the allowed folder DuckDB itself would also write."""
    statements = cursor.extract_statements(sql)
    if len(statements) != 1 or statements[0].type != duckdb.StatementType.SELECT:
        raise duckdb.PermissionException("only a single SELECT is run")
    return cursor.execute(statements[0], dict(values))


def parquet_columns(cursor: duckdb.DuckDBPyConnection, path: Path) -> dict[str, str]:
    """Names and types of a Parquet file's columns, as DuckDB reads them."""
    found = read(cursor, "SELECT * FROM read_parquet($path, hive_partitioning=false) LIMIT 0", {"path": str(path)})
    return {str(column[0]): str(column[1]) for column in found.description or ()}
