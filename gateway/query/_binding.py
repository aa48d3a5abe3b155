"""One level of a question -> BoundQuery, and so on down its embeds."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from gateway.errors import EmbedUnfit, FieldUnavailable, GatewayError, ValueMalformed
from gateway.model.catalog import Catalog, Dataset, Field, Purpose
from gateway.model.ids import CaseId, FieldName
from gateway.model.predicate import (
    NOTHING,
    AllOf,
    AnyOf,
    Exists,
    Not,
    Predicate,
)
from gateway.model.query import (
    AggregateFunction,
    BoundEmbed,
    BoundOrder,
    BoundQuery,
    Embed,
    FieldUse,
    FilterGroup,
    FilterTerm,
    Join,
    Level,
    MediaType,
    Operator,
    OrderTerm,
    OutputColumn,
    SelectItem,
)
from gateway.query._computed import cast_of, computed
from gateway.query._faults import malformed
from gateway.query._fitting import unfit_aggregate, unfit_path, unfit_term
from gateway.query._links import Way, WayFinder, short_name
from gateway.query._operators import predicate_of
from gateway.query._select import column_names, name_of
from gateway.query._shape import shape_of
from gateway.settings import Limits

_GROUPED_EMBEDS = (
    (
        "beside an aggregate an embed can only be spread, with fields to group by",
        "聚合函数旁的嵌入只能展开，且仅含分组字段",
    ),
    ("write it as `...resident(sex)`, or aggregate within the embed", "请写成 `...resident(sex)`，或在嵌入内部聚合"),
)
_PRESENCE = {"null": False, "not_null": True}


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What every level of a question shares."""

    catalog: Catalog
    purpose: Purpose
    case: CaseId | None
    wants_count: bool
    media_type: MediaType
    is_head: bool
    strips_nulls: bool
    limits: Limits
    finder: WayFinder


def bind_level(
    dataset: Dataset,
    level: Level,
    asked: Asked,
    *,
    joined: tuple[FieldName, ...] = (),
    sorted_by: tuple[OrderTerm, ...] = (),
) -> BoundQuery:
    """The level and all within it. `joined`: its own key; `sorted_by`: fields that the level above is ordered by."""
    binding = _Binding(dataset, level, asked)
    binding.uses.update((name, FieldUse.JOIN) for name in joined)
    embeds = tuple(binding.embeds())
    columns = binding.columns()
    where = AllOf(tuple(binding.term(term, is_conjunct=True) for term in level.where))
    order = tuple(binding.orders(level.order))
    for _ in binding.orders(sorted_by):
        pass  # the uses and faults are what counts
    return BoundQuery(
        catalog=asked.catalog,
        dataset=dataset,
        purpose=asked.purpose,
        case=asked.case,
        columns=columns,
        starred=frozenset(binding.starred - binding.named),
        where=where,
        order=order,
        limit=level.limit,
        offset=level.offset,
        wants_count=asked.wants_count,
        media_type=asked.media_type,
        is_head=asked.is_head,
        uses=frozenset(binding.uses),
        filter_shape=shape_of(level.where, dataset.fields),
        faults=tuple(binding.faults),
        embedded=tuple(binding.embedded),
        embeds=embeds,
        strips_nulls=asked.strips_nulls,
    )


class _Binding:
    """Resolves the parts of one level; collects uses and faults on the way."""

    def __init__(self, dataset: Dataset, level: Level, asked: Asked) -> None:
        self._dataset = dataset
        self._level = level
        self._asked = asked
        self.embedded = {item.name: item for item in level.items if isinstance(item, Embed)}
        self._taken: dict[str, tuple[OutputColumn, ...]] = dict.fromkeys(self.embedded, ())
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

    def _blame(self, field: Field, fault: GatewayError | None) -> None:
        if fault is not None:
            self.faults.append((field.name, fault))

    # ------------------------------------------------------------------ embeds
    def embeds(self) -> Iterator[BoundEmbed]:
        """Every link that each embed may mean, under the embed's name. Raises QueryMalformed."""
        is_aggregate = _is_aggregate(self._level)
        for item in self.embedded.values():
            if is_aggregate:
                _check_taken(item, self._level)
            sorted_by = tuple(replace(term, embed=None) for term in self._level.order if term.embed == item.name)
            for way in self._asked.finder.ways_to(self._dataset, item.target, item.hint):
                self.uses.update((name, FieldUse.JOIN) for name in way.near)
                if way.onward is not None:
                    embed = self._over(way, way.onward, item, sorted_by)
                else:
                    embed = self._straight(way, item, sorted_by)
                yield self._taking(embed, item) if is_aggregate else embed

    def _taking(self, embed: BoundEmbed, item: Embed) -> BoundEmbed:
        """The embed whose columns are columns of this level's groups."""
        question, taken = taken_apart(embed.question, embed.name)
        if len(taken) > len(self._taken[item.name]):
            self._taken[item.name] = taken
        if not embed.one:
            fault = EmbedUnfit(embed=item.name)
            question = replace(question, faults=(*question.faults, (FieldName(""), fault)))
        return replace(embed, question=question, is_taken=True)

    def _straight(self, way: Way, item: Embed, sorted_by: tuple[OrderTerm, ...]) -> BoundEmbed:
        question = bind_level(way.to, item.level, self._asked, joined=way.far, sorted_by=sorted_by)
        return BoundEmbed(
            name=item.name,
            link=way.name,
            question=_ordered_by(question, way, sorted_by, item),
            near=way.near,
            far=way.far,
            one=way.one,
            is_inner=item.join is Join.INNER,
            is_spread=item.is_spread,
        )

    def _over(self, way: Way, onward: Way, item: Embed, sorted_by: tuple[OrderTerm, ...]) -> BoundEmbed:
        """Over a junction: its rows are ordered and cut by what they lead to, and stand for it."""
        level = replace(item.level, order=(), limit=None, offset=0)
        if _is_aggregate(level) and (item.level.order or any(isinstance(one, Embed) for one in level.items)):
            raise malformed("select", *_GROUPED_EMBEDS)
        target = bind_level(onward.to, level, self._asked, joined=onward.far, sorted_by=item.level.order)
        is_grouped = _is_aggregate(level)
        taken: tuple[OutputColumn, ...] = ()
        if is_grouped:
            target, taken = taken_apart(target, item.name)
        inner = BoundEmbed(
            name=item.name,
            link=onward.name,
            question=target,
            near=onward.near,
            far=onward.far,
            one=True,
            is_inner=True,
            is_spread=False,
            is_taken=is_grouped,
        )
        order = tuple(
            BoundOrder(
                field=FieldName(term.field),
                is_descending=term.is_descending,
                nulls_first=term.nulls_first,
                path=term.path,
                embed=item.name,
            )
            for term in item.level.order
            if FieldName(term.field) in onward.to.fields and term.embed is None
        )
        junction = bind_level(way.to, Level(items=()), self._asked, joined=(*way.far, *onward.near))
        question = replace(
            junction,
            columns=taken,
            embedded=(item.name,),
            embeds=(inner,),
            order=order,
            limit=item.level.limit,
            offset=item.level.offset,
        )
        return BoundEmbed(
            name=item.name,
            link=short_name(way.to),
            question=_ordered_by(question, way, sorted_by, item),
            near=way.near,
            far=way.far,
            one=False,
            is_inner=item.join is Join.INNER,
            is_spread=item.is_spread,
            is_junction=not is_grouped,
        )

    # ------------------------------------------------------------------ select
    def columns(self) -> tuple[OutputColumn, ...]:
        """The columns of the answer, in the order of `select`."""
        items = self._level.items
        is_aggregate = _is_aggregate(self._level)
        explicit = set(column_names(items))
        columns: list[OutputColumn] = []
        for item in items:
            if isinstance(item, Embed) and is_aggregate:
                columns.extend(self._taken[item.name])
            elif isinstance(item, Embed):
                columns.append(OutputColumn(name=item.name, field=None, aggregate=None, embed=item.name))
            elif item.field == "*":
                columns.extend(self._star(explicit))
            elif item.aggregate is not None:
                columns.extend(self._aggregate(item, item.aggregate))
            elif (field := self._field(item.field or "")) is not None:
                self.uses.add((field.name, FieldUse.SHOW))
                self._blame(field, unfit_path(item.path, field))
                if is_aggregate:
                    self.uses.add((field.name, FieldUse.GROUP))
                columns.append(
                    OutputColumn(
                        name=name_of(item), field=field.name, aggregate=None, path=item.path, cast=cast_of(item.cast)
                    )
                )
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
            yield OutputColumn(
                name=name_of(item), field=None, aggregate=function, result_cast=cast_of(item.result_cast)
            )
            return
        field = self._field(item.field)
        if field is None:
            return
        self.uses.add((field.name, FieldUse.AGGREGATE))
        cast = cast_of(item.cast)
        self._blame(field, unfit_path(item.path, field) or unfit_aggregate(function, computed(field, item.path, cast)))
        yield OutputColumn(
            name=name_of(item),
            field=field.name,
            aggregate=function,
            path=item.path,
            cast=cast,
            result_cast=cast_of(item.result_cast),
        )

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
        if term.field in self.embedded and term.operator is Operator.IS and term.values[0] in _PRESENCE:
            exists: Predicate = Exists(term.field)
            return exists if _PRESENCE[term.values[0]] is not term.is_negated else Not(exists)
        field = self._field(term.field)
        if field is None:
            return NOTHING
        is_whole = term.operator in {Operator.EQ, Operator.IN} and term.quantifier is None and not term.path
        is_match = is_conjunct and not term.is_negated and is_whole
        self.uses.add((field.name, FieldUse.MATCH if is_match else FieldUse.FILTER))
        fault = unfit_term(term, field)
        if fault is None:
            try:
                predicate = predicate_of(term, field, limits=self._asked.limits)
            except ValueMalformed as error:
                fault = error
            else:
                return Not(predicate) if term.is_negated else predicate
        self.faults.append((field.name, fault))
        return NOTHING

    def orders(self, terms: tuple[OrderTerm, ...]) -> Iterator[BoundOrder]:
        """The terms in their order; what an embed is ordered by is bound with the embed."""
        for term in terms:
            field = self._field(term.field) if term.embed is None else None
            if term.embed is not None:
                name = FieldName(term.field)
            elif field is not None:
                name = field.name
                self.uses.add((name, FieldUse.SORT))
                self._blame(field, unfit_path(term.path, field))
            else:
                continue
            yield BoundOrder(
                field=name,
                is_descending=term.is_descending,
                nulls_first=term.nulls_first,
                path=term.path,
                embed=term.embed,
            )


def taken_apart(question: BoundQuery, name: str) -> tuple[BoundQuery, tuple[OutputColumn, ...]]:
    """The question without its columns, and those as columns of groups above: to group by a field is a use of it."""
    taken = tuple(replace(column, taken_from=name) for column in question.columns)
    grouped = {
        (column.field, FieldUse.GROUP) for column in taken if column.field is not None and column.aggregate is None
    }
    return replace(question, columns=(), starred=frozenset(), uses=question.uses | grouped), taken


def _is_aggregate(level: Level) -> bool:
    return any(isinstance(item, SelectItem) and item.aggregate for item in level.items) or any(
        isinstance(item, Embed) and item.is_spread and _is_aggregate(item.level) for item in level.items
    )


def _check_taken(item: Embed, level: Level) -> None:
    """Groups are made of the plain fields of spread embeds; raises QueryMalformed."""
    plain = all(isinstance(one, SelectItem) and one.field != "*" for one in item.level.items)
    is_cut = item.level.order or item.level.limit is not None or item.level.offset
    if not (item.is_spread and plain) or is_cut or any(term.embed for term in level.order):
        raise malformed("select", *_GROUPED_EMBEDS)


def _ordered_by(question: BoundQuery, way: Way, sorted_by: tuple[OrderTerm, ...], item: Embed) -> BoundQuery:
    """A fault where rows would be ordered by what may be several: raised after the guard, as every other."""
    if not sorted_by or (way.one and way.onward is None):
        return question
    fault = EmbedUnfit(embed=item.name)
    return replace(question, faults=(*question.faults, (FieldName(sorted_by[0].field), fault)))
