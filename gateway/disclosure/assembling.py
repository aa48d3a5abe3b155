"""Levels -> rows as they are shown: every value through its mask, obligations discharged, embedded rows within rows."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from operator import itemgetter
from typing import Final

from gateway.disclosure.grouping import computing, recast
from gateway.disclosure.masking import mask_columns
from gateway.disclosure.reading import Below, Level
from gateway.errors import Defect, GroupTooSmall, LimitReached
from gateway.model.plan import PlannedColumn, PlannedEmbed, ReadPlan
from gateway.model.query import AggregateFunction
from gateway.model.remembered import Remembered
from gateway.model.rows import Batch, ByColumns, Cell, DisclosedPart, Row, Shown, columns_of_rows, named
from gateway.obligations import treating
from gateway.spi import MaskContext, TreatsRows

ShownRow = tuple[Shown, ...]
HashSubjects = Callable[[Iterable[str]], Iterable[str]]
"""The log's keyed hashes of ID numbers."""
_EMBEDDED_ROWS: Final = ("rows of one dataset within an answer", "一次结果中单个数据集的行数")


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Page:
    """Which rows of a level are shown, in order; `made` where an obligation made rows of its own."""

    places: Sequence[int]
    made: Sequence[Row] | None = None


@dataclass(slots=True, repr=False)
class _Part:
    rows: int = 0
    so_far: int = 0  # of all batches of the answer
    subjects: tuple[str, ...] = ()


def names_of(plan: ReadPlan) -> tuple[str, ...]:
    """The columns of a level's answer; those of spread embeds in their place, but for names that it has itself."""
    return tuple([slot.name for slot in slots_of(plan)])


@dataclass(frozen=True, slots=True, kw_only=True)
class Slot:
    """One column of what is shown: a column of the plan, and of a spread embed's own slots one."""

    name: str
    column: int
    spread: int | None = None


def slots_of(plan: ReadPlan) -> list[Slot]:
    """What is shown of a level, in order."""
    return _slots.of(plan.columns, id(plan.embeds), lambda: (plan.embeds, _slots_of(plan)))[1]


_slots: Remembered[tuple[PlannedColumn, ...], tuple[object, list[Slot]]] = Remembered()
"""By the identity of columns and embeds, both of which are held in it."""


def _slots_of(plan: ReadPlan) -> list[Slot]:
    embeds = {embed.name: embed for embed in plan.embeds}
    spread = {name for name, embed in embeds.items() if embed.is_spread}
    taken = {column.name for column in plan.columns if not column.is_hidden and column.embed not in spread}
    slots: list[Slot] = []
    for at, column in enumerate(plan.columns):
        if column.is_hidden:
            continue
        if column.embed not in spread or column.embed is None:
            if column.embed is None or slots_of(meant(embeds[column.embed])):  # an empty embed isn't shown
                slots.append(Slot(name=column.name, column=at))
            continue
        for place, inner in enumerate(slots_of(meant(embeds[column.embed]))):
            if inner.name not in taken:
                taken.add(inner.name)
                slots.append(Slot(name=inner.name, column=at, spread=place))
    return slots


def meant(embed: PlannedEmbed) -> ReadPlan:
    """The plan whose rows are shown: over a junction, that which it leads to."""
    return embed.plan.embeds[0].plan if embed.is_junction else embed.plan


class Assembler:
    """Shows one answer's levels, and keeps count of what was shown of each."""

    def __init__(self, hash_subjects: HashSubjects, context: MaskContext) -> None:
        self._hash_subjects = hash_subjects
        self._context = context
        self._parts: dict[int, _Part] = {}  # by the identity of the level's plan

    @staticmethod
    def treats(plan: ReadPlan) -> bool:
        """Whether an obligation has to look at all rows together."""
        return bool(treating(plan.obligations))

    # ------------------------------------------------------------------ which rows
    def page(self, root: Level) -> Page:
        """The rows of the root that are shown: obligations look at the whole answer before it is cut."""
        plan = root.plan
        treats = treating(plan.obligations)
        start, limit = plan.residual.offset, plan.residual.limit
        end = None if limit is None else start + limit
        if not treats:
            return Page(places=range(len(root.rows))[start:end])
        masked = self._masked(root, range(len(root.rows)))
        treated = _treat(masked, treats, plan)
        places = {id(row): at for at, row in enumerate(masked)}
        if all(id(row) in places for row in treated):
            return Page(places=[places[id(row)] for row in treated][start:end])
        if plan.embeds:
            raise Defect(operator="an obligation made rows of its own, and embeds belong to none of them")
        # then the log names everybody that they may be about
        return Page(places=range(len(root.rows)), made=treated[start:end])

    # ------------------------------------------------------------------ what is shown of them
    def shown(self, root: Level, page: Page) -> Sequence[ShownRow]:
        """The root's rows, columns as `names_of` says."""
        if page.made is not None:
            shown = [at for at, column in enumerate(root.plan.columns) if not column.is_hidden]
            return [tuple(row[at] for at in shown) for row in page.made]
        return self._level(root, page.places)

    def _level(self, level: Level, places: Sequence[int]) -> Sequence[ShownRow]:
        """The row of each place as it is shown."""
        plan = level.plan
        finished = _finished(plan.columns, self._masked_columns(level, places))
        if not plan.embeds and not any(column.is_hidden for column in plan.columns):
            return ByColumns[Shown](finished, len(places))
        rows = list(_at(level, places))
        below = {embed.name: self._below(level.below[embed.name], rows) for embed in plan.embeds if not embed.is_taken}
        columns: list[Sequence[Shown]] = []
        for slot in slots_of(plan):
            embed = plan.columns[slot.column].embed
            columns.append(finished[slot.column] if embed is None else below[embed].cells(slot.spread))
        return list(zip(*columns, strict=True)) if columns else [()] * len(places)

    def _below(self, below: Below, rows: Sequence[Row]) -> "_ShownBelow":
        """The embed's rows that belong to these rows, as they are shown."""
        level, plan = below.level, below.level.plan
        every = below.every(rows)
        found = below.cut(every)
        shown_here = set(chain.from_iterable(found))
        places = self._treated(level, sorted(set(chain.from_iterable(every))))
        places = list(filter(shown_here.__contains__, places))
        part = self._parts.setdefault(id(plan), _Part())
        part.rows = len(places)
        part.so_far += len(places)
        most = plan.residual.limit  # only an obligation sets it here, and of the whole answer
        if most is not None and part.so_far > most:
            raise LimitReached(what=_EMBEDDED_ROWS, limit=most)
        part.subjects = self._hashed(level, places)
        if below.embed.is_junction:
            inner = level.below[plan.embeds[0].name]
            names = names_of(inner.level.plan)
            targets = self._below(inner, [level.rows[at] for at in places]).rows
            shown = {at: targets[inner.of(level.rows[at])[0]] for at in places}
        else:
            names = names_of(plan)
            shown = dict(zip(places, self._level(level, places), strict=True))
        if plan.min_group is not None and not all(every):
            raise GroupTooSmall(least=plan.min_group)  # no rows are a small group too
        of_nothing = _of_nothing(plan)
        return _ShownBelow(embed=below.embed, names=names, found=found, rows=shown, of_nothing=of_nothing)

    def _treated(self, level: Level, places: Sequence[int]) -> Sequence[int]:
        """What obligations leave of an embed's rows; they see all that belong to the rows above, not cut."""
        treats = treating(level.plan.obligations)
        if not treats or not places:
            return places
        masked = [_blind(row, level.plan) for row in self._masked(level, places)]
        kept = {id(row) for row in _treat(masked, treats, level.plan)}
        if not kept <= {id(row) for row in masked}:
            raise Defect(operator="an obligation made rows of its own within an embed")
        return [at for at, row in zip(places, masked, strict=True) if id(row) in kept]

    def _masked(self, level: Level, places: Sequence[int]) -> list[Row]:
        """Rows of the plan's columns; the cell of an embed is empty yet."""
        return _rows(self._masked_columns(level, places), len(places))

    def _masked_columns(self, level: Level, places: Sequence[int]) -> list[Sequence[Cell]]:
        """The same by columns: many rows cost little more than few."""
        columns, about = level.plan.columns, level.plan.subject_index
        if not places:
            return [() for _ in columns]
        raw = columns_of_rows(_at(level, places))
        empty: Sequence[Cell] = (None,) * len(places)
        return mask_columns(
            [empty if column.embed is not None else raw[column.raw_index] for column in columns],
            columns,
            self._context,
            None if about is None else raw[about],
        )

    # ------------------------------------------------------------------ whom they are about
    def subjects(self, root: Level, page: Page) -> tuple[str, ...]:
        """Keyed hashes of the people that the root's rows are about."""
        return self._hashed(root, page.places)

    def parts(self, root: Level) -> tuple[DisclosedPart, ...]:
        """What was shown of each level below, depth first."""
        return tuple(
            DisclosedPart(rows=part.rows, subjects=part.subjects)
            for plan in _plans_below(root.plan)
            for part in (self._parts.get(id(plan), _Part()),)
        )

    def _hashed(self, level: Level, places: Sequence[int]) -> tuple[str, ...]:
        about = level.plan.subject_index
        if about is None:
            return ()
        rows = _at(level, places)
        cells = rows.columns[about] if type(rows) is ByColumns else map(itemgetter(about), rows)
        people = dict.fromkeys(cells)  # in the order in which they lie in memory
        people.pop(None, None)
        return tuple(sorted(set(self._hash_subjects(map(str, people)))))


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class _ShownBelow:
    """An embed's rows by their places, which of them each row above has, and how it shows them."""

    embed: PlannedEmbed
    names: tuple[str, ...]
    found: Sequence[Sequence[int]]
    rows: Mapping[int, ShownRow]
    of_nothing: ShownRow | None

    def cells(self, spread: int | None) -> list[Shown]:
        """Of each row above the embedded row or rows; of a spread embed, one column of them."""
        shown = dict(zip(self.rows, self._shown(self.rows.values(), spread), strict=True))
        nothing = [] if self.of_nothing is None else self._shown((self.of_nothing,), spread)
        if self.embed.one:
            of_none = nothing[0] if nothing else None
            return [shown.get(found[0], of_none) if found else of_none for found in self.found]
        if spread is None:  # what is shown of a row is never nothing
            return [list(filter(None, map(shown.get, found))) or [*nothing] for found in self.found]
        return [[shown[at] for at in found if at in shown] or [*nothing] for found in self.found]

    def _shown(self, rows: Iterable[ShownRow], spread: int | None) -> list[Shown]:
        return named(self.names, rows) if spread is None else [row[spread] for row in rows]


def _of_nothing(plan: ReadPlan) -> ShownRow | None:
    """What aggregates without groups are over no rows; None where there are groups."""
    shown = [column for column in plan.columns if not column.is_hidden]
    if not shown or any(column.aggregate is None for column in shown):
        return None
    cells = [(0 if column.aggregate is AggregateFunction.COUNT else None,) for column in shown]
    return _rows(_finished(shown, cells), 1)[0]


def _plans_below(plan: ReadPlan) -> list[ReadPlan]:
    return [inner for embed in plan.embeds for inner in (embed.plan, *_plans_below(embed.plan))]


def _treat(rows: Batch, treats: Sequence[TreatsRows], plan: ReadPlan) -> Batch:
    # an obligation is a plug-in: it sees what may leave, and nothing behind a mask
    for one in treats:
        rows = one.treat(rows, plan)
    return rows


def _blind(row: Row, plan: ReadPlan) -> Row:
    """The row without the key by which it was found: that is raw."""
    return tuple(
        None if column.is_hidden and column.aggregate is None else cell
        for column, cell in zip(plan.columns, row, strict=True)
    )


def _at(level: Level, places: Sequence[int]) -> Sequence[Row]:
    return level.rows if places == range(len(level.rows)) else list(map(level.rows.__getitem__, places))


def _rows(columns: Sequence[Sequence[Cell]], count: int) -> list[Row]:
    return list(zip(*columns, strict=True)) if columns else [()] * count


def _finished(columns: Sequence[PlannedColumn], cells: Sequence[Sequence[Cell]]) -> Sequence[Sequence[Cell]]:
    """What paths and casts make of what is shown, column by column."""
    computes = [recast(column) if column.aggregate is not None else computing(column) for column in columns]
    return [
        values if compute is None else [compute(cell) for cell in values]
        for compute, values in zip(computes, cells, strict=True)
    ]
