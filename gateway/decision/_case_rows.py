"""Example rows as an officer wrote them -> catalogue values, and which fields a row filter reads."""

from collections.abc import Mapping
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from gateway.model.catalog import Field, FieldType
from gateway.model.ids import FieldName
from gateway.model.predicate import AllOf, AnyOf, Exists, Not, Predicate
from gateway.model.rows import Cell

_WRITE = {
    FieldType.TEXT: 'a text in quotes: "330102001002"',
    FieldType.INTEGER: "a whole number",
    FieldType.NUMERIC: "a number",
    FieldType.BOOLEAN: "true or false",
    FieldType.DATE: "a date: 2026-01-31",
    FieldType.TIMESTAMP: "a time: 2026-01-31T08:00:00Z",
}


def read_cell(field: Field, told: Any) -> Cell:  # noqa: ANN401 - whatever the file says
    """The value of one field, null for none; raises ValueError with a sentence that doesn't repeat the value."""
    if told is None:
        return None
    cell = _typed(field.type, told)
    if cell is None:
        write = _WRITE.get(field.type, "null: no condition reads such a value")
        msg = f"the value of `{field.name}` is no {field.type.value}: write {write}"
        raise ValueError(msg)
    if field.codes and cell not in field.codes.values():
        msg = f"`{field.name}` never has that value: write one of {', '.join(field.codes.values())}"
        raise ValueError(msg)
    return cell


def _typed(kind: FieldType, told: Any) -> Cell:  # noqa: ANN401
    """None where it can't have the type."""
    try:
        match kind:
            case FieldType.TEXT:
                return told if isinstance(told, str) else None
            case FieldType.BOOLEAN:
                return told if isinstance(told, bool) else None
            case FieldType.INTEGER:
                return told if isinstance(told, int) and not isinstance(told, bool) else None
            case FieldType.NUMERIC:
                return (
                    Decimal(str(told)) if isinstance(told, int | float | str) and not isinstance(told, bool) else None
                )
            case FieldType.DATE:
                found = told if isinstance(told, date) else date.fromisoformat(str(told))
                return None if isinstance(found, datetime) else found
            case FieldType.TIMESTAMP:
                moment = told if isinstance(told, datetime) else datetime.fromisoformat(str(told))
                return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
            case _:
                return None
    except (ValueError, InvalidOperation):
        return None


def unsaid(predicate: Predicate, row: Mapping[FieldName, Cell]) -> FieldName | None:
    """A field that the predicate reads and the row says nothing of; None where there is none."""
    match predicate:
        case AllOf(terms) | AnyOf(terms):
            return next((name for name in (unsaid(term, row) for term in terms) if name is not None), None)
        case Not(term):
            return unsaid(term, row)
        case Exists():
            return None
        case _:
            return predicate.field if predicate.field not in row else None
