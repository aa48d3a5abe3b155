"""The log as a dataset: a connector around a connector, which asks for people by keyed hash instead of ID number.

The log names nobody, so a question about a person is turned before it leaves for the log. The answer stays hashed.
"""

from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import replace
from typing import Self

from gateway.errors import OperatorUnfit, SettingsInvalid
from gateway.model.ids import FieldName, SourceName
from gateway.model.parts import fields_of
from gateway.model.plan import Fetch
from gateway.model.predicate import AllOf, AnyOf, Comparator, Compare, Not, OneOf, Predicate
from gateway.model.rows import Batch
from gateway.spi import Capabilities, Connector, TableDescription

SUBJECT = FieldName("subject")


class BlindedSource:
    """Passes everything on but literals that are compared with `subject`: those it hashes."""

    def __init__(self, inner: Connector, hash_subject: Callable[[str], str]) -> None:
        self._inner = inner
        self._hash = hash_subject

    @classmethod
    def open(cls, name: SourceName, options: Mapping[str, object]) -> Self:
        """Not a source of its own: it needs the key ring."""
        del options
        raise SettingsInvalid(fault=f"`sources.{name}.kind`: not for settings", fix="use one of the offered kinds")

    def capabilities(self, table: str) -> Capabilities:
        """The inner source's."""
        return self._inner.capabilities(table)

    def fetch(self, fetch: Fetch) -> AsyncIterator[Batch]:
        """The inner source's rows; raises OperatorUnfit for any other question about `subject` than who it is."""
        blinded = replace(fetch, where=self._blinded(fetch.where), rows=self._blinded(fetch.rows))
        return self._inner.fetch(blinded)

    async def describe(self) -> tuple[TableDescription, ...]:
        """The inner source's."""
        return await self._inner.describe()

    async def health(self) -> None:
        """The inner source's."""
        await self._inner.health()

    async def close(self) -> None:
        """Close the inner source."""
        await self._inner.close()

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
