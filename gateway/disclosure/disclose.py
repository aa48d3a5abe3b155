"""RawRows + ReadPlan -> Disclosure: collect, filter, group, order, mask, obligations, page, seal."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from gateway.disclosure.aggregates import group_rows
from gateway.disclosure.collect import collect
from gateway.disclosure.masking import mask_rows
from gateway.disclosure.ordering import order_rows
from gateway.disclosure.residual import compile_predicate
from gateway.model.ids import FieldName
from gateway.model.plan import ReadPlan
from gateway.model.rows import Batch, Cell, Disclosure, RawRows, Row
from gateway.obligations import join_obligations
from gateway.spi import Annotates, MaskContext, TreatsRows


async def disclose(
    raw: RawRows, plan: ReadPlan, hash_subject: Callable[[str], str], mask_context: MaskContext
) -> Disclosure:
    """What may leave. `hash_subject` is the log's keyed hash of an ID number.

    Raises SourceTooBroad, SourceRubbish, whatever the connector raises, what obligations raise (GroupTooSmall), Defect.
    """
    obligations = join_obligations(plan.obligations)
    collected, counted = await collect(raw, plan)
    found = _find(collected, plan)
    total = counted
    if total is None and plan.bound.wants_count:
        total = len(found.rows)
    treating = [one for one in obligations if isinstance(one, TreatsRows)]
    if treating:
        # an obligation is a plug-in: it sees what may leave, and nothing behind a mask
        page = _page(_treat(_mask(found, plan, mask_context), treating, plan), plan)
    else:
        page = _mask(_page(found, plan), plan, mask_context)
    shown = [at for at, column in enumerate(plan.columns) if not column.is_hidden]
    return Disclosure(
        columns=tuple(plan.columns[at].name for at in shown),
        rows=tuple(tuple(row[at] for at in shown) for row in page.rows),
        offset=plan.bound.offset,
        total=total,
        subjects=_hashed(page.subjects, hash_subject),
        notices=tuple(notice for one in obligations if isinstance(one, Annotates) for notice in one.notices(plan)),
    )


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class _Found:
    """Rows of the plan's columns, and whom they are about: one for each row, unless `is_aligned` says no."""

    rows: list[Row]
    subjects: list[Cell]
    is_aligned: bool


def _find(collected: list[Row], plan: ReadPlan) -> _Found:
    """The residual's where, groups and order; then the plan's columns."""
    places: dict[FieldName, int] = {field.name: at for at, field in enumerate(plan.raw_fields) if field is not None}
    test = compile_predicate(plan.residual.where, places)
    rows = [row for row in collected if test(row) is True]
    if plan.residual.aggregates:
        rows = group_rows(rows, plan.columns, places)
        keys = {
            column.field.name: at
            for at, column in enumerate(plan.columns)
            if column.field is not None and column.aggregate is None
        }
        return _Found(rows=order_rows(rows, plan.residual.order, keys), subjects=[], is_aligned=True)
    rows = order_rows(rows, plan.residual.order, places)
    about = plan.subject_index
    return _Found(
        rows=[tuple(row[column.raw_index] for column in plan.columns) for row in rows],
        subjects=[] if about is None else [row[about] for row in rows],
        is_aligned=True,
    )


def _mask(found: _Found, plan: ReadPlan, context: MaskContext) -> _Found:
    return replace(found, rows=mask_rows(found.rows, plan.columns, context))


def _treat(found: _Found, treating: Sequence[TreatsRows], plan: ReadPlan) -> _Found:
    rows: Batch = found.rows
    for one in treating:
        rows = one.treat(rows, plan)
    subjects = {id(row): subject for row, subject in zip(found.rows, found.subjects, strict=False)}
    if len(subjects) == len(found.rows) and all(id(row) in subjects for row in rows):
        return _Found(rows=list(rows), subjects=[subjects[id(row)] for row in rows], is_aligned=True)
    # no subjects; or an obligation made rows of its own: then the log names everybody that they may be about
    return _Found(rows=list(rows), subjects=found.subjects, is_aligned=False)


def _page(found: _Found, plan: ReadPlan) -> _Found:
    start, limit = plan.residual.offset, plan.residual.limit
    end = None if limit is None else start + limit
    subjects = found.subjects[start:end] if found.is_aligned else found.subjects
    return _Found(rows=found.rows[start:end], subjects=subjects, is_aligned=found.is_aligned)


def _hashed(subjects: Sequence[Cell], hash_subject: Callable[[str], str]) -> tuple[str, ...]:
    return tuple(sorted({hash_subject(str(subject)) for subject in subjects if subject is not None}))
