"""Rows -> rows whose every masked column passed its mask. The one place where NULL is kept from masks."""

from collections.abc import Sequence
from dataclasses import replace

from gateway.errors import Defect
from gateway.masks import build_mask, mask_values
from gateway.model.decision import Verdict
from gateway.model.plan import PlannedColumn
from gateway.model.rows import Cell, Row
from gateway.spi import MaskContext


def mask_rows(
    rows: Sequence[Row],
    columns: Sequence[PlannedColumn],
    context: MaskContext,
    people: Sequence[Cell] | None = None,
) -> list[Row]:
    """Rows of the same columns; raises Defect, without the value, where a mask fails or a column lacks its mask.

    people: whom each row is about, where that is known.
    """
    if not rows:
        return []
    if any(len(row) != len(columns) for row in rows):
        raise Defect(operator="the rows are not those of the plan")
    if not columns:
        return [() for _ in rows]
    cells = list(zip(*rows, strict=True))
    masked = [_masked(column, values, context, people) for column, values in zip(columns, cells, strict=True)]
    return list(zip(*masked, strict=True))


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
    known = [cell for cell in cells if cell is not None]
    try:
        mask = build_mask(column.mask.choice)
        if mask.needs_person and people is not None:
            about = [person for person, cell in zip(people, cells, strict=True) if cell is not None]
            context = replace(context, people=[None if one is None else str(one) for one in about])
        shown = mask_values(mask, known, context)
    except Exception as fault:  # noqa: BLE001  # whatever a plug-in raises may hold the value
        raise Defect(operator=f"the mask {column.mask.choice.kind} failed: {type(fault).__name__}") from None
    if len(shown) != len(known) or not all(text is None or isinstance(text, str) for text in shown):
        raise Defect(operator=f"the mask {column.mask.choice.kind} gave no column of text")
    texts = iter(shown)
    return [None if cell is None else next(texts) for cell in cells]
