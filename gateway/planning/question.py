"""DecidedQuery -> ReadPlan: every level guarded and planned, and which level is read before which. Pure.

Each side of an embed stands under its own rules: its own guard, row filter, masks and obligations. A link that isn't
the asker's answers as one that doesn't exist.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from gateway.errors import EmbedAmbiguous, EmbedUnavailable, OnlyAggregates, UseNotAllowed
from gateway.model.catalog import Dataset
from gateway.model.decision import DecidedQuery, Verdict
from gateway.model.ids import FieldName
from gateway.model.parts import conjuncts, embeds_of
from gateway.model.plan import EmbeddedKey, PlannedColumn, PlannedEmbed, ReadPlan
from gateway.model.predicate import Predicate
from gateway.model.query import BoundEmbed, BoundQuery, FieldUse
from gateway.planning.conjuncts import matched_field
from gateway.planning.guard import TABLE, admit, is_visible, may_join
from gateway.planning.read_plan import plan_level
from gateway.planning.sketch import Embedding
from gateway.settings import Limits
from gateway.spi import Capabilities

CapabilitiesOf = Callable[[Dataset], Capabilities]


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """The one link that an embed means to this asker."""

    embed: BoundEmbed
    decided: DecidedQuery


def plan_question(
    decided: DecidedQuery, capabilities_of: CapabilitiesOf, limits: Limits, source_seconds: float
) -> ReadPlan:
    """The plan of the root with those of its embeds in it.

    Raises what `plan_read` raises, EmbedUnavailable, EmbedAmbiguous.
    """
    return _Planner(capabilities_of, limits, source_seconds).plan(decided, None, ())


class _Planner:
    def __init__(self, capabilities_of: CapabilitiesOf, limits: Limits, source_seconds: float) -> None:
        self._capabilities_of = capabilities_of
        self._limits = limits
        self._seconds = source_seconds

    def plan(self, decided: DecidedQuery, over: BoundEmbed | None, sorts: tuple[FieldName, ...]) -> ReadPlan:
        """The level's plan; `over` is the embed that it is, `sorts` what the level above is ordered by."""
        bound, decision = decided.bound, decided.decision
        admitted = admit(bound, decision)
        chosen = tuple(_chosen(decided))
        deciding = set(_deciding(bound, chosen))
        near = tuple(name for one in chosen for name in one.embed.near)
        embedding = Embedding(
            key=over.far if over is not None else (),
            is_embed=over is not None,
            raw=(*near, *sorts),
            decides=bool(deciding),
        )
        capabilities = self._capabilities_of(bound.dataset)
        plan = plan_level(bound, decision, capabilities, self._limits, self._seconds, admitted, embedding)
        if over is not None:
            plan = replace(plan, key=self._key(plan, over))
        embeds = [self._embed(one, plan, is_deciding=one.embed.name in deciding) for one in chosen]
        plan = _with_taken(plan, bound, chosen)
        matches = plan.matches + sum(embed.plan.matches for embed in embeds)
        return replace(plan, embeds=_with_leader(bound, plan, embeds), matches=matches)

    def _embed(self, one: Chosen, above: ReadPlan, *, is_deciding: bool) -> PlannedEmbed:
        embed, fields = one.embed, above.bound.dataset.fields
        sorts = tuple(term.field for term in above.bound.order if term.embed == embed.name)
        columns = [column for column in above.bound.columns if column.taken_from == embed.name]
        taken = tuple(column.field for column in columns if column.field is not None)
        return PlannedEmbed(
            name=embed.name,
            link=embed.link,
            plan=self.plan(one.decided, embed, (*sorts, *taken)),
            near=tuple(_place(above, name) for name in embed.near),
            near_fields=tuple(fields[name] for name in embed.near),
            one=embed.one,
            is_inner=embed.is_inner,
            is_spread=embed.is_spread,
            is_junction=embed.is_junction,
            is_taken=embed.is_taken,
            decides=is_deciding,
            leads=False,
            sorts=sorts,
        )

    def _key(self, plan: ReadPlan, over: BoundEmbed) -> EmbeddedKey:
        dataset = plan.bound.dataset
        is_grouped = plan.residual.aggregates
        columns = [column.field.name if column.is_hidden and column.field else None for column in plan.columns]
        return EmbeddedKey(
            places=tuple(columns.index(name) if is_grouped else _place(plan, name) for name in over.far),
            fields=tuple(dataset.fields[name] for name in over.far),
            limit=plan.bound.limit,
            offset=plan.bound.offset,
        )


def _with_taken(plan: ReadPlan, bound: BoundQuery, chosen: tuple[Chosen, ...]) -> ReadPlan:
    """The plan, with the fields of embeds that its groups are made of; raises UseNotAllowed, OnlyAggregates.

    Only clear fields are taken: nothing here holds groups of somebody else's masked values to a size.
    """
    by_name = {one.embed.name: one.decided for one in chosen}
    columns: list[PlannedColumn] = []
    asked = {column.name: column for column in bound.columns if column.taken_from is not None}
    for column in plan.columns:
        if column.taken_from is None:
            columns.append(column)
            continue
        name = asked[column.name].field
        there = by_name[column.taken_from]
        if name is None:
            columns.append(column)
            continue
        if there.decision.fields[name].verdict is not Verdict.ALLOW:
            use = FieldUse.GROUP if column.aggregate is None else FieldUse.AGGREGATE
            raise UseNotAllowed(field=name, use=TABLE[use].words)
        if plan.min_group is not None and column.aggregate is not None:
            raise OnlyAggregates
        columns.append(replace(column, field=there.bound.dataset.fields[name]))
    return replace(plan, columns=tuple(columns))


def _place(plan: ReadPlan, name: FieldName) -> int:
    return next(at for at, field in enumerate(plan.raw_fields) if field is not None and field.name == name)


# ---------------------------------------------------------------------- which link
def _chosen(decided: DecidedQuery) -> Iterator[Chosen]:
    """For each embed of the question the only link that is the asker's; raises where it isn't exactly one."""
    by_name: dict[str, list[Chosen]] = {name: [] for name in decided.bound.embedded}
    for embed, inner in decided.embeds:
        by_name[embed.name].append(Chosen(embed=embed, decided=inner))
    for name, ways in by_name.items():
        open_ways = [way for way in ways if _is_open(way, decided)]
        if not open_ways:
            raise EmbedUnavailable(embed=name, dataset=decided.bound.dataset.name)
        if len(open_ways) > 1:
            options = [way.embed.link for way in open_ways]
            raise EmbedAmbiguous(
                embed=name, dataset=decided.bound.dataset.name, options=", ".join(options), first=options[0]
            )
        _refuse_masked(open_ways[0], decided)
        yield open_ways[0]


def _is_open(way: Chosen, above: DecidedQuery) -> bool:
    """Whether the asker knows of the link: the dataset there, and the key on both sides."""
    there = way.decided
    return (
        is_visible(there.decision)
        and may_join(above.decision, way.embed.near) is not None
        and may_join(there.decision, way.embed.far) is not None
        and (not way.embed.is_junction or all(_is_open(Chosen(embed=e, decided=d), there) for e, d in there.embeds))
    )


def _refuse_masked(way: Chosen, above: DecidedQuery) -> None:
    for decided, key in ((above, way.embed.near), (way.decided, way.embed.far)):
        for field in sorted(key):
            if not may_join(decided.decision, (field,)):
                raise UseNotAllowed(field=field, use=TABLE[FieldUse.JOIN].words)


def offering(error: EmbedUnavailable, links: DecidedQuery) -> EmbedUnavailable:
    """The error with the links that there are for this asker; `links` asks for all."""
    names = sorted({embed.name for embed, inner in links.embeds if _is_open(Chosen(embed=embed, decided=inner), links)})
    if not names:
        return error
    listed = ", ".join(names)
    offered = (f"for you there are {listed}; ", f"您可用的关联有 {listed}；")
    return EmbedUnavailable(embed=error.embed, dataset=error.dataset, offered=offered)


# ---------------------------------------------------------------------- which side first
def _deciding(bound: BoundQuery, chosen: tuple[Chosen, ...]) -> Iterator[str]:
    """Embeds that rows here or their order hang on."""
    asked_about = set(embeds_of(bound.where)) | {term.embed for term in bound.order if term.embed is not None}
    for one in chosen:
        if one.embed.is_inner or one.embed.is_taken or one.embed.name in asked_about:
            yield one.embed.name


def _with_leader(bound: BoundQuery, plan: ReadPlan, embeds: list[PlannedEmbed]) -> tuple[PlannedEmbed, ...]:
    """At most one embed is read before the rows here: an inner one that narrows more than the filters here do.

    No source is asked what a filter would cost: a filter on whole values counts for more than any other, any filter
    for more than none.
    """
    here = _selectivity(bound.where)
    best: PlannedEmbed | None = None
    for embed in embeds:
        if not embed.is_inner or plan.key is not None or not _can_lead(plan, embed):
            continue
        there = _selectivity_within(embed.plan)
        if there > here and (best is None or there > _selectivity_within(best.plan)):
            best = embed
    return tuple(replace(embed, leads=True) if embed is best else embed for embed in embeds)


def _can_lead(plan: ReadPlan, embed: PlannedEmbed) -> bool:
    """Whether rows here can be asked for by its keys: no row of it is left out by a limit, and no key is computed."""
    key = embed.plan.key
    if key is None or key.limit is not None or key.offset:
        return False
    return all(field.name in plan.narrowable for field in embed.near_fields)


def _selectivity_within(plan: ReadPlan) -> int:
    own = _selectivity(plan.bound.where)
    return max([own, *(_selectivity_within(embed.plan) for embed in plan.embeds if embed.is_inner)])


def _selectivity(where: Predicate) -> int:
    terms = [term for term in conjuncts(where) if not any(embeds_of(term))]
    if any(matched_field(term) is not None for term in terms):
        return 2
    return 1 if terms else 0
