"""The log as a dataset: a connector around a connector, which asks for people by keyed hash instead of ID number.

The log names nobody, so a question about a person is turned before it leaves for the log. The answer stays hashed.
Which entries are about a person the log's index knows, and the database need not look at all of them.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import replace
from typing import Final, Self, cast

from gateway.errors import AuditFailed, OperatorUnfit, SettingsInvalid
from gateway.model.catalog import FieldType
from gateway.model.ids import FieldName, SourceName
from gateway.model.parts import conjuncts, fields_of
from gateway.model.plan import Fetch, SourceColumn
from gateway.model.predicate import AllOf, AnyOf, Comparator, Compare, Not, OneOf, Predicate
from gateway.model.rows import Batch
from gateway.spi import Capabilities, Connector, TableDescription

SUBJECT = FieldName("subject")
MOST_NAMED: Final = 1_000
"""Entries that are named to the database; where more are about a person it looks for them itself."""
_ENTRY: Final = SourceColumn(field=FieldName("entry"), column="entry", type=FieldType.INTEGER)
_NO_ENTRY: Final = (-1,)
FindEntries = Callable[[str, int], Sequence[int]]
"""At most so many entries that are about a person (keyed hash). Blocking; raises AuditFailed."""


class BlindedSource:
    """Passes everything on but literals that are compared with `subject`: those it hashes."""

    def __init__(
        self, inner: Connector, hash_subject: Callable[[str], str], find_entries: FindEntries | None = None
    ) -> None:
        self._inner = inner
        self._hash = hash_subject
        self._find_entries = find_entries

    @classmethod
    def open(cls, name: SourceName, options: Mapping[str, object]) -> Self:
        """Not a source of its own: it needs the key ring."""
        del options
        raise SettingsInvalid(fault=f"`sources.{name}.kind`: not for settings", fix="use one of the offered kinds")

    def capabilities(self, table: str) -> Capabilities:
        """The inner source's."""
        return self._inner.capabilities(table)

    async def fetch(self, fetch: Fetch) -> AsyncIterator[Batch]:
        """The inner source's rows; raises OperatorUnfit for any other question about `subject` than who it is."""
        blinded = replace(fetch, where=self._blinded(fetch.where), rows=self._blinded(fetch.rows))
        if self._find_entries is not None and SUBJECT in fields_of(blinded.where):
            blinded = await asyncio.to_thread(self._narrowed, blinded, self._find_entries)
        async with aclosing(cast("AsyncGenerator[Batch, None]", self._inner.fetch(blinded))) as batches:
            async for batch in batches:
                yield batch

    async def describe(self) -> tuple[TableDescription, ...]:
        """The inner source's."""
        return await self._inner.describe()

    async def health(self) -> None:
        """The inner source's."""
        await self._inner.health()

    async def close(self) -> None:
        """Close the inner source."""
        await self._inner.close()

    @staticmethod
    def _narrowed(fetch: Fetch, find_entries: FindEntries) -> Fetch:
        """The same question, of the entries that are about whoever it names: what it finds stays the same."""
        named: list[Predicate] = []
        for people in _people_named(fetch.where):
            try:
                found = {index for person in people for index in find_entries(person, MOST_NAMED + 1)}
            except AuditFailed:
                continue  # the index is behind: the database looks for itself
            if len(found) <= MOST_NAMED:
                named.append(OneOf(_ENTRY.field, tuple(sorted(found)) or _NO_ENTRY))
        known = {**fetch.known, _ENTRY.field: fetch.known.get(_ENTRY.field, _ENTRY)}
        return replace(fetch, where=AllOf((fetch.where, *named)), known=known) if named else fetch

    def _blinded(self, predicate: Predicate) -> Predicate:
        match predicate:
            case AllOf(terms):
                return AllOf(tuple(self._blinded(term) for term in terms))
            case AnyOf(terms):
                return AnyOf(tuple(self._blinded(term) for term in terms))
            case Not(term):
                return Not(self._blinded(term))
            case Compare(field, (Comparator.EQ | Comparator.NEQ) as comparator, str(value)) if field == SUBJECT:
                return Compare(field, comparator, self._hash(value))
            case OneOf(field, values) if field == SUBJECT and all(isinstance(value, str) for value in values):
                return OneOf(field, tuple(self._hash(str(value)) for value in values))
            case _ if SUBJECT in fields_of(predicate):
                raise OperatorUnfit(
                    field=SUBJECT, operator=type(predicate).__name__.lower(), type="text", offered="eq, neq, in"
                )
            case _:
                return predicate


def _people_named(where: Predicate) -> Iterator[tuple[str, ...]]:
    """For each condition that must hold in any case and says who: the keyed hashes of whoever it allows."""
    for term in conjuncts(where):
        match term:
            case Compare(field, Comparator.EQ, str(value)) if field == SUBJECT:
                yield (value,)
            case OneOf(field, values) if field == SUBJECT:
                yield tuple(map(str, values))
            case _:
                pass
