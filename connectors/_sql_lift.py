"""A fetch -> its shape and its values, apart. Two questions of one shape are one statement, whatever is asked for.

Values are fitted to what the type can hold, and are in the form that the engine stores, before any SQL is made: what
comes out of here is bound as it is. Pure.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Protocol

from connectors._cells import Grid, fit, fit_all
from gateway.errors import Defect
from gateway.model.catalog import FieldType
from gateway.model.ids import FieldName
from gateway.model.parts import conjuncts
from gateway.model.plan import Fetch, SourceColumn
from gateway.model.predicate import (
    EVERYTHING,
    AllOf,
    AnyOf,
    AtPath,
    Comparator,
    Compare,
    ContainedIn,
    Contains,
    FullText,
    IsNull,
    IsTruth,
    Lies,
    Like,
    Matches,
    Not,
    OneOf,
    Overlaps,
    Predicate,
    Scalar,
    Under,
)


class Encoding(Protocol):
    """What of a dialect the lifting needs."""

    @property
    def grids(self) -> dict[FieldType, Grid]:
        """The numbers that a type can hold."""
        ...

    def encoded(self, value: Scalar, field_type: FieldType) -> object:
        """A value as it is bound."""
        ...

    def always(self, comparator: Comparator, value: object, field_type: FieldType) -> bool | None:
        """The truth that the comparison has for every value, where it is always the same."""
        ...

    def listed(self, values: Sequence[Scalar], field_type: FieldType) -> list[object]:
        """Values of a scalar type as they are bound, without those that no cell can hold."""
        ...

    def pattern(self, pattern: str) -> str:
        """A pattern of LIKE as the engine writes it."""
        ...


@dataclass(frozen=True, slots=True)
class Slot:
    """The place of a value."""

    number: int


@dataclass(frozen=True, slots=True)
class Always:
    """The same truth for every value, unknown for NULL."""

    field: FieldName
    truth: bool


@dataclass(frozen=True, slots=True)
class Compared:
    """`field <op> value`."""

    field: FieldName
    comparator: Comparator
    value: Slot


@dataclass(frozen=True, slots=True)
class Among:
    """`field IN (a list, which is not empty)`, of a scalar type."""

    field: FieldName
    values: Slot


@dataclass(frozen=True, slots=True)
class Begins:
    """The text lies from `low` (digits) on and before `after`: it begins with `low`."""

    field: FieldName
    low: Slot
    after: Slot


@dataclass(frozen=True, slots=True)
class Special:
    """A predicate of one value that only some engine runs; `term` stands there without its value."""

    term: Contains | ContainedIn | Overlaps | Lies | Matches | FullText | Like
    value: Slot

    @property
    def field(self) -> FieldName:
        """The field that it is about."""
        return self.term.field


@dataclass(frozen=True, slots=True)
class Lifted:
    """A connective, or a test without values."""

    node: type
    terms: tuple["Shape", ...] = ()
    test: IsNull | IsTruth | AtPath | None = None


Shape = Lifted | Always | Compared | Among | Begins | Special


@dataclass(frozen=True, slots=True)
class Question:
    """A fetch without its values. `visible`: the rows that exist for the asker; `terms`: what is asked of those."""

    table: str
    columns: tuple[object, ...]
    aggregates: tuple[object, ...]
    visible: Shape | None
    terms: tuple[Shape, ...]
    order: tuple[object, ...]
    named: tuple[SourceColumn, ...]  # the columns of the fields that are named
    is_limited: bool
    is_offset: bool


@dataclass(slots=True)
class _Lifting:
    fetch: Fetch
    encoding: Encoding
    values: list[object] = field(default_factory=list)
    named: dict[FieldName, SourceColumn] = field(default_factory=dict)

    def slot(self, value: object) -> Slot:
        self.values.append(value)
        return Slot(len(self.values) - 1)

    def type_of(self, name: FieldName) -> FieldType:
        if name not in self.fetch.known:
            raise Defect(operator="a fetch names a field without a column")
        self.named[name] = self.fetch.known[name]
        return self.named[name].type

    def shape(self, predicate: Predicate, type_of: Callable[[FieldName], FieldType]) -> Shape:
        match predicate:
            case AllOf(terms) | AnyOf(terms):
                return Lifted(type(predicate), tuple(self.shape(term, type_of) for term in terms))
            case Not(term):
                return Lifted(Not, (self.shape(term, type_of),))
            case IsNull(name) | IsTruth(name):
                type_of(name)
                return Lifted(type(predicate), test=predicate)
            case AtPath(name, path, term):
                type_of(name)
                kind = FieldType.TEXT if path[-1].as_text else FieldType.JSON
                return Lifted(AtPath, (self.shape(term, lambda _: kind),), replace(predicate, term=EVERYTHING))
            case Compare(name, comparator, value):
                return self._compared(name, comparator, value, type_of(name))
            case OneOf(name, values):
                return self._among(name, values, type_of(name))
            case Under(name, prefixes):
                return self._under(name, prefixes, type_of(name))
            case _:
                return self._special(predicate, type_of)

    def _special(self, predicate: Predicate, type_of: Callable[[FieldName], FieldType]) -> Shape:
        match predicate:
            case Like(name, pattern, ignores_case):
                type_of(name)
                if ignores_case:
                    raise Defect(operator="a pattern that ignores case is not claimed")
                is_in_no_text = (
                    "\x00" in pattern or self.encoding.always(Comparator.EQ, pattern, FieldType.TEXT) is False
                )
                if is_in_no_text:
                    return Always(name, truth=False)
                return Special(replace(predicate, pattern=""), self.slot(self.encoding.pattern(pattern)))
            case Contains(name, value) | ContainedIn(name, value) | Overlaps(name, value) | Lies(name, _, value):
                encoded = self.encoding.encoded(value, type_of(name))
                return Special(replace(predicate, value=None), self.slot(encoded))  # type: ignore[arg-type]  # lifted
            case Matches(name, pattern, _):
                type_of(name)
                return Special(replace(predicate, pattern=""), self.slot(pattern))
            case FullText(name, _, words, _):
                type_of(name)
                return Special(replace(predicate, words=""), self.slot(words))
            case _:
                raise Defect(operator="a predicate that no source is asked")

    def _compared(self, name: FieldName, comparator: Comparator, value: Scalar, kind: FieldType) -> Shape:
        grid = self.encoding.grids.get(kind)
        if grid is not None:
            fitted = fit(comparator, Decimal(_number(value)), grid)
            if isinstance(fitted, bool):
                return Always(name, fitted)
            comparator, value = fitted
        always = self.encoding.always(comparator, value, kind)
        if always is not None:
            return Always(name, always)
        return Compared(name, comparator, self.slot(self.encoding.encoded(value, kind)))

    def _among(self, name: FieldName, values: tuple[Scalar, ...], kind: FieldType) -> Shape:
        if kind in self.encoding.grids:
            values = tuple(fit_all([Decimal(_number(value)) for value in values], self.encoding.grids[kind]))
        if values and not kind.is_scalar:  # an array of arrays is no list of arrays
            return Lifted(AnyOf, tuple(self._compared(name, Comparator.EQ, value, kind) for value in values))
        listed = self.encoding.listed(values, kind)
        return Among(name, self.slot(listed)) if listed else Always(name, truth=False)

    def _under(self, name: FieldName, prefixes: tuple[str, ...], kind: FieldType) -> Shape:
        """Ranges, so that an index serves: what begins with `33` lies between `33` and `34`, by code point."""
        if kind is not FieldType.TEXT or not all(prefix.isascii() and prefix.isdigit() for prefix in prefixes):
            raise Defect(operator="a region prefix that is not all digits, or of a field that is no text")
        if not prefixes:
            return Always(name, truth=False)
        return Lifted(AnyOf, tuple(
            Begins(name, self.slot(prefix), self.slot(prefix[:-1] + chr(ord(prefix[-1]) + 1))) for prefix in prefixes
        ))  # fmt: skip


def lift(fetch: Fetch, encoding: Encoding) -> tuple[Question, Sequence[object]]:
    """The question and the values of its slots; last the limit and the offset, where there are any.

    Raises Defect for what no engine is asked.
    """
    lifting = _Lifting(fetch, encoding)
    visible: Shape | None = None
    own: Sequence[Predicate] = ()
    if fetch.rows != EVERYTHING:
        visible, own = lifting.shape(fetch.rows, lifting.type_of), conjuncts(fetch.rows)
    terms = tuple(lifting.shape(term, lifting.type_of) for term in conjuncts(fetch.where) if term not in own)
    for name in (*(by.field for by in fetch.order), *(one.field for one in fetch.aggregates)):
        if name is not None:
            lifting.type_of(name)
    if fetch.limit is not None:
        lifting.slot(fetch.limit)
    if fetch.offset:
        lifting.slot(fetch.offset)
    question = Question(
        table=fetch.table,
        columns=fetch.columns,
        aggregates=fetch.aggregates,
        visible=visible,
        terms=terms,
        order=fetch.order,
        named=tuple(lifting.named.values()),
        is_limited=fetch.limit is not None,
        is_offset=bool(fetch.offset),
    )
    return question, lifting.values


def fields_of(shape: Shape) -> frozenset[FieldName]:
    """Every field that the shape reads."""
    match shape:
        case Lifted(_, terms, test):
            found = frozenset[FieldName]().union(*map(fields_of, terms))
            return found if test is None else found | {test.field}
        case _:
            return frozenset({shape.field})


def _number(value: Scalar) -> int | Decimal:
    if isinstance(value, bool) or not isinstance(value, int | Decimal) or not Decimal(value).is_finite():
        raise Defect(operator="a filter's value is no number")
    return value
