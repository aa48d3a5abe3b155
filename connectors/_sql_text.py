"""A fetch -> the text of its statement and what is bound. A question of a known shape is not compiled again.

SQLAlchemy is the compiler only; a driver is given its text and the values. What is remembered holds no values.
"""

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy.engine import Dialect as Engine

from connectors._sql_dialect import Dialect
from connectors._sql_lift import Question, Slot, lift
from connectors._sql_reading import Reading
from connectors._sql_statement import Statement, compile_question
from gateway.model.plan import Fetch

MOST_SHAPES = 512


@dataclass(frozen=True, slots=True)
class Text:
    """A statement for a driver; `places` are its parameters in order: slots, and values that belong to the shape."""

    sql: str
    places: tuple[object, ...]
    reading: Reading

    def bound(self, values: Sequence[object]) -> list[object]:
        """What is given to the driver beside the text."""
        return [values[place.number] if isinstance(place, Slot) else place for place in self.places]


class Texts:
    """The statements of one source; the one unused for longest goes first."""

    def __init__(self, dialect: Dialect, engine: Engine, schema: str | None) -> None:
        self._dialect = dialect
        self._engine = engine
        self._schema = schema
        self._known: dict[Question, Text] = {}

    def of(self, fetch: Fetch, stored: Mapping[str, object]) -> tuple[Text, list[object]]:
        """The text and what is bound; `stored` is the same for a table until `forget`.

        Raises Defect for what capabilities do not claim, NotPromised where a column can't be of its type.
        """
        question, values = lift(fetch, self._dialect)
        text = self._known.pop(question, None)
        if text is None:
            text = self._compiled(fetch, question, values, stored)
            if len(self._known) >= MOST_SHAPES:
                del self._known[next(iter(self._known))]
        self._known[question] = text
        return text, text.bound(values)

    def forget(self) -> None:
        """A table may have changed."""
        self._known.clear()

    def _compiled(
        self, fetch: Fetch, question: Question, values: Sequence[object], stored: Mapping[str, object]
    ) -> Text:
        statement = compile_question(fetch, question, values, dialect=self._dialect, schema=self._schema, stored=stored)
        compiled = statement.select.compile(dialect=self._engine)
        slots = {f"v{number}": Slot(number) for number in range(len(values))}
        names: Sequence[str] = getattr(compiled, "positiontup", None) or ()
        places = tuple(slots.get(name, compiled.params.get(name)) for name in names)
        return Text(compiled.string, places, statement.reading)


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
