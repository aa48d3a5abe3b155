"""Searches of a log of millions of entries, beside plain SQL with one index a column, on SQLite and PostgreSQL."""

import argparse
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, text

from benchmarks.audit_search_log import BEGIN, fill_postgresql, fill_sqlite, opener, person_of
from benchmarks.report import cores, write_section
from gateway.app import utc_now
from gateway.audit import Indexer, LogSearcher
from gateway.cli.serving import make_ready
from gateway.model.log_search import Facet, HeatColumns, LogSearch
from gateway.store import State, open_state
from tests.postgres_server import postgres_server

PAGE = 50
INDEXED = (
    "at",
    "kind",
    "principal",
    "app",
    "organisation",
    "purpose",
    "case_id",
    "dataset",
    "outcome",
    "code",
    "subjects",
)
_SLOW_SECONDS = 5.0  # a contender that takes longer is measured once

Sql = tuple[str, dict[str, object]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """A search as the desk asks it, and as plain SQL."""

    name: str
    ask: Callable[[LogSearcher, int], object]
    sql: Callable[[int], Sql]


def arguments(parser: argparse.ArgumentParser) -> None:
    """The options of this benchmark."""
    parser.add_argument("--entries", type=int, default=5_000_000, help="entries of the log")
    parser.add_argument("--rounds", type=int, default=100, help="times that each search is asked")
    parser.add_argument("--engine", choices=("sqlite", "postgresql", "both"), default="sqlite")
    parser.add_argument("--log", help="a log made before: a SQLite file, or where to keep it; a PostgreSQL address")
    parser.add_argument("--no-contender", action="store_true", help="measure no plain SQL: its indexes take minutes")


def shapes() -> list[Shape]:
    """What is asked: `seed` varies the values from round to round."""

    def page(*, oldest: bool = False, hours: int = 0, resident: bool = False, **where: Callable[[int], str]) -> Shape:
        def search(seed: int) -> LogSearch:
            since = BEGIN + timedelta(hours=37 * seed % 8_000) if hours else None
            return LogSearch(
                where={Facet(name): (value(seed),) for name, value in where.items()},
                subject=person_of(seed * 977 % 3_000) if resident else None,
                since=since,
                until=since + timedelta(hours=hours) if since is not None else None,
            )

        def ask(searcher: LogSearcher, seed: int) -> object:
            return searcher.page(search(seed), newest_first=not oldest, limit=PAGE)

        named = [*where, *(["resident"] if resident else []), *([f"{hours} h"] if hours else [])]
        return Shape(
            name=" ∧ ".join(named) or "everything", ask=ask, sql=lambda seed: _sql(search(seed), oldest=oldest)
        )

    def who(seed: int) -> str:
        return f"worker-{seed * 131 % 5_000:05}"

    def dataset(seed: int) -> str:
        return f"department-{seed % 12}.dataset-{seed % 12}"

    def empty_field(seed: int) -> str:
        return f"department-{seed % 12}.dataset-{seed % 12}.name=redact"

    return [
        page(),
        page(principal=who),
        page(principal=who, case=lambda seed: f"c-{seed * 7_919 % 200_000:06x}"),
        page(principal=who, outcome=lambda _: "refused"),
        page(principal=who, dataset=dataset, outcome=lambda _: "released", hours=24 * 30),
        page(outcome=lambda _: "refused", code=lambda seed: f"GW40{seed % 5 + 1}", dataset=dataset),
        page(outcome=lambda _: "released", code=lambda _: "GW401"),
        page(kind=lambda _: "read", outcome=lambda _: "refused", oldest=True),
        page(dataset=dataset, app=lambda seed: ("dispatch", "street-desk")[seed % 2], hours=2),
        page(field=empty_field, purpose=lambda seed: f"purpose-{seed % 12:02}", hours=24 * 7),
        page(case=lambda seed: f"c-{seed * 7_919 % 200_000:06x}"),
        page(resident=True),
        page(resident=True, principal=who),
        Shape(
            name="timeline by hour: dataset ∧ outcome",
            ask=lambda searcher, seed: searcher.hours(_common(seed)),
            sql=lambda seed: _hours_sql(_common(seed)),
        ),
        Shape(
            name="heat map by hour: outcome = refused",
            ask=lambda searcher, _: searcher.heat_map(
                LogSearch(where={Facet.OUTCOME: ("refused",)}), columns=HeatColumns.HOUR, top=20, offset_hours=8
            ),
            sql=lambda _: _heat_sql(LogSearch(where={Facet.OUTCOME: ("refused",)})),
        ),
        Shape(
            name="who looked at a resident",
            ask=lambda searcher, seed: searcher.lookers(LogSearch(where={}, subject=person_of(seed * 977 % 3_000))),
            sql=lambda seed: _lookers_sql(person_of(seed * 977 % 3_000)),
        ),
    ]


def _common(seed: int) -> LogSearch:
    where = {Facet.DATASET: (f"department-{seed % 12}.dataset-{seed % 12}",), Facet.OUTCOME: ("released",)}
    return LogSearch(where=where)


# ------------------------------------------------------------------ the contender
_COLUMN = {Facet.CASE: "case_id"}


def _conditions(search: LogSearch) -> Sql:
    told, values = ["1 = 1"], dict[str, object]()
    for facet, (value,) in search.where.items():
        if facet is Facet.FIELD:
            name, _, level = value.partition("=")
            values["dataset"], _, field = name.rpartition(".")
            values["field"] = f"%{field}:{level}%"
            told += ["dataset = :dataset", "fields LIKE :field"]
        else:
            told.append(f"{_COLUMN.get(facet, facet.value)} = :{facet.value}")
            values[facet.value] = value
    if search.subject is not None:
        told.append("subjects = :subject")  # each is about one person here
        values["subject"] = search.subject
    if search.since is not None and search.until is not None:
        told.append("at >= :since AND at < :until")
        values |= {"since": search.since, "until": search.until}
    return " AND ".join(told), values


def _sql(search: LogSearch, *, oldest: bool) -> Sql:
    where, values = _conditions(search)
    order = "ASC" if oldest else "DESC"
    return f"SELECT idx, body FROM audit_entry WHERE {where} ORDER BY idx {order} LIMIT {PAGE + 1}", values


def _hours_sql(search: LogSearch) -> Sql:
    where, values = _conditions(search)
    return f"SELECT substr(CAST(at AS TEXT), 1, 13), count(*) FROM audit_entry WHERE {where} GROUP BY 1", values


def _heat_sql(search: LogSearch) -> Sql:
    where, values = _conditions(search)
    return (
        f"SELECT principal, substr(CAST(at AS TEXT), 12, 2), count(*) FROM audit_entry WHERE {where} GROUP BY 1, 2"
    ), values


def _lookers_sql(subject: str) -> Sql:
    return (
        "SELECT e.principal, e.app, e.purpose, e.case_id, e.fields, min(e.at), max(e.at), count(*)"
        " FROM audit_entry e WHERE e.subjects = :subject GROUP BY 1, 2, 3, 4, 5"
    ), {"subject": subject}


def _ask_sql(connection: Connection, sql: Sql, *, is_sqlite: bool) -> object:
    statement, values = sql
    if is_sqlite:
        values = {name: _written(value) for name, value in values.items()}
    return connection.execute(text(statement), values).all()


def _written(value: Any) -> object:  # noqa: ANN401 - a parameter
    return value.replace(tzinfo=None).isoformat(timespec="microseconds") if hasattr(value, "isoformat") else value


# ------------------------------------------------------------------ measuring
def run(options: argparse.Namespace) -> str:
    """Measure and write the section."""
    make_ready()
    parts: list[str] = []
    engines = ("sqlite", "postgresql") if options.engine == "both" else (options.engine,)
    for engine in engines:
        with ExitStack() as stack:
            state, seconds = _log(engine, options, stack)
            parts.append(_section(engine, state, options, seconds))
            state.close()
    more = " --no-contender" if options.no_contender else ""
    command = f'make bench ARGS="audit-search --entries {options.entries} --engine {options.engine}{more}"'
    load = f"{os.getloadavg()[0] / cores():.1f}"
    introduction = (
        f"Milliseconds of one search over {options.entries:,} entries: median and 99th percentile of"
        f" {options.rounds},\neach with other values, {PAGE} entries a page, warm. Plain SQL has one index a column and"
        f" reads\nthe bodies of its page alone; what takes it over {_SLOW_SECONDS:.0f} s in all is not asked again, and"
        " PostgreSQL stops it after 2 s.\n"
        f"Processor: of the gateway's process, with SQLite in it. Processes that wanted a core meanwhile: {load}.\n"
    )
    return write_section(f"Searches of the log ({options.engine})", command, "\n".join((introduction, *parts)))


def _log(engine: str, options: argparse.Namespace, stack: ExitStack) -> tuple[State, float]:
    began = time.perf_counter()
    if engine == "sqlite":
        file = Path(options.log) if options.log else Path(stack.enter_context(tempfile.TemporaryDirectory())) / "log.db"
        is_made = file.exists()
        state = open_state(f"sqlite:///{file}")
        if not is_made:
            fill_sqlite(state, options.entries)
    else:
        is_made = options.log is not None
        url = options.log or stack.enter_context(postgres_server()).fresh_database()
        state = open_state(url)
        if not is_made:
            fill_postgresql(url, options.entries)
    Indexer(state, utc_now).catch_up()
    return state, 0.0 if is_made else time.perf_counter() - began


def _section(engine: str, state: State, options: argparse.Namespace, seconds: float) -> str:
    searcher = LogSearcher(state, opener())
    ours = [_timed(partial(shape.ask, searcher), options.rounds) for shape in shapes()]
    others: list[Sequence[float]] = []
    if not options.no_contender:
        _index(state)
        others = [_timed_sql(state, shape, options.rounds) for shape in shapes()]
    rows = [
        f"| {shape.name} | {_told(mine[0])} | {_told(mine[1])} | {_told(others[place]) if others else '| '} |"
        for place, (shape, mine) in enumerate(zip(shapes(), ours, strict=True))
    ]
    made = f", made in {seconds:.0f} s" if seconds else ""
    return "\n".join(
        (
            f"### {engine}{made}",
            "",
            "| search | p50 | p99 | processor p50 | p99 | plain SQL p50 | p99 |",
            "| --- | --- | --- | --- | --- | --- | --- |",
            *rows,
            "",
        )
    )


def _index(state: State) -> None:
    with state.writing() as connection:
        if state.file is None:
            connection.execute(text("SET LOCAL statement_timeout = 0"))
        for name in INDEXED:
            connection.execute(text(f"CREATE INDEX IF NOT EXISTS bench_{name} ON audit_entry ({name})"))
        connection.execute(text("ANALYZE audit_entry"))


def _timed(ask: Callable[[int], object], rounds: int) -> tuple[list[float], list[float]]:
    """Seconds, and seconds of our processor: what is left of a search where nobody else works on the machine."""
    for seed in range(5):
        ask(seed)
    spent, worked = [], []
    for seed in range(rounds):
        began, began_work = time.perf_counter(), time.process_time()
        ask(seed)
        spent.append(time.perf_counter() - began)
        worked.append(time.process_time() - began_work)
    return spent, worked


def _timed_sql(state: State, shape: Shape, rounds: int) -> list[float]:
    spent: list[float] = []
    for seed in range(rounds):
        began = time.perf_counter()
        try:
            with state.reading() as connection:
                _ask_sql(connection, shape.sql(seed), is_sqlite=state.file is not None)
        except Exception as error:
            if "QueryCanceled" not in repr(error.__cause__) and "timeout" not in str(error):
                raise
        spent.append(time.perf_counter() - began)
        if sum(spent) > _SLOW_SECONDS:
            break
    return spent


def _told(spent: Sequence[float]) -> str:
    if len(spent) < 2:
        return f"{spent[0] * 1e3:,.0f} | once"
    return f"{statistics.median(spent) * 1e3:,.1f} | {statistics.quantiles(spent, n=100)[98] * 1e3:,.1f}"
