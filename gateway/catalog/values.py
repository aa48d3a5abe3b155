"""What a value becomes: another type, the value at a JSON path, text, JSON. Pure; NULL (None) stays None.

Meanings are PostgreSQL's. A value that can't be cast raises a ValueError that never holds it.
"""

import re
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import ROUND_HALF_UP, Context, Decimal
from typing import Any, Final

import orjson

from gateway.model.catalog import Field, FieldType
from gateway.model.json_value import Json, JsonStep, Tree, step_into
from gateway.model.range_value import Range
from gateway.model.rows import Cell
from gateway.model.value_text import write_value

_CASTS: Final[dict[str, FieldType]] = {
    **dict.fromkeys(("int", "int2", "int4", "int8", "smallint", "integer", "bigint"), FieldType.INTEGER),
    **dict.fromkeys(("text", "varchar", "character varying"), FieldType.TEXT),
    **dict.fromkeys(("numeric", "decimal", "real", "float4", "float8", "float", "double precision"), FieldType.NUMERIC),
    **dict.fromkeys(("bool", "boolean"), FieldType.BOOLEAN),
    "date": FieldType.DATE,
    **dict.fromkeys(
        ("timestamp", "timestamptz", "timestamp with time zone", "timestamp without time zone"), FieldType.TIMESTAMP
    ),
    **dict.fromkeys(("json", "jsonb"), FieldType.JSON),
}
_EXACT: Final = Context(prec=1000)
_INTEGER: Final = re.compile(r"[+-]?[0-9]{1,19}", re.ASCII)
_NUMERIC: Final = re.compile(r"[+-]?([0-9]{1,26}(\.[0-9]{0,12})?|\.[0-9]{1,12})", re.ASCII)
_DATE: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)
_TIMESTAMP: Final = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,6})?)?(Z|[+-][0-9]{2}(:[0-9]{2})?)?", re.ASCII
)
_TRUE: Final = {"t", "tr", "tru", "true", "y", "ye", "yes", "on", "1"}
_FALSE: Final = {"f", "fa", "fal", "fals", "false", "n", "no", "of", "off", "0"}
_BLANKS: Final = " \t\n\r\v\f"


def read_cast(text: str) -> FieldType | None:
    """The type that a cast names; None for a name that is not known."""
    return _CASTS.get(text)


def cast_cell(cell: Cell, field_type: FieldType) -> Cell:
    """The value as another type; raises ValueError where it can't be."""
    if cell is None:
        return None
    if isinstance(cell, Json) and field_type not in {FieldType.JSON, FieldType.TEXT}:
        if cell.tree is None:
            return None
        cell = _of_json(cell.tree, field_type)
    match field_type:
        case FieldType.TEXT:
            return {True: "true", False: "false"}[cell] if isinstance(cell, bool) else text_of(cell)
        case FieldType.INTEGER:
            return _integer(cell)
        case FieldType.NUMERIC:
            return _numeric(cell)
        case FieldType.BOOLEAN:
            return _boolean(cell)
        case FieldType.DATE:
            return _date(cell)
        case FieldType.TIMESTAMP:
            return _timestamp(cell)
        case FieldType.JSON if isinstance(cell, Json):
            return cell
        case FieldType.JSON if isinstance(cell, str):
            return Json(cell)
        case _:
            raise _unfit(field_type)


def cell_at(cell: Cell, path: tuple[JsonStep, ...]) -> Cell:
    """What a JSON value has at the path: JSON, or text where the last step says so; None where there is nothing."""
    if not path:
        return cell
    if not isinstance(cell, Json):
        return None
    tree: Tree = cell.tree
    for step in path:
        is_there, tree = step_into(tree, step.key)
        if not is_there:
            return None
    if not path[-1].as_text:
        return Json.of(tree)
    if tree is None or isinstance(tree, str):
        return tree
    return Json.of(tree).text


def field_at(field: Field, path: tuple[JsonStep, ...]) -> Field:
    """The field as what it has at the path: JSON after `->`, text after `->>`."""
    if not path:
        return field
    return replace(field, type=FieldType.TEXT if path[-1].as_text else FieldType.JSON)


def text_of(cell: Cell) -> str:
    """The text form, as CSV shows it; NULL is empty."""
    return "" if cell is None else write_value(cell)


def json_of(cell: Cell) -> Any:  # noqa: ANN401  # whatever orjson writes as the JSON of the cell
    """What orjson writes as the cell's JSON: exact numbers, arrays as arrays, ranges as their text."""
    match cell:
        case Decimal():
            return orjson.Fragment(format(cell, "f").encode())
        case Json():
            return orjson.Fragment(cell.text.encode())
        case int() if not isinstance(cell, bool) and not -(2**63) <= cell < 2**64:
            return orjson.Fragment(str(cell).encode())
        case Range():
            return text_of(cell)
        case tuple():
            return [json_of(element) for element in cell]
        case _:
            return cell


# ---------------------------------------------------------------------- casts
def _of_json(tree: Tree, field_type: FieldType) -> str | Decimal | bool:
    """A JSON number is cast to numbers, a truth to a boolean; a text never (take it with `->>`)."""
    if isinstance(tree, bool) and field_type is FieldType.BOOLEAN:
        return tree
    if isinstance(tree, Decimal) and field_type in {FieldType.INTEGER, FieldType.NUMERIC}:
        return tree
    raise _unfit(field_type)


def _integer(cell: Cell) -> int:
    number: int | None = None
    if isinstance(cell, int):
        number = int(cell)
    elif isinstance(cell, Decimal) and cell.is_finite() and cell.adjusted() < 20:
        number = int(cell.to_integral_value(rounding=ROUND_HALF_UP, context=_EXACT))
    elif isinstance(cell, str) and _INTEGER.fullmatch(text := cell.strip(_BLANKS)):
        number = int(text)
    if number is None or not -(2**63) <= number < 2**63:
        raise _unfit(FieldType.INTEGER)
    return number


def _numeric(cell: Cell) -> Decimal:
    if isinstance(cell, Decimal) and cell.is_finite():
        return cell
    if isinstance(cell, int) and not isinstance(cell, bool):
        return Decimal(cell)
    if isinstance(cell, str) and _NUMERIC.fullmatch(text := cell.strip(_BLANKS)):
        return Decimal(text)
    raise _unfit(FieldType.NUMERIC)


def _boolean(cell: Cell) -> bool:
    if isinstance(cell, bool):
        return cell
    if isinstance(cell, int):
        return cell != 0
    if isinstance(cell, str):
        word = cell.strip(_BLANKS).lower()
        if word in _TRUE:
            return True
        if word in _FALSE:
            return False
    raise _unfit(FieldType.BOOLEAN)


def _date(cell: Cell) -> date:
    if isinstance(cell, datetime):
        return cell.astimezone(UTC).date()
    if isinstance(cell, date):
        return cell
    if isinstance(cell, str):
        text = cell.strip(_BLANKS)
        if _DATE.fullmatch(text) or _TIMESTAMP.fullmatch(text):
            try:
                datetime.fromisoformat(text)
                return date.fromisoformat(text[:10])  # PostgreSQL drops the time as it is written
            except ValueError:
                pass
    raise _unfit(FieldType.DATE)


def _timestamp(cell: Cell) -> datetime:
    if isinstance(cell, datetime):
        return cell
    if isinstance(cell, date):
        return datetime(cell.year, cell.month, cell.day, tzinfo=UTC)
    if isinstance(cell, str):
        text = cell.strip(_BLANKS)
        if _DATE.fullmatch(text) or _TIMESTAMP.fullmatch(text):
            try:
                moment = datetime.fromisoformat(text)
                return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
            except (ValueError, OverflowError):
                pass
    raise _unfit(FieldType.TIMESTAMP)


def _unfit(field_type: FieldType) -> ValueError:
    return ValueError(f"a value can't be cast to {field_type.value}")
