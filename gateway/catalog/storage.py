"""A value of the catalogue <-> the cell that a source keeps. Pure; NULL (None) stays None.

Unlisted codes: a source's code list grows before the catalogue hears of it, and one new code must not take a whole
dataset away. So a code that the catalogue doesn't list stands for itself, both ways. Only where that would be
ambiguous (the source holds, as a code, a text that is another code's value) is the cell refused.
"""

import re
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from types import NoneType

from gateway.model.catalog import Field, FieldType, Storage
from gateway.model.json_value import Json
from gateway.model.predicate import Scalar
from gateway.model.range_value import Range, range_of
from gateway.model.rows import Cell

_EIGHT_DIGITS = re.compile(r"[0-9]{8}")
_FLAGS: dict[Storage, dict[str, bool]] = {
    Storage.FLAG_YN: {"Y": True, "N": False},
    Storage.FLAG_01: {"1": True, "0": False},
}
_AS_THEY_ARE: dict[FieldType, frozenset[type]] = {
    FieldType.TEXT: frozenset({str, NoneType}),
    FieldType.INTEGER: frozenset({int, NoneType}),
    FieldType.BOOLEAN: frozenset({bool, NoneType}),
    FieldType.DATE: frozenset({date, NoneType}),
}
"""Cells of exactly these types are values already."""
_NONE: frozenset[type] = frozenset()
_MOST_FEN = 2**63
_STORED = {
    Storage.DATE_YYYYMMDD: FieldType.TEXT,
    Storage.FEN: FieldType.INTEGER,
    Storage.FLAG_YN: FieldType.TEXT,
    Storage.FLAG_01: FieldType.TEXT,
}


def stored_type(field: Field) -> FieldType:
    """The type of the column at the source: what its connector must return."""
    return _STORED.get(field.storage, field.type)


def keeps_order(field: Field) -> bool:
    """Whether stored values sort and compare as the catalogue's do (eight digits and fen do; flags and codes don't).

    JSON, arrays and ranges are sorted by the gateway: within them, engines compare text by their own rules.
    """
    return field.type.is_scalar and not field.codes and field.storage not in _FLAGS


def keeps_text(field: Field) -> bool:
    """Whether the stored text is the catalogue's text, so that `like` and `under` mean the same at the source."""
    return field.type is FieldType.TEXT and field.storage is Storage.NATIVE and not field.codes


def encode(value: Scalar, field: Field) -> Scalar:
    """The stored form of a catalogue value; raises ValueError where no cell could decode to it."""
    checked = _checked(value, field.type, field)
    match field.storage:
        case Storage.DATE_YYYYMMDD if isinstance(checked, date):
            return f"{checked.year:04}{checked.month:02}{checked.day:02}"
        case Storage.FEN if isinstance(checked, Decimal):
            return _fen(checked, field)
        case Storage.FLAG_YN | Storage.FLAG_01:
            return next(flag for flag, truth in _FLAGS[field.storage].items() if truth is checked)
        case Storage.NATIVE:
            return _code(checked, field) if isinstance(checked, str) and field.codes else checked
        case _:
            raise _unfit(field)


def encode_column(values: tuple[Scalar, ...], field: Field) -> tuple[Scalar, ...]:
    """The stored forms of many catalogue values; without those that no cell could decode to."""
    if as_they_are(field).issuperset(map(type, values)):
        return values
    return tuple(_stored_forms(values, field))


def _stored_forms(values: tuple[Scalar, ...], field: Field) -> Iterator[Scalar]:
    for value in values:
        try:
            yield encode(value, field)
        except ValueError:
            continue


def decode(cell: Cell, field: Field) -> Cell:
    """The catalogue value of a stored cell; an unlisted code decodes to itself.

    Raises ValueError, which never holds the value, on what the catalogue doesn't promise.
    """
    if cell is None:
        return None
    stored = _checked(cell, stored_type(field), field)
    match field.storage:
        case Storage.DATE_YYYYMMDD if isinstance(stored, str):
            if not _EIGHT_DIGITS.fullmatch(stored):
                raise _unfit(field)
            return _date(stored, field)
        case Storage.FEN if isinstance(stored, int) and abs(stored) < _MOST_FEN:
            return Decimal(stored).scaleb(-2)
        case Storage.FLAG_YN | Storage.FLAG_01 if isinstance(stored, str):
            if stored not in _FLAGS[field.storage]:
                raise _unfit(field)
            return _FLAGS[field.storage][stored]
        case Storage.NATIVE:
            return _value(stored, field) if isinstance(stored, str) and field.codes else stored
        case _:
            raise _unfit(field)


def as_they_are(field: Field) -> frozenset[type]:
    """The types whose cells are values of the field already; none where all have to be decoded."""
    return _AS_THEY_ARE.get(field.type, _NONE) if field.storage is Storage.NATIVE and not field.codes else _NONE


def decode_column(cells: Sequence[Cell], field: Field) -> Sequence[Cell]:
    """The same for many cells of one field; raises as `decode`."""
    return cells if as_they_are(field).issuperset(map(type, cells)) else [decode(cell, field) for cell in cells]


def _fen(yuan: Decimal, field: Field) -> int:
    # exact: Decimal's own arithmetic would round to the context's 28 digits
    if yuan and not -10 < yuan.adjusted() < 17:
        raise _unfit(field)
    above, below = yuan.as_integer_ratio()
    fen, rest = divmod(above * 100, below)
    if rest:
        raise _unfit(field)
    return fen


def _code(value: str, field: Field) -> str:
    for code, listed in field.codes.items():
        if listed == value:
            return code
    if value in field.codes:  # a listed code never stands for itself
        raise _unfit(field)
    return value


def _value(code: str, field: Field) -> str:
    listed = field.codes.get(code)
    if listed is not None:
        return listed
    if code in field.codes.values():
        raise _unfit(field)
    return code


def _date(digits: str, field: Field) -> date:
    try:
        return date(int(digits[:4]), int(digits[4:6]), int(digits[6:]))
    except ValueError:
        raise _unfit(field) from None


def _checked(value: Scalar, kind: FieldType, field: Field) -> Scalar:
    """The value, if it has exactly the Python type of `kind` (an int will do for a numeric)."""
    match kind:
        case FieldType.TEXT if isinstance(value, str):
            return value
        case FieldType.INTEGER if isinstance(value, int) and not isinstance(value, bool):
            return value
        case FieldType.NUMERIC if isinstance(value, Decimal) and value.is_finite():
            return value
        case FieldType.NUMERIC if isinstance(value, int) and not isinstance(value, bool):
            return Decimal(value)
        case FieldType.BOOLEAN if isinstance(value, bool):
            return value
        case FieldType.DATE if isinstance(value, date) and not isinstance(value, datetime):
            return value
        case FieldType.TIMESTAMP if isinstance(value, datetime) and value.utcoffset() is not None:
            return value.astimezone(UTC)
        case FieldType.JSON if isinstance(value, Json):
            return value
        case _ if kind.element is not None and isinstance(value, tuple):
            return tuple(None if one is None else _checked(one, kind.element, field) for one in value)  # type: ignore[misc]  # plain elements
        case _ if kind.bound is not None and isinstance(value, Range):
            return _checked_range(value, kind.bound, field)
        case _:
            raise _unfit(field)


def _checked_range(value: Range, bound: FieldType, field: Field) -> Range:
    low, high = (None if end is None else _checked(end, bound, field) for end in (value.low, value.high))
    return value if value.is_empty else range_of(low, high, value.bounds)  # type: ignore[arg-type]  # bounds still


def _unfit(field: Field) -> ValueError:
    return ValueError(f"a value is no {field.type.value} as the catalogue describes the field {field.name}")
