"""The short way of most questions: one dataset, whose rows the source itself filtered, ordered and cut.

What is left to do is to check, to mask and to name the people. It is worked out once for a plan and all that differ
from it in literals alone; the cells go through the same functions as on the long way.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Self

from gateway.disclosure.assembling import HashSubjects
from gateway.disclosure.collect import Reader, columns_of, readers_of
from gateway.disclosure.grouping import computing
from gateway.disclosure.masking import through
from gateway.masks import build_mask
from gateway.model.decision import Verdict
from gateway.model.plan import PlannedColumn, ReadPlan
from gateway.model.predicate import EVERYTHING
from gateway.model.rows import Batch, ByColumns, Disclosure, Shown
from gateway.obligations import annotating, treating
from gateway.spi import Annotates, Mask, MaskContext

_MOST: Final = 512


@dataclass(frozen=True, slots=True, repr=False)
class PlainAnswer:
    """How the columns of such a plan's source become its disclosure."""

    plan: ReadPlan  # that it was made from; holds no literal that could tell of anybody
    readers: Sequence[Reader]
    names: tuple[str, ...]
    columns: tuple[tuple[int, Mask | None, str], ...]  # place in a raw row, the mask and its kind
    annotates: tuple[Annotates, ...]

    @classmethod
    def of(cls, plan: ReadPlan) -> Self | None:
        """None where anything has to be done that is for the long way, be it only to refuse."""
        residual, columns = plan.residual, [_plain(column) for column in plan.columns]
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
        shown = tuple([one for one in columns if one is not None])
        if not is_plain or not shown or len(shown) != len(columns):
            return None
        names = tuple([column.name for column in plan.columns])
        return cls(plan, tuple(readers_of(plan)), names, shown, annotating(plan.obligations))

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
        raw = columns_of(whole, plan, self.readers)
        start, limit = plan.residual.offset, plan.residual.limit
        if start or limit is not None:
            end = None if limit is None else start + limit
            raw = [column[start:end] for column in raw]
        shown = [
            raw[at] if mask is None else through(mask, kind, raw[at], context, None) for at, mask, kind in self.columns
        ]
        about = plan.subject_index
        people = set() if about is None else set(raw[about]) - {None}
        return Disclosure(
            columns=self.names,
            rows=ByColumns[Shown](shown, len(shown[0])),
            offset=plan.bound.offset,
            total=None,
            subjects=tuple(sorted(set(hash_subjects(map(str, people))))) if people else (),
            notices=_notices(self.annotates, plan) if self.annotates else (),
        )


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


def plain_answer(plan: ReadPlan) -> PlainAnswer | None:
    """Of this plan, worked out before or now; None where it takes the long way."""
    known = _known.get(id(plan.columns))
    if known is not None and known.fits(plan):
        return known
    made = PlainAnswer.of(plan)
    if made is not None:
        if len(_known) >= _MOST:
            _known.clear()
        _known[id(plan.columns)] = made
    return made
