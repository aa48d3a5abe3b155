"""A fetch -> the text of its statement and what is bound. A question of a known shape is not compiled again.

SQLAlchemy is the compiler only; a driver is given its text and the values. What is remembered holds no values.
"""

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, cast

from sqlalchemy import Select
from sqlalchemy.engine import Dialect as Engine

from connectors._sql_dialect import Dialect
from connectors._sql_lift import Question, Slot, lift
from connectors._sql_reading import Reading
from connectors._sql_statement import Statement, compile_question
from gateway.model.catalog import FieldType
from gateway.model.parts import conjuncts
from gateway.model.plan import Alike, Fetch
from gateway.model.predicate import EVERYTHING, AllOf, Comparator, Compare, Predicate

MOST_SHAPES = 512


@dataclass(frozen=True, slots=True)
class Text:
    """A statement for a driver; `places` are its parameters in order: slots, and values that belong to the shape."""

    sql: str
    places: tuple[object, ...]
    reading: Reading
    before: str = ""  # what the same values are bound to before it, where it takes none itself

    def bound(self, values: Sequence[object]) -> list[object]:
        """What is given to the driver beside the text."""
        return [values[place.number] if type(place) is Slot else place for place in self.places]


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """A statement as an engine writes it: the names of its parameters in order, and the values they were made with."""

    sql: str
    names: Sequence[str]
    values: Mapping[str, object]
    before: str = ""  # as in Text


def written(select: Select[Any], engine: Engine) -> Written:
    """With its parameters in their places."""
    compiled = select.compile(dialect=engine)
    return Written(sql=compiled.string, names=getattr(compiled, "positiontup", None) or (), values=compiled.params)


@dataclass(frozen=True, slots=True)
class _Before:
    """A fetch that was asked before, without its literals: those of equality with a text. `fetch` has no filter."""

    fetch: Fetch
    text: Text
    bound: tuple[object, ...]
    terms: tuple[Predicate, ...]
    slots: Mapping[int, tuple[int, ...]]  # place of a term -> places of its value in what is bound

    def again(self, fetch: Fetch, dialect: Dialect) -> list[object] | None:
        """What is bound for a fetch that differs in such literals only; None where it differs in anything else.

        What a plan is made of is one and the same object in every question that the plan is kept for.
        """
        before = self.fetch
        is_same = (
            fetch.known is before.known
            and fetch.aggregates is before.aggregates
            and fetch.order is before.order
            and fetch.rows is before.rows
            and fetch.table == before.table
            and (fetch.limit, fetch.offset) == (before.limit, before.offset)
        )
        terms = _terms(fetch.where)
        if not is_same or len(terms) != len(self.terms):
            return None
        bound = list(self.bound)
        for at, (term, old) in enumerate(zip(terms, self.terms, strict=True)):
            if term is old:
                continue
            places = self.slots.get(at)
            if places is None or type(term) is not Compare or type(old) is not Compare:
                return None
            if term.field != old.field or term.comparator is not Comparator.EQ or type(term.value) is not str:
                return None
            value = dialect.text(term.value)
            if value is None:
                return None
            for place in places:
                bound[place] = value
        return bound


@dataclass(frozen=True, slots=True)
class _Alike:
    """The text of all fetches of one `like`, and where each of their literals is bound."""

    like: Alike  # held, so that its identity stays its own
    text: Text
    bound: Sequence[object]
    places: tuple[tuple[int, ...], ...]

    def filled(self, literals: Sequence[str], dialect: Dialect) -> list[object] | None:
        """What is bound; None where no cell can hold one of the literals."""
        bound = [*self.bound]
        for places, literal in zip(self.places, literals, strict=True):
            value = dialect.text(literal)
            if value is None:
                return None
            for place in places:
                bound[place] = value
        return bound


class Texts:
    """The statements of one source; the one unused for longest goes first."""

    def __init__(
        self,
        dialect: Dialect,
        engine: Engine,
        schema: str | None,
        write: Callable[[Select[Any], Engine], Written] = written,
    ) -> None:
        self._dialect = dialect
        self._engine = engine
        self._schema = schema
        self._write = write
        self._known: dict[Question, Text] = {}
        self._before: dict[int, _Before] = {}  # by the identity of the columns, which are held in it
        self._alike: dict[int, _Alike] = {}  # by that of `like`

    def of(self, fetch: Fetch, stored: Mapping[str, object]) -> tuple[Text, list[object]]:
        """The text and what is bound; `stored` is the same for a table until `forget`.

        Raises Defect for what capabilities do not claim, NotPromised where a column can't be of its type.
        """
        like = fetch.like
        alike = None if like is None else self._alike.get(id(like))
        filled = None if alike is None else alike.filled(fetch.literals, self._dialect)
        if alike is not None and filled is not None:
            return alike.text, filled
        before = self._before.get(id(fetch.columns))
        again = None if before is None else before.again(fetch, self._dialect)
        if before is not None and again is not None:
            if like is not None:
                self._keep(like, before, again)
            return before.text, again
        question, values = lift(fetch, self._dialect)
        text = self._known.pop(question, None)
        if text is None:
            text = self._compiled(fetch, question, values, stored)
            if len(self._known) >= MOST_SHAPES:
                del self._known[next(iter(self._known))]
        elif before is None:  # a second time: it may come again
            self._remember(fetch, question, values, text)
        self._known[question] = text
        return text, text.bound(values)

    def forget(self) -> None:
        """A table may have changed."""
        self._known.clear()
        self._before.clear()
        self._alike.clear()

    def _keep(self, like: Alike, before: _Before, bound: Sequence[object]) -> None:
        """As `bound` is for a fetch of this `like`, so it is for each, but for their literals."""
        if not all(at in before.slots for at in like.terms):
            return
        if len(self._alike) >= MOST_SHAPES:
            self._alike.clear()
        places = tuple([before.slots[at] for at in like.terms])
        literals = {place for each in places for place in each}
        kept = [None if place in literals else value for place, value in enumerate(bound)]
        self._alike[id(like)] = _Alike(like, before.text, kept, places)

    def _remember(self, fetch: Fetch, question: Question, values: Sequence[object], text: Text) -> None:
        """Where all that is asked, beside the rows that exist for the asker, are equalities with texts."""
        terms, own = list(_terms(fetch.where)), conjuncts(fetch.rows)
        slots: dict[int, int] = {}
        for at, term in enumerate(terms):
            if term in own:
                continue
            if not (isinstance(term, Compare) and term.comparator is Comparator.EQ and type(term.value) is str):
                return
            other = replace(term, value="1" if term.value == "0" else "0")
            probe = replace(fetch, where=AllOf((*terms[:at], other, *terms[at + 1 :])))
            asked, found = lift(probe, self._dialect)
            differ = [place for place, pair in enumerate(zip(found, values, strict=False)) if pair[0] != pair[1]]
            if fetch.known[term.field].type is not FieldType.TEXT or asked != question or len(differ) != 1:
                return
            slots[at] = differ[0]
        kept = [None if place in slots.values() else value for place, value in enumerate(values)]
        places = {
            at: tuple([place for place, one in enumerate(text.places) if type(one) is Slot and one.number == slot])
            for at, slot in slots.items()
        }
        for at in slots:
            terms[at] = replace(cast("Compare", terms[at]), value="")
        if len(self._before) >= MOST_SHAPES:
            self._before.clear()
        before = _Before(replace(fetch, where=EVERYTHING), text, tuple(text.bound(kept)), tuple(terms), places)
        self._before[id(fetch.columns)] = before

    def _compiled(
        self, fetch: Fetch, question: Question, values: Sequence[object], stored: Mapping[str, object]
    ) -> Text:
        statement = compile_question(fetch, question, values, dialect=self._dialect, schema=self._schema, stored=stored)
        made = self._write(statement.select, self._engine)
        slots = {f"v{number}": Slot(number) for number in range(len(values))}
        places = tuple(slots.get(name, made.values.get(name)) for name in made.names)
        return Text(made.sql, places, statement.reading, made.before)


def _terms(where: Predicate) -> tuple[Predicate, ...]:
    return where.terms if isinstance(where, AllOf) else (where,)


class Statements:
    """The same for SQLAlchemy's own execution: statements that were built before, and their parameters by name.

    Safe to use from several threads. Where a dialect writes a list value by value, nothing is kept.
    """

    def __init__(self, dialect: Dialect, schema: str | None) -> None:
        self._dialect = dialect
        self._schema = schema
        self._known: dict[object, tuple[Statement, frozenset[str]]] = {}
        self._lock = threading.Lock()

    def of(self, fetch: Fetch, stored: Mapping[str, object]) -> tuple[Statement, Mapping[str, object]]:
        """The statement and what is bound; raises as `Texts.of`."""
        question, values = lift(fetch, self._dialect)
        page = () if self._dialect.binds_page else (fetch.limit, fetch.offset)
        shape = (question, page, tuple(map(_kind, values)))  # a parameter without a type takes that of its value
        with self._lock:
            known = self._known.pop(shape, None) if self._dialect.keeps_statements else None
        if known is None:
            statement = compile_question(
                fetch, question, values, dialect=self._dialect, schema=self._schema, stored=stored
            )
            known = statement, frozenset(statement.select.compile().params)
        if self._dialect.keeps_statements:
            with self._lock:
                if len(self._known) >= MOST_SHAPES:
                    del self._known[next(iter(self._known))]
                self._known[shape] = known
        statement, names = known
        named = ((f"v{number}", value) for number, value in enumerate(values))
        return statement, {name: value for name, value in named if name in names}

    def forget(self) -> None:
        """A table may have changed."""
        with self._lock:
            self._known.clear()


def _kind(value: object) -> object:
    return (list, frozenset(map(type, value))) if isinstance(value, list) else type(value)
