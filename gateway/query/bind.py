"""Query + Catalog -> BoundQuery: every name a known field with its use, every literal of its field's type.

Nothing is allowed yet. What is wrong with a single field, be it unknown or used with a literal of the wrong type, is
not raised here but kept in `faults`: which of several errors an asker meets must not tell a field that is denied from
one that doesn't exist. Only an unknown dataset is raised, as planning raises a denied one.
"""

from collections.abc import Iterable

from gateway.errors import DatasetUnavailable, FieldUnavailable, GatewayError, ValueMalformed
from gateway.model.catalog import Catalog, Dataset, Field, Purpose
from gateway.model.ids import CaseId, DatasetName, FieldName
from gateway.model.predicate import (
    NOTHING,
    AllOf,
    AnyOf,
    Not,
    Predicate,
)
from gateway.model.query import (
    AggregateFunction,
    BoundOrder,
    BoundQuery,
    FieldUse,
    FilterGroup,
    FilterTerm,
    Operator,
    OrderTerm,
    OutputColumn,
    Query,
    SelectItem,
)
from gateway.query._fitting import unfit_aggregate, unfit_term
from gateway.query._operators import predicate_of
from gateway.query._select import name_of
from gateway.query._shape import shape_of

_DEFAULT_PROFILE = "public"  # what PostgREST's clients send where nobody chose a schema


def bind(query: Query, catalog: Catalog, purpose: Purpose, case: CaseId | None) -> BoundQuery:
    """The question with its names resolved. Raises DatasetUnavailable."""
    dataset = _find(query, catalog)
    binding = _Binding(dataset)
    columns = binding.columns(tuple(item for item in query.root.items if isinstance(item, SelectItem)))
    where = AllOf(tuple(binding.term(term, is_conjunct=True) for term in query.root.where))
    order = tuple(binding.orders(query.root.order))
    return BoundQuery(
        catalog=catalog,
        dataset=dataset,
        purpose=purpose,
        case=case,
        columns=columns,
        starred=frozenset(binding.starred - binding.named),
        where=where,
        order=order,
        limit=query.root.limit,
        offset=query.root.offset,
        wants_count=query.counting is not None,
        media_type=query.media_type,
        is_head=query.is_head,
        uses=frozenset(binding.uses),
        filter_shape=shape_of(query.root.where, dataset.fields),
        faults=tuple(binding.faults),
    )


def _find(query: Query, catalog: Catalog) -> Dataset:
    name, profile = query.dataset, query.profile
    if "." not in name and profile is not None:
        name = f"{profile}.{name}"
    found = catalog.datasets.get(DatasetName(name))
    is_other = profile not in {None, _DEFAULT_PROFILE} and not name.startswith(f"{profile}.")
    if found is None or found.source is None or is_other:
        raise DatasetUnavailable(dataset=name)
    return found


class _Binding:
    """Resolves the parts of one question; collects uses and faults on the way."""

    def __init__(self, dataset: Dataset) -> None:
        self._dataset = dataset
        self.uses: set[tuple[FieldName, FieldUse]] = set()
        self.named: set[FieldName] = set()
        self.starred: set[FieldName] = set()
        self.faults: list[tuple[FieldName, GatewayError]] = []

    def _field(self, name: str) -> Field | None:
        """The field that was named; None, and a fault, where there is none."""
        field = self._dataset.fields.get(FieldName(name))
        if field is None:
            self.faults.append((FieldName(name), FieldUnavailable(field=name)))
        else:
            self.named.add(field.name)
        return field

    # ------------------------------------------------------------------ select
    def columns(self, select: tuple[SelectItem, ...]) -> tuple[OutputColumn, ...]:
        is_aggregate = any(item.aggregate for item in select)
        explicit = {name_of(item) for item in select if item.field != "*"}
        columns: list[OutputColumn] = []
        for item in select:
            if item.field == "*":
                columns.extend(self._star(explicit))
            elif item.aggregate is not None:
                columns.extend(self._aggregate(item, item.aggregate))
            elif (field := self._field(item.field or "")) is not None:
                self.uses.add((field.name, FieldUse.SHOW))
                if is_aggregate:
                    self.uses.add((field.name, FieldUse.GROUP))
                columns.append(OutputColumn(name=name_of(item), field=field.name, aggregate=None))
        return tuple(columns)

    def _star(self, explicit: set[str]) -> Iterable[OutputColumn]:
        """Every field, but for those whose name an item of its own takes, be it a field or an alias.

        An error for the second would tell that the field exists, also to somebody to whom it is denied.
        """
        for field in self._dataset.fields.values():
            if field.name not in explicit:
                self.uses.add((field.name, FieldUse.SHOW))
                self.starred.add(field.name)
                yield OutputColumn(name=field.name, field=field.name, aggregate=None)

    def _aggregate(self, item: SelectItem, function: AggregateFunction) -> Iterable[OutputColumn]:
        if item.field is None:
            yield OutputColumn(name=name_of(item), field=None, aggregate=function)
            return
        field = self._field(item.field)
        if field is None:
            return
        self.uses.add((field.name, FieldUse.AGGREGATE))
        fault = unfit_aggregate(function, field)
        if fault is not None:
            self.faults.append((field.name, fault))
        yield OutputColumn(name=name_of(item), field=field.name, aggregate=function)

    # ------------------------------------------------------------------ filters and order
    def term(self, term: FilterTerm | FilterGroup, *, is_conjunct: bool) -> Predicate:
        """The predicate. `is_conjunct`: it stands at the top, or in ANDs that do.

        Only there, and only un-negated, `eq` and `in` are matches on whole values: each narrows the answer to rows
        whose value the asker already knows. Within OR or NOT they tell of other rows, so there they are filters.
        """
        if isinstance(term, FilterTerm):
            return self._condition(term, is_conjunct=is_conjunct)
        is_conjunct = is_conjunct and not term.is_or and not term.is_negated
        parts = tuple(self.term(inner, is_conjunct=is_conjunct) for inner in term.terms)
        group: Predicate = AnyOf(parts) if term.is_or else AllOf(parts)
        return Not(group) if term.is_negated else group

    def _condition(self, term: FilterTerm, *, is_conjunct: bool) -> Predicate:
        field = self._field(term.field)
        if field is None:
            return NOTHING
        is_whole = term.operator in {Operator.EQ, Operator.IN} and term.quantifier is None
        is_match = is_conjunct and not term.is_negated and is_whole
        self.uses.add((field.name, FieldUse.MATCH if is_match else FieldUse.FILTER))
        fault = unfit_term(term, field)
        if fault is None:
            try:
                predicate = predicate_of(term, field)
            except ValueMalformed as error:
                fault = error
            else:
                return Not(predicate) if term.is_negated else predicate
        self.faults.append((field.name, fault))
        return NOTHING

    def orders(self, terms: tuple[OrderTerm, ...]) -> Iterable[BoundOrder]:
        for term in terms:
            field = self._field(term.field)
            if field is not None:
                self.uses.add((field.name, FieldUse.SORT))
                yield BoundOrder(field=field.name, is_descending=term.is_descending, nulls_first=term.nulls_first)
