"""Sketch -> the columns that the source is asked for, and how the answer is made of them. Pure.

Each field is fetched once, and only if the answer, the gateway's own work or the log needs it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from gateway.errors import Defect
from gateway.model.decision import Verdict
from gateway.model.ids import FieldName
from gateway.model.parts import fields_of
from gateway.model.plan import PlannedColumn, PlannedMask
from gateway.model.query import OutputColumn
from gateway.model.sqlform import SqlForm
from gateway.planning.masking import form_at_source, plan_mask
from gateway.planning.sketch import Sketch


@dataclass(frozen=True, slots=True, kw_only=True)
class Projection:
    """The raw columns by field, those that the source masks, and the answer's columns."""

    fields: tuple[FieldName, ...]
    forms: Mapping[FieldName, SqlForm]
    columns: tuple[PlannedColumn, ...]
    subject_index: int | None


def project(sketch: Sketch) -> Projection:
    """The answer's columns in their order; `raw_index` as PlannedColumn says."""
    dataset = sketch.bound.dataset
    needed = _needed_raw(sketch)
    own = [column for column in sketch.columns if column.taken_from is None]
    keys = [column.field for column in own if column.field is not None and column.aggregate is None]
    names = tuple(dict.fromkeys([*keys, *needed]))
    if not names and (sketch.groups_here or not sketch.is_aggregate):
        names = (*dataset.key, *dataset.fields)[:1]  # rows that are only counted have a column all the same
    forms = {name: form for name in keys if name not in needed and (form := _form(sketch, name)) is not None}
    aggregates = [column for column in sketch.columns if column.aggregate is not None]
    hidden = len(sketch.embedding.key) if sketch.is_aggregate else 0
    columns = []
    for at, column in enumerate(sketch.columns):
        if column.embed is not None or column.taken_from is not None:
            columns.append(_embedded(column, at))
            continue
        if column.aggregate is not None:
            raw_index = len(names) + aggregates.index(column)
        elif column.field is not None:
            raw_index = names.index(column.field)
        else:
            raise Defect(operator="a column without field or aggregate")
        is_masked_there = column.aggregate is None and column.field in forms
        if column.aggregate is None and at >= len(sketch.columns) - hidden:
            columns.append(_hidden_key(sketch, column, at if sketch.groups_here else raw_index))
            continue
        planned = _planned(sketch, column, at if sketch.groups_here else raw_index)
        if is_masked_there and planned.mask is not None:
            planned = replace(planned, mask=replace(planned.mask, at_source=True))
        columns.append(planned)
    subject = None if sketch.is_aggregate else dataset.subject
    return Projection(
        fields=names,
        forms=forms,
        columns=tuple(columns),
        subject_index=None if subject is None else names.index(subject),
    )


def _planned(sketch: Sketch, column: OutputColumn, raw_index: int) -> PlannedColumn:
    field = sketch.bound.dataset.fields[column.field] if column.field is not None else None
    verdict = Verdict.ALLOW if field is None else sketch.decision.fields[field.name].verdict
    mask = None if column.aggregate is not None or field is None else _mask(sketch, field.name)
    return PlannedColumn(
        name=column.name,
        field=field,
        raw_index=raw_index,
        aggregate=column.aggregate,
        verdict=verdict,
        mask=mask,
        path=column.path,
        cast=column.cast,
        result_cast=column.result_cast,
    )


def _embedded(column: OutputColumn, at: int) -> PlannedColumn:
    """What is shown of an embed, or taken from one: its field is known when that is planned."""
    return PlannedColumn(
        name=column.name,
        field=None,
        raw_index=at,
        aggregate=column.aggregate,
        verdict=Verdict.ALLOW,
        mask=None,
        path=column.path,
        cast=column.cast,
        result_cast=column.result_cast,
        embed=column.embed,
        taken_from=column.taken_from,
    )


def _hidden_key(sketch: Sketch, column: OutputColumn, raw_index: int) -> PlannedColumn:
    """The key by which groups find the rows that they belong to: raw, and never part of the answer."""
    field = sketch.bound.dataset.fields[column.field] if column.field is not None else None
    return PlannedColumn(
        name="",
        field=field,
        raw_index=raw_index,
        aggregate=None,
        verdict=Verdict.ALLOW,
        mask=None,
        is_hidden=True,
    )


def _mask(sketch: Sketch, name: FieldName) -> PlannedMask | None:
    return plan_mask(sketch.bound.dataset.fields[name], sketch.decision.fields[name], sketch.bound.catalog)


def _form(sketch: Sketch, name: FieldName) -> SqlForm | None:
    mask = _mask(sketch, name)
    if mask is None or not sketch.capabilities.can_mask:
        return None
    return form_at_source(mask, sketch.bound.dataset.fields[name])


def _needed_raw(sketch: Sketch) -> tuple[FieldName, ...]:
    """Fields whose raw values the gateway itself works with: their masks can't be left to the source."""
    needed: list[FieldName] = []
    if sketch.groups_here:
        own = [column for column in sketch.columns if column.taken_from is None]
        needed += [column.field for column in own if column.field is not None]
    for term in sketch.filters.residual:
        needed += fields_of(term)
    for term in sketch.embedded:
        needed += fields_of(term)
    if sketch.orders_here:
        needed += [term.field for term in sketch.bound.order if term.embed is None]
    needed += [*sketch.embedding.key, *sketch.embedding.raw]
    if not sketch.is_aggregate and sketch.bound.dataset.subject is not None:
        needed.append(sketch.bound.dataset.subject)
    return tuple(needed)
