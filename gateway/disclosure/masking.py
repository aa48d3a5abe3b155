"""Columns -> columns of which every masked one passed its mask. The one place where NULL is kept from masks."""

from collections.abc import Sequence
from dataclasses import replace
from types import NoneType

from gateway.errors import Defect
from gateway.masks import build_mask, mask_values
from gateway.model.decision import Verdict
from gateway.model.plan import PlannedColumn
from gateway.model.rows import Cell
from gateway.spi import Mask, MaskContext

_TEXT_OR_NULL = frozenset({str, NoneType})


def mask_columns(
    cells: Sequence[Sequence[Cell]],
    columns: Sequence[PlannedColumn],
    context: MaskContext,
    people: Sequence[Cell] | None = None,
) -> list[Sequence[Cell]]:
    """The cells of each column; raises Defect, without the value, where a mask fails or a column lacks its mask.

    people: whom each row is about, where that is known.
    """
    if len(cells) != len(columns):
        raise Defect(operator="the rows are not those of the plan")
    return [_masked(column, values, context, people) for column, values in zip(columns, cells, strict=True)]


def _masked(
    column: PlannedColumn, cells: Sequence[Cell], context: MaskContext, people: Sequence[Cell] | None
) -> Sequence[Cell]:
    if column.aggregate is not None:
        return cells
    if column.mask is None:
        if column.verdict is not Verdict.ALLOW:
            raise Defect(operator="a column that is not clear has no mask")
        return cells
    if column.mask.at_source:
        return cells
    kind = column.mask.choice.kind
    try:
        mask = build_mask(column.mask.choice)
    except ValueError as fault:
        raise _failed(kind, fault) from None
    return through(mask, kind, cells, context, people)


def through(
    mask: Mask, kind: str, cells: Sequence[Cell], context: MaskContext, people: Sequence[Cell] | None
) -> Sequence[Cell]:
    """The cells of a column that passed the mask; raises Defect, without the value, where it fails."""
    has_nulls = None in cells
    known = [cell for cell in cells if cell is not None] if has_nulls else cells
    try:
        if mask.needs_person and people is not None:
            about = [person for person, cell in zip(people, cells, strict=True) if cell is not None]
            context = replace(context, people=[None if one is None else str(one) for one in about])
        shown = mask_values(mask, known, context)
    except Exception as fault:  # noqa: BLE001  # whatever a plug-in raises may hold the value
        raise _failed(kind, fault) from None
    is_text = _TEXT_OR_NULL.issuperset(map(type, shown)) or all(isinstance(one, str | None) for one in shown)
    if len(shown) != len(known) or not is_text:
        raise Defect(operator=f"the mask {kind} gave no column of text")
    if not has_nulls:
        return shown
    texts = iter(shown)
    return [None if cell is None else next(texts) for cell in cells]


def through_one(mask: Mask, kind: str, cell: Cell, context: MaskContext) -> Cell:
    """The same for one cell of a mask that needs no person."""
    if cell is None:
        return None
    try:
        shown = mask.apply((cell,), context)
    except Exception as fault:  # noqa: BLE001  # as above
        raise _failed(kind, fault) from None
    if len(shown) != 1 or not isinstance(shown[0], str | None):
        raise Defect(operator=f"the mask {kind} gave no column of text")
    return shown[0]


def _failed(kind: str, fault: Exception) -> Defect:
    return Defect(operator=f"the mask {kind} failed: {type(fault).__name__}")
