"""A predicate over the catalogue's values -> the same over stored values, as far as the source runs it. Pure.

Promises: what is pushed means exactly what the gateway would have made of the decoded rows, NULL and unknown included.
They differ on a cell that the catalogue can't describe: a source filters it out, the gateway refuses it.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from gateway.catalog.patterns import is_common_pattern
from gateway.catalog.storage import encode, keeps_order, keeps_text, stored_type
from gateway.catalog.values import field_at
from gateway.model.catalog import Dataset, Field, FieldType, Storage
from gateway.model.ids import FieldName
from gateway.model.parts import conjuncts, fields_of
from gateway.model.predicate import (
    EVERYTHING,
    NOTHING,
    AllOf,
    AnyOf,
    AtPath,
    Comparator,
    Compare,
    ContainedIn,
    Contains,
    Exists,
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
from gateway.model.query import AggregateFunction
from gateway.planning.conjuncts import conjunction
from gateway.spi import Capabilities

_EQUALITY = {Comparator.EQ, Comparator.NEQ}
Fields = Mapping[FieldName, Field]


@dataclass(frozen=True, slots=True, kw_only=True)
class Split:
    """What the source filters by (stored form), and what the gateway filters by afterwards (catalogue form)."""

    pushed: Predicate
    residual: tuple[Predicate, ...]

    @property
    def is_whole(self) -> bool:
        """Whether the source runs all of it."""
        return not self.residual


def split(where: Sequence[Predicate], dataset: Dataset, capabilities: Capabilities) -> Split:
    """Each conjunct goes to the source if the source runs all of it, else it remains."""
    terms = [inner for one in where for inner in conjuncts(one)]
    if any(_is_nothing(term, dataset) for term in terms):
        return _nothing(capabilities)
    pushed: list[Predicate] = []
    residual: list[Predicate] = []
    is_single = AllOf not in capabilities.predicates
    for term in terms:
        stored = None if is_single and pushed else _stored(term, dataset, capabilities)
        if stored is None:
            residual.append(term)
        else:
            pushed.append(stored)
    return Split(pushed=conjunction(pushed), residual=tuple(residual))


def is_one_to_one(field: Field) -> bool:
    """Whether different stored values are different values: then the source may group and compare by equality."""
    return field.type.is_scalar and _is_injective(field)


def _is_injective(field: Field) -> bool:
    return len(set(field.codes.values())) == len(field.codes)


def can_narrow(where: Predicate, name: FieldName, dataset: Dataset, capabilities: Capabilities) -> bool:
    """Whether the source can be asked for the rows of given values of the field, on top of the pushed `where`."""
    if AllOf not in capabilities.predicates and where != EVERYTHING:
        return False
    is_seen = capabilities.columns is None or dataset.fields[name].column in capabilities.columns
    return is_seen and OneOf in capabilities.predicates and is_one_to_one(dataset.fields[name])


def aggregates_alike(function: AggregateFunction, field: Field | None) -> bool:
    """Whether the aggregate of stored values can be read as the aggregate of values."""
    match function:
        case AggregateFunction.COUNT:
            return True
        case AggregateFunction.MIN | AggregateFunction.MAX:
            return field is not None and keeps_order(field)
        case AggregateFunction.SUM | AggregateFunction.AVG:
            is_number = field is not None and field.type in {FieldType.INTEGER, FieldType.NUMERIC}
            return is_number and field is not None and field.storage in {Storage.NATIVE, Storage.FEN}


def _nothing(capabilities: Capabilities) -> Split:
    if AnyOf in capabilities.predicates:
        return Split(pushed=NOTHING, residual=())
    return Split(pushed=conjunction(()), residual=(NOTHING,))


def _is_nothing(term: Predicate, dataset: Dataset) -> bool:
    """Whether no row can pass: no rows, an empty list, or values that no cell can decode to."""
    match term:
        case AnyOf(()) | OneOf(_, ()) | Under(_, ()):
            return True
        case Compare(field, Comparator.EQ, value):
            return _encoded(value, dataset.fields[field]) is None
        case OneOf(field, values):
            return all(_encoded(value, dataset.fields[field]) is None for value in values)
        case _:
            return False


def _stored(term: Predicate, dataset: Dataset, capabilities: Capabilities) -> Predicate | None:
    """The term in stored form; None where the source doesn't run it or stored values don't behave as values do."""
    columns = capabilities.columns
    if columns is not None and any(dataset.fields[name].column not in columns for name in fields_of(term)):
        return None
    stored = _in_stored_form(term, dataset.fields)
    return stored if stored is not None and _is_run(stored, dataset.fields, capabilities) else None


def _in_stored_form(term: Predicate, fields: Fields) -> Predicate | None:
    def all_of(terms: Sequence[Predicate], build: Callable[[tuple[Predicate, ...]], Predicate]) -> Predicate | None:
        stored = [_in_stored_form(inner, fields) for inner in terms]
        found = tuple(inner for inner in stored if inner is not None)
        return build(found) if len(found) == len(stored) else None

    match term:
        case AllOf(terms):
            return all_of(terms, AllOf)
        case AnyOf(terms):
            return all_of(terms, AnyOf)
        case Not(inner):
            return all_of((inner,), lambda found: Not(found[0]))
        case AtPath(name, path, inner):
            stored = _in_stored_form(inner, {name: field_at(fields[name], path)})
            return None if stored is None else AtPath(name, path, stored)
        case IsNull() | Contains() | ContainedIn() | Overlaps() | Lies():
            return term  # all but the first are of types that are stored as they are
        case IsTruth(name, truth):
            return _truth(name, fields[name], truth=truth)
        case Like(name) | Under(name) | Matches(name) | FullText(name):
            return term if keeps_text(fields[name]) else None
        case OneOf(name, values):
            return _one_of(name, values, fields[name])
        case Compare(name, comparator, value):
            return _compare(name, comparator, value, fields[name])
        case Exists():
            return None


def _compare(name: FieldName, comparator: Comparator, value: Scalar, field: Field) -> Predicate | None:
    # arrays and JSON may hold text, which a source's engine may order by another rule than the code points'
    fits = _is_injective(field) if comparator in _EQUALITY else keeps_order(field) or field.type.bound is not None
    encoded = _encoded(value, field) if fits else None
    return None if encoded is None else Compare(name, comparator, encoded)


def _one_of(name: FieldName, values: tuple[Scalar, ...], field: Field) -> Predicate | None:
    if not _is_injective(field):
        return None
    # a value that no cell can decode to is in no row: the list without it means the same, NULL included
    encoded = (_encoded(value, field) for value in values)
    return OneOf(name, tuple(value for value in encoded if value is not None))


def _truth(name: FieldName, field: Field, *, truth: bool) -> Predicate | None:
    if field.storage is Storage.NATIVE:
        return IsTruth(name, truth)
    encoded = _encoded(truth, field)
    # never unknown: for NULL the first term is false, and so is the whole
    return None if encoded is None else AllOf((Not(IsNull(name)), Compare(name, Comparator.EQ, encoded)))


def _is_run(stored: Predicate, fields: Fields, capabilities: Capabilities) -> bool:
    if type(stored) not in capabilities.predicates:
        return False
    match stored:
        case AllOf(terms) | AnyOf(terms):
            return all(_is_run(inner, fields, capabilities) for inner in terms)
        case Not(inner):
            return _is_run(inner, fields, capabilities)
        case AtPath(name, path, inner):
            there = {name: field_at(fields[name], path)}
            return FieldType.JSON in capabilities.types and _is_run(inner, there, capabilities)
        case IsNull():
            return True
        case Exists():
            return False
        case _ if stored_type(fields[stored.field]) not in capabilities.types:
            return False
        case Compare(_, comparator, _):
            return comparator in capabilities.comparators
        case Like(_, _, ignores_case) | Matches(_, _, ignores_case) if ignores_case:
            return capabilities.ignores_case
        case Matches(_, pattern, _):
            return is_common_pattern(pattern)
        case _:
            return True


def _encoded(value: Scalar, field: Field) -> Scalar | None:
    try:
        return encode(value, field)
    except ValueError:
        return None
