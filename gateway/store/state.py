"""URL -> State: the gateway's own database, made where it is missing. SQLite for one machine, PostgreSQL for replicas.

Every commit is durable before it returns (WAL with synchronous=FULL; synchronous_commit), or the database is refused.
"""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event, insert, inspect, make_url, select, text, update
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.pool import NullPool, QueuePool

from gateway.errors import SettingsInvalid
from gateway.store._tables import ACCESS_LOG_VIEW, POSTGRESQL_STORAGE, SCHEMA_VERSION, TABLES, schema_version

WRITES = "langqiao_writes"
_WAIT_SECONDS = 2
_GRACE_SECONDS = 1  # that a server has to say that it took too long
_PAGE_BYTES = 8_192  # an entry of the log has some two thousand: with 4,096 each has a page to itself
_JOURNAL_PAGES = 2_048  # 16 MB before it is folded into the database: seldom, for whoever commits then waits for it
SQLITE_WRITES = (
    f"PRAGMA page_size={_PAGE_BYTES}",  # of a new database
    "PRAGMA journal_mode=WAL",
    "PRAGMA synchronous=FULL",
    "PRAGMA secure_delete=ON",  # whatever is deleted or moved may be of somebody who is erased: it becomes zeros
    f"PRAGMA wal_autocheckpoint={_JOURNAL_PAGES}",
)
"""What every connection that writes begins with."""
_MIGRATION_LOCK = 0x6C616E67  # any number, the same on every replica
DURABLE = (
    ("fsync", {"on"}),
    ("full_page_writes", {"on"}),
    ("synchronous_commit", {"on", "remote_apply"}),
    ("data_sync_retry", {"off"}),  # on: a write that the disk refused is taken for done at the second try
)


@dataclass(frozen=True, slots=True)
class State:
    """The open database. Its repr shows the engine's kind only."""

    engine: Engine
    file: Path | None  # of SQLite, else None

    def __repr__(self) -> str:
        """Never the address."""
        return f"<State {self.engine.dialect.name}>"

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """One transaction that is durable when the block ends; raises SQLAlchemyError and then wrote nothing."""
        with self.engine.connect() as connection:
            connection.execution_options(**{WRITES: True})
            with connection.begin():
                yield connection

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """One transaction that sees one moment of the database from its first statement on."""
        options = {} if self.file is not None else {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
        with self.engine.connect() as opened:
            connection = opened.execution_options(**options)
            with connection.begin():
                yield connection

    def close(self) -> None:
        """Give back every connection."""
        self.engine.dispose()


def open_state(url: str) -> State:
    """Open the database, and make or migrate its tables.

    Raises SettingsInvalid where the address can't be used, the database can't be reached, would not keep what it
    was given, or belongs to a newer gateway.
    """
    parsed = _read_url(url)
    try:
        if parsed.get_backend_name() == "sqlite":
            file = _file_of(parsed)
            # the log names people who looked: nobody else may read it
            os.close(os.open(file, os.O_RDWR | os.O_CREAT, 0o600))
            state = State(_sqlite_engine(file, read_only=False), file)
        else:
            state = State(_postgresql_engine(parsed), None)
    except OSError as error:
        raise _unusable(f"the database can't be used ({_named(error)})") from None
    try:
        _refuse_forgetful(state)
        _migrate(state)
    except SQLAlchemyError as error:
        state.close()
        raise _unusable(f"the database can't be used ({_named(error)})") from None
    except SettingsInvalid:
        state.close()
        raise
    return state


def open_state_read_only(url: str) -> State:
    """Open an existing database to read it; makes nothing. Raises SettingsInvalid."""
    parsed = _read_url(url)
    if parsed.get_backend_name() != "sqlite":
        return State(create_engine(parsed, poolclass=NullPool, hide_parameters=True), None)
    file = _file_of(parsed)
    if not file.is_file():
        raise _unusable("there is no such database")
    return State(_sqlite_engine(file, read_only=True), file)


def _read_url(url: str) -> URL:
    try:
        parsed = make_url(url)
    except SQLAlchemyError:
        raise _unusable("it is no database address") from None
    if parsed.drivername not in {"sqlite", "postgresql+psycopg"}:
        raise _unusable(f"`{parsed.drivername}` is not offered")
    if parsed.get_backend_name() == "sqlite" and parsed.database in {None, "", ":memory:"}:
        raise _unusable("a log in memory is not durable")
    return parsed


def _file_of(parsed: URL) -> Path:
    return Path(str(parsed.database)).resolve()


def sqlite_address(file: Path, *, read_only: bool = False) -> str:
    """For SQLite itself; never makes a database."""
    return f"{file.as_uri()}?mode={'ro' if read_only else 'rw'}"


def _sqlite_engine(file: Path, *, read_only: bool) -> Engine:
    def connect() -> sqlite3.Connection:
        connection = sqlite3.connect(
            sqlite_address(file, read_only=read_only),
            uri=True,
            isolation_level=None,  # transactions are begun by name, below
            check_same_thread=False,
            timeout=_WAIT_SECONDS,
        )
        try:
            if read_only:
                connection.execute("PRAGMA query_only=ON")
            else:
                for pragma in SQLITE_WRITES:
                    connection.execute(pragma)
        except BaseException:
            connection.close()
            raise
        return connection

    engine = create_engine("sqlite://", creator=connect, hide_parameters=True, **_pool(read_only=read_only))

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        # a transaction that will write takes the lock at once: two that read first could never both go on
        writes = connection.get_execution_options().get(WRITES)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine


def _pool(*, read_only: bool) -> dict[str, Any]:
    return {"poolclass": NullPool} if read_only else {"poolclass": QueuePool, "pool_size": 8, "max_overflow": 8}


def _postgresql_engine(parsed: URL) -> Engine:
    engine = create_engine(
        parsed,
        pool_size=8,
        max_overflow=8,
        pool_pre_ping=True,
        hide_parameters=True,
        connect_args={"connect_timeout": _WAIT_SECONDS},
    )

    @event.listens_for(engine, "do_connect")
    def connect(_dialect: object, _record: object, arguments: Any, named: Any) -> Any:  # noqa: ANN401 - as the driver says
        from gateway.store._patience import patient_connection

        return patient_connection(_WAIT_SECONDS + _GRACE_SECONDS, *arguments, **named)

    @event.listens_for(engine, "connect")
    def settle(driver: Any, _record: object) -> None:  # noqa: ANN401 - the driver's own connection
        driver.autocommit = True
        for setting in ("statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout"):
            driver.execute(f"SET {setting} = '{_WAIT_SECONDS}s'")
        driver.autocommit = False

    return engine


def _refuse_forgetful(state: State) -> None:
    """A server that answers before it has written could lose what was acknowledged."""
    if state.file is not None:
        return
    with state.reading() as connection:
        for setting, wanted in DURABLE:
            found = connection.execute(text("SELECT current_setting(:name)"), {"name": setting}).scalar_one()
            if found not in wanted:
                raise _unusable(f"the server has {setting}={found}: it may lose what was written")


def _migrate(state: State) -> None:
    with state.writing() as connection:
        if state.file is None:
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _MIGRATION_LOCK})
        schema_version.create(connection, checkfirst=True)
        found = connection.execute(select(schema_version.c.version)).scalar()
        if found is None:
            TABLES.create_all(connection)
            connection.execute(text(ACCESS_LOG_VIEW[connection.dialect.name]))
            _settle_storage(connection)
            connection.execute(insert(schema_version).values(version=SCHEMA_VERSION))
        elif found < SCHEMA_VERSION:
            TABLES.create_all(connection)
            if found < 6:
                _take_off_the_hot_path(connection)
            _add_what_is_missing(connection)
            _carry_people(connection)
            _settle_storage(connection)
            _carry_reviews(connection)
            connection.execute(update(schema_version).values(version=SCHEMA_VERSION))
        elif found != SCHEMA_VERSION:
            raise _unusable(f"the database has schema {found}, this gateway knows {SCHEMA_VERSION}")


def _take_off_the_hot_path(connection: Connection) -> None:
    """Version 6: indexes that every entry paid for; the one on reviews is made anew over the few that need one."""
    for name in ("audit_entry_at", "audit_entry_principal", "audit_entry_needs_review"):
        connection.execute(text(f"DROP INDEX IF EXISTS {name}"))


def _carry_people(connection: Connection) -> None:
    """Version 8 keeps an entry's people in its row, where a table of them was, and finds them by the search index."""
    if not inspect(connection).has_table("audit_subject"):
        return
    if connection.dialect.name == "postgresql":
        # each row is written anew: on a large log that takes a while, and as much room again until it is vacuumed
        statement = (
            "UPDATE audit_entry AS e SET subjects = s.people FROM ("
            "SELECT idx, string_agg(subject, ' ' ORDER BY subject COLLATE \"C\") AS people"
            " FROM audit_subject GROUP BY idx) AS s WHERE s.idx = e.idx"
        )
    else:
        statement = (
            "UPDATE audit_entry SET subjects = (SELECT group_concat(subject, ' ') FROM ("
            "SELECT subject FROM audit_subject AS s WHERE s.idx = audit_entry.idx ORDER BY subject))"
            " WHERE idx IN (SELECT idx FROM audit_subject)"
        )
    view = ACCESS_LOG_VIEW[connection.dialect.name]
    if connection.dialect.name == "postgresql":  # in its place: whoever was let read it still may
        views = [view.replace("CREATE VIEW", "CREATE OR REPLACE VIEW")]
    else:
        views = ["DROP VIEW access_log", view]
    for step in (
        statement, *views, "DROP TABLE audit_subject", "DELETE FROM audit_posting", "DELETE FROM audit_segment",
        "UPDATE audit_index SET generation = generation + 1",
    ):  # fmt: skip
        connection.execute(text(step))


def _settle_storage(connection: Connection) -> None:
    if connection.dialect.name == "postgresql":
        for statement in POSTGRESQL_STORAGE:
            connection.execute(text(statement))


def _carry_reviews(connection: Connection) -> None:
    """Version 6 keeps a review with all its steps where a table of decisions was."""
    known = inspect(connection)
    if not known.has_table("review_decision"):
        return
    columns = {column["name"] for column in known.get_columns("review_decision")}
    note = "d.note" if "note" in columns else "''"
    connection.execute(
        text(
            "INSERT INTO review (idx, origin, opened_at, opened_by, decided_at, decided_by, verdict, plain_note)"  # noqa: S608 - no values
            f" SELECT d.idx, 'required', e.at, '', d.decided_at, d.decided_by, d.verdict, {note}"
            " FROM review_decision AS d JOIN audit_entry AS e ON e.idx = d.idx"
            " WHERE d.idx NOT IN (SELECT idx FROM review)"
        )
    )
    connection.execute(text("DROP TABLE review_decision"))


def _add_what_is_missing(connection: Connection) -> None:
    """Most versions only added: tables, columns with a default, indexes."""
    known = inspect(connection)
    for table in TABLES.sorted_tables:
        there = {column["name"] for column in known.get_columns(table.name)}
        for column in table.columns:
            if column.name not in there:
                kind = column.type.compile(connection.dialect)
                connection.execute(
                    text(f"ALTER TABLE {table.name} ADD COLUMN {column.name} {kind} NOT NULL DEFAULT ''")
                )
        for index in table.indexes:
            index.create(connection, checkfirst=True)


def _named(error: Exception) -> str:
    """The kind of an error: its text may hold an address."""
    cause = getattr(error, "orig", None) or error
    return getattr(cause, "sqlite_errorname", None) or type(cause).__name__


def _unusable(why: str) -> SettingsInvalid:
    return SettingsInvalid(
        fault=f"`state_url`: {why}", fix="use sqlite:///<file>, or postgresql+psycopg://<host>/<database>"
    )
