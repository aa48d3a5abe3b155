"""What is wrong with which file: columns missing, new or of another type, cells that don't fit. Never a cell itself."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from connectors._cells import NotPromised
from connectors._files_dialect import Dialect
from connectors._files_listing import Listed
from connectors._files_statement import Statement, compile_fetch
from connectors._told import named
from gateway.model.ids import DatasetName, FieldName
from gateway.model.parts import fields_of
from gateway.model.plan import Fetch, FetchAggregate, SourceColumn
from gateway.model.predicate import EVERYTHING
from gateway.model.query import AggregateFunction

MOST_FILES = 200


@dataclass(frozen=True, slots=True)
class Drift:
    """One difference. `is_harmless`: it is read all the same."""

    en: str
    zh: str
    is_harmless: bool = False


def drifts(
    files: Sequence[Listed],
    known: Mapping[FieldName, SourceColumn],
    dialect: Dialect,
    runs: Callable[[Statement], bool],
) -> Iterator[Drift]:
    """Every difference between the files and the catalogue; `runs` tells whether a statement can be run to its end."""
    wanted = {source.column for source in known.values()}
    common = set.intersection(*(set(file.columns) for file in files)) if files else set()
    for file in files[:MOST_FILES]:
        name = named(file.name)
        for column in sorted(wanted - set(file.columns)):
            yield Drift(f"file {name} lacks the column {named(column)}", f"文件 {name} 缺少列 {named(column)}")
        for column in sorted(set(file.columns) - wanted - common):
            yield Drift(
                f"file {name} has a column {named(column)} that others lack",
                f"文件 {name} 多出其他文件没有的列 {named(column)}",
                is_harmless=True,
            )
        yield from _cells(file, known, dialect, runs)


def culprit(
    files: Sequence[Listed],
    known: Mapping[FieldName, SourceColumn],
    dialect: Dialect,
    runs: Callable[[Statement], bool],
) -> str | None:
    """The first fault in words; None where none is found."""
    return next((drift.en for drift in drifts(files, known, dialect, runs) if not drift.is_harmless), None)


def asked_for(fetch: Fetch) -> dict[FieldName, SourceColumn]:
    """The fields that a fetch reads."""
    used = {column.source.field for column in fetch.columns} | {term.field for term in fetch.order}
    used |= {one.field for one in fetch.aggregates if one.field is not None}
    used |= set(fields_of(fetch.where)) | set(fields_of(fetch.rows))
    return {name: source for name, source in fetch.known.items() if name in used}


def _cells(
    file: Listed,
    known: Mapping[FieldName, SourceColumn],
    dialect: Dialect,
    runs: Callable[[Statement], bool],
) -> Iterator[Drift]:
    name = named(file.name)
    if not runs(compile_fetch(_counting({}, None), [file], dialect)):
        yield Drift(f"file {name} can't be read to its end", f"文件 {name} 无法完整读取")
        return
    for field, source in known.items():
        if source.column not in file.columns:
            continue
        column = named(source.column)
        try:
            statement = compile_fetch(_counting({field: source}, field), [file], dialect)
        except NotPromised as fault:
            yield Drift(str(fault), f"文件 {name} 的列 {column} 类型不是 {source.type}")
            continue
        if not runs(statement):
            yield Drift(
                f"file {name}: a cell of the column {column} is no {source.type}",
                f"文件 {name} 的列 {column} 中有单元格不是 {source.type}",
            )


def _counting(known: Mapping[FieldName, SourceColumn], field: FieldName | None) -> Fetch:
    return Fetch(
        dataset=DatasetName("-"),
        table="-",
        columns=(),
        aggregates=(FetchAggregate(function=AggregateFunction.COUNT, field=field),),
        known=known,
        where=EVERYTHING,
        order=(),
        limit=None,
        offset=0,
        time_limit_seconds=1.0,
        batch_rows=1,
    )
