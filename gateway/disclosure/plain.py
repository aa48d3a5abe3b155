"""The short way of most questions: one dataset, whose rows the source itself filtered, ordered and cut.

What is left to do is to check, to mask and to name the people. It is worked out once for a plan and all that differ
from it in literals alone; the cells go through the same functions as on the long way.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from operator import itemgetter
from typing import Final, Self

from gateway.disclosure.assembling import HashSubjects
from gateway.disclosure.collect import Reader, columns_of, readers_of, refuse_too_many
from gateway.disclosure.grouping import computing
from gateway.disclosure.masking import through, through_one
from gateway.masks import build_mask
from gateway.model.amending import amended
from gateway.model.decision import Verdict
from gateway.model.plan import PlannedColumn, ReadPlan
from gateway.model.predicate import EVERYTHING
from gateway.model.rows import Batch, ByColumns, Cell, Disclosure, Row, Shown
from gateway.obligations import annotating, treating
from gateway.spi import Annotates, Mask, MaskContext

_MOST: Final = 512
_FEW: Final = 2  # rows that are done sooner row by row
_MOST_KINDS: Final = 64


@dataclass(frozen=True, slots=True, repr=False)
class PlainAnswer:
    """How the columns of such a plan's source become its disclosure."""

    plan: ReadPlan  # that it was made from; holds no literal that could tell of anybody
    readers: Sequence[Reader]
    columns: tuple[tuple[int, Mask | None, str], ...]  # place in a raw row, the mask and its kind
    annotates: tuple[Annotates, ...]
    masked: tuple[tuple[int, int, Mask, str], ...]  # of the columns: place among them, in a raw row, mask, kind
    pick: Callable[[Row], tuple[Cell, ...]]  # the cells of the columns from a raw row
    empty: Disclosure  # what every answer has in common
    _kinds: set[tuple[type, ...]] = field(init=False, default_factory=set)  # of raw rows that need no reading

    @classmethod
    def of(cls, plan: ReadPlan) -> Self | None:
        """None where anything has to be done that is for the long way, be it only to refuse."""
        residual = plan.residual
        is_plain = (
            not plan.embeds
            and plan.key is None
            and plan.count_fetch is None
            and not plan.bound.wants_count
            and not plan.fetch.aggregates
            and not residual.aggregates
            and not residual.order
            and residual.where == residual.embedded == EVERYTHING
            and not treating(plan.obligations)
        )
        if not is_plain:
            return None
        shown = tuple([plain for column in plan.columns if (plain := _plain(column)) is not None])
        if not shown or len(shown) != len(plan.columns):
            return None
        names = tuple([column.name for column in plan.columns])
        masked = tuple([(at, raw, mask, kind) for at, (raw, mask, kind) in enumerate(shown) if mask is not None])
        empty = Disclosure(columns=names, rows=(), offset=0, total=None, subjects=(), notices=())
        pick = itemgetter(*[raw for raw, _, _ in shown]) if len(shown) > 1 else partial(_only, shown[0][0])
        return cls(plan, tuple(readers_of(plan)), shown, annotating(plan.obligations), masked, pick, empty)

    def fits(self, plan: ReadPlan) -> bool:
        """Whether the plan differs from its own in literals alone, and those are none that the gateway looks at."""
        own = self.plan
        return (
            plan.columns is own.columns
            and plan.fetch.columns is own.fetch.columns
            and plan.fetch.aggregates is own.fetch.aggregates
            and plan.residual is own.residual
            and plan.obligations is own.obligations
            and plan.embeds is own.embeds
            and plan.key is own.key
            and plan.count_fetch is None
            and plan.bound.wants_count is own.bound.wants_count
            and plan.bound.dataset is own.bound.dataset
        )

    def disclosure(self, plan: ReadPlan, whole: Batch, hash_subjects: HashSubjects, context: MaskContext) -> Disclosure:
        """What may leave of the rows that its source gave; raises as `disclose`."""
        about = plan.subject_index
        if type(whole) is list and len(whole) <= _FEW and (rows := self._few(whole, plan, context)) is not None:
            whom = {str(row[about]) for row in whole if row[about] is not None} if about is not None else ()
            return self._disclosed(plan, rows, tuple(sorted(set(hash_subjects(whom)))) if whom else ())
        raw = columns_of(whole, plan, self.readers)
        start, limit = plan.residual.offset, plan.residual.limit
        if start or limit is not None:
            end = None if limit is None else start + limit
            raw = [column[start:end] for column in raw]
        shown = [
            raw[at] if mask is None else through(mask, kind, raw[at], context, None) for at, mask, kind in self.columns
        ]
        people = set() if about is None else set(raw[about]) - {None}
        subjects = tuple(sorted(set(hash_subjects(map(str, people))))) if people else ()
        return self._disclosed(plan, ByColumns[Shown](shown, len(shown[0])), subjects)

    def _disclosed(self, plan: ReadPlan, rows: Sequence[tuple[Shown, ...]], subjects: tuple[str, ...]) -> Disclosure:
        notices = _notices(self.annotates, plan) if self.annotates else ()
        return amended(self.empty, rows=rows, offset=plan.bound.offset, subjects=subjects, notices=notices)

    def _few(self, whole: Batch, plan: ReadPlan, context: MaskContext) -> list[tuple[Shown, ...]] | None:
        """What is shown of rows, one by one; None where a cell has to be read, or rows are cut here."""
        if plan.residual.offset or plan.residual.limit is not None:
            return None
        refuse_too_many(len(whole), plan)
        rows: list[tuple[Shown, ...]] = []
        for row in whole:
            if tuple(map(type, row)) not in self._kinds and not self._needs_no_reading(row):
                return None
            shown: list[Shown] = [*self.pick(row)]
            for at, raw, mask, kind in self.masked:
                shown[at] = through_one(mask, kind, row[raw], context)
            rows.append(tuple(shown))
        return rows

    def _needs_no_reading(self, row: Row) -> bool:
        kinds = tuple(map(type, row))
        if len(kinds) != len(self.readers) or not all(
            kind in already for kind, (already, _) in zip(kinds, self.readers, strict=True)
        ):
            return False
        if len(self._kinds) < _MOST_KINDS:
            self._kinds.add(kinds)
        return True


def _only(at: int, row: Row) -> tuple[Cell]:
    return (row[at],)


def _notices(annotates: Sequence[Annotates], plan: ReadPlan) -> tuple[str, ...]:
    return tuple(dict.fromkeys([told for one in annotates for told in one.notices(plan)]))


def _plain(column: PlannedColumn) -> tuple[int, Mask | None, str] | None:
    """None where the column needs more than its raw cells and a mask that looks at nothing else."""
    is_own = not column.is_hidden and column.embed is None and column.taken_from is None and column.aggregate is None
    if not is_own or column.field is None or computing(column) is not None:
        return None
    if column.mask is None:
        return (column.raw_index, None, "") if column.verdict is Verdict.ALLOW else None
    if column.mask.at_source:
        return column.raw_index, None, ""
    try:
        mask = build_mask(column.mask.choice)
    except ValueError:
        return None
    return None if mask.needs_person else (column.raw_index, mask, column.mask.choice.kind)


_known: Final[dict[int, PlainAnswer]] = {}  # by the identity of the columns, which are held in it
_alike: Final[dict[int, tuple[object, PlainAnswer]]] = {}  # by that of `like`, which is held beside it


def plain_answer(plan: ReadPlan) -> PlainAnswer | None:
    """Of this plan, worked out before or now; None where it takes the long way."""
    like = plan.like
    alike = None if like is None else _alike.get(id(like))
    if alike is not None:
        return alike[1]
    known = _known.get(id(plan.columns))
    if known is not None and known.fits(plan):
        if like is not None:
            if len(_alike) >= _MOST:
                _alike.clear()
            _alike[id(like)] = like, known
        return known
    made = PlainAnswer.of(plan)
    if made is not None:
        if len(_known) >= _MOST:
            _known.clear()
        _known[id(plan.columns)] = made
    return made
