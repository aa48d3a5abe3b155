"""The log is asked about people by keyed hash only."""

from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Self

import pytest

from connectors.sql import SqlConnector
from gateway.audit import BlindedSource, LogSearcher
from gateway.audit.source import MOST_NAMED
from gateway.errors import IndexBehind, OperatorUnfit
from gateway.model.catalog import FieldType
from gateway.model.ids import DatasetName, FieldName, SourceName
from gateway.model.plan import Fetch, FetchColumn, SourceColumn
from gateway.model.predicate import (
    AllOf,
    AnyOf,
    Comparator,
    Compare,
    Contains,
    IsNull,
    IsTruth,
    Like,
    Matches,
    Not,
    OneOf,
    Predicate,
    Under,
)
from gateway.model.rows import Batch
from gateway.spi import Capabilities, TableDescription
from gateway.store import open_state
from tests.audit_logs import NOON, entry, house, open_log
from tests.key_rings import ring_at

SUBJECT, OTHER = FieldName("subject"), FieldName("principal")
ID_NUMBER = "330102199001011234"


class _Asked:
    """Keeps what it is asked."""

    def __init__(self) -> None:
        self.where: Predicate | None = None
        self.rows: Predicate | None = None

    @classmethod
    def open(cls, name: SourceName, options: Mapping[str, object]) -> Self:
        raise AssertionError

    def capabilities(self, table: str) -> Capabilities:
        raise AssertionError

    async def fetch(self, fetch: Fetch) -> AsyncIterator[Batch]:
        self.where, self.rows = fetch.where, fetch.rows
        yield [("row",)]

    async def describe(self) -> tuple[TableDescription, ...]:
        return ()

    async def health(self) -> None:
        return

    async def close(self) -> None:
        return


def _fetch(where: Predicate) -> Fetch:
    return Fetch(
        dataset=DatasetName("langqiao.access"), table="access_log", columns=(), aggregates=(), known={}, where=where,
        order=(), limit=None, offset=0, time_limit_seconds=1, batch_rows=10, rows=where,
    )  # fmt: skip


async def _asked(where: Predicate) -> Predicate | None:
    inner = _Asked()
    source = BlindedSource(inner, lambda number: f"hash-of-{number}")
    assert [batch async for batch in source.fetch(_fetch(where))] == [[("row",)]]
    assert inner.rows == inner.where  # what is said of the rows twice is hashed twice
    return inner.where


async def test_id_numbers_are_hashed_wherever_they_stand() -> None:
    plain = AllOf(
        (
            Compare(SUBJECT, Comparator.EQ, "1"),
            AnyOf((Not(Compare(SUBJECT, Comparator.NEQ, "2")), OneOf(SUBJECT, ("3", "4")), OneOf(OTHER, ("5",)))),
            Compare(OTHER, Comparator.GT, "6"),
        )
    )
    assert await _asked(plain) == AllOf(
        (
            Compare(SUBJECT, Comparator.EQ, "hash-of-1"),
            AnyOf(
                (
                    Not(Compare(SUBJECT, Comparator.NEQ, "hash-of-2")),
                    OneOf(SUBJECT, ("hash-of-3", "hash-of-4")),
                    OneOf(OTHER, ("5",)),
                )
            ),
            Compare(OTHER, Comparator.GT, "6"),
        )
    )


@pytest.mark.parametrize(
    "predicate",
    [
        *(Compare(SUBJECT, one, ID_NUMBER) for one in Comparator if one not in {Comparator.EQ, Comparator.NEQ}),
        Compare(SUBJECT, Comparator.EQ, 330102199001011234),
        OneOf(SUBJECT, (ID_NUMBER, 1)),
        Like(SUBJECT, "3301%", ignores_case=False),
        IsNull(SUBJECT),
        IsTruth(SUBJECT, truth=True),
        Under(SUBJECT, ("3301",)),
        Matches(SUBJECT, "^3301", ignores_case=False),
        Contains(SUBJECT, ID_NUMBER),
    ],
    ids=repr,
)
@pytest.mark.parametrize("wrap", [lambda p: p, Not, lambda p: AllOf((p,)), lambda p: AnyOf((p,))])
async def test_nothing_else_may_be_asked_about_a_person(predicate: Predicate, wrap: type[Not]) -> None:
    with pytest.raises(OperatorUnfit) as caught:
        await _asked(wrap(predicate))
    assert ID_NUMBER not in caught.value.message()


async def test_the_database_is_told_which_entries_are_about_whom() -> None:
    """What the index found goes beside the question: it takes nothing away from what was asked."""
    found = {"hash-of-1": [9, 4], "hash-of-2": [4, 7], "hash-of-3": []}
    asked: list[tuple[str, int]] = []

    def find(person: str, most: int) -> list[int]:
        asked.append((person, most))
        if person == "hash-of-4":
            raise IndexBehind(waiting=40_000)
        return list(range(most)) if person == "hash-of-5" else found[person]

    async def where(predicate: Predicate) -> Predicate | None:
        inner = _Asked()
        source = BlindedSource(inner, lambda number: f"hash-of-{number}", find)
        assert [batch async for batch in source.fetch(_fetch(predicate))] == [[("row",)]]
        return inner.where

    one, entries = Compare(SUBJECT, Comparator.EQ, "1"), FieldName("entry")
    blinded = Compare(SUBJECT, Comparator.EQ, "hash-of-1")
    assert await where(one) == AllOf((blinded, OneOf(entries, (4, 9))))
    either = OneOf(SUBJECT, ("1", "2"))
    assert await where(AllOf((either, Compare(OTHER, Comparator.EQ, "x")))) == AllOf(
        (
            AllOf((OneOf(SUBJECT, ("hash-of-1", "hash-of-2")), Compare(OTHER, Comparator.EQ, "x"))),
            OneOf(entries, (4, 7, 9)),
        )
    )
    nobody = Compare(SUBJECT, Comparator.EQ, "hash-of-3")
    assert await where(replace(one, value="3")) == AllOf((nobody, OneOf(entries, (-1,))))
    # where the index is behind, too many are found, or the condition need not hold, the database looks for itself
    for number in ("4", "5"):
        assert await where(replace(one, value=number)) == replace(one, value=f"hash-of-{number}")
    assert asked[-1] == ("hash-of-5", MOST_NAMED + 1)
    asked.clear()
    for loose in (Not(one), AnyOf((one, Compare(OTHER, Comparator.EQ, "x"))), Compare(OTHER, Comparator.EQ, "x")):
        await where(loose)
    assert not asked


async def test_the_log_is_read_as_a_dataset_by_an_ordinary_connector(tmp_path: Path) -> None:
    home = house(tmp_path)
    ring = ring_at(tmp_path / "keys")
    async with open_log(home) as log:
        await log.append(entry(0, subjects=(ring.subject_hash(ID_NUMBER),), needs_review=True))
        await log.append(entry(1, subjects=(ring.subject_hash("1"),)))
        name = SourceName("langqiao-audit")
        state = open_state(home.url)
        searcher = LogSearcher(state, home.seals(state).open)
        inner = SqlConnector.open(name, {"folder": str(tmp_path), "file": "log.db"})
        source = BlindedSource(inner, ring.subject_hash, searcher.entries_about)
        columns = {
            "entry": FieldType.INTEGER, "at": FieldType.TIMESTAMP, "principal": FieldType.TEXT,
            "fields": FieldType.TEXT, "case": FieldType.TEXT, "needs_review": FieldType.BOOLEAN,
            "subject": FieldType.TEXT,
        }  # fmt: skip
        known = {FieldName(one): SourceColumn(field=FieldName(one), column=one, type=columns[one]) for one in columns}
        fetch = replace(
            _fetch(Compare(SUBJECT, Comparator.EQ, ID_NUMBER.lower())),
            known=known,
            columns=tuple(FetchColumn(source=column) for column in known.values()),
        )
        rows = [row for batch in [batch async for batch in source.fetch(fetch)] for row in batch]
        await source.close()
        state.close()
    assert rows == [(0, NOON, "worker-0", "name:partial", "", True, ring.subject_hash(ID_NUMBER))]
