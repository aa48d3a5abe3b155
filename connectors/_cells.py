"""Cells of foreign systems -> cells of exactly the promised type.

What does not fit raises NotPromised, whose text says what kind of fault it is and never the cell. Shared by all
connectors, so that a numeric or a timestamp means the same wherever it was stored:

- text: any text without U+0000;
- numeric: exact; at most 26 digits before and 12 after the point;
- date: `YYYY-MM-DD`; timestamp: `YYYY-MM-DD HH:MM:SS[.ffffff]`, blank or `T`, UTC: without a zone or with `Z`/`+00:00`.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import ROUND_FLOOR, Context, Decimal
from itertools import zip_longest
from types import NoneType
from typing import Any, Final, cast

from gateway.model.predicate import Comparator
from gateway.model.rows import Batch, ByColumns, Cell, Row

Reader = Callable[[object], Cell]
"""Turns one non-NULL cell into its promised type, or raises NotPromised."""

DECIMAL = r"-?[0-9]{1,26}(\.[0-9]{1,12})?"
DATE = r"[0-9]{4}-[0-9]{2}-[0-9]{2}"
TIMESTAMP = r"[0-9]{4}-[0-9]{2}-[0-9]{2}[T ]([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\.[0-9]{1,6})?(Z|\+00:00)?"
_DECIMAL, _DATE, _TIMESTAMP = (re.compile(pattern, re.ASCII) for pattern in (DECIMAL, DATE, TIMESTAMP))
_TEXT_OR_NULL = frozenset({str, NoneType})
EXACT = Context(prec=80)
QUOTIENT = Context(prec=28)  # the same digits as Python's default context, whatever the thread's is


class NotPromised(Exception):
    """The source answered with what the catalogue does not promise; the text holds no values."""


@dataclass(frozen=True, slots=True)
class Grid:
    """The numbers a type can hold: whole multiples of 10**exponent between low and high."""

    low: Decimal
    high: Decimal
    exponent: int


INTEGERS = Grid(Decimal(-(2**63)), Decimal(2**63 - 1), 0)
NUMERICS = Grid(-Decimal(10**26) + Decimal(1).scaleb(-12), Decimal(10**26) - Decimal(1).scaleb(-12), -12)


def fit(comparator: Comparator, value: Decimal, grid: Grid) -> tuple[Comparator, Decimal] | bool:
    """The same comparison with a value on the grid; or a truth, where it is the same for every number there."""
    is_lower = comparator in (Comparator.LT, Comparator.LTE)
    if value > grid.high:
        return is_lower or comparator is Comparator.NEQ
    if value < grid.low:
        return not is_lower and comparator is not Comparator.EQ
    floor = value.quantize(Decimal(1).scaleb(grid.exponent), rounding=ROUND_FLOOR, context=EXACT)
    if floor == value:
        return comparator, floor
    if comparator in (Comparator.EQ, Comparator.NEQ):
        return comparator is Comparator.NEQ
    return (Comparator.LTE if is_lower else Comparator.GT), floor


def fit_all(values: Sequence[Decimal], grid: Grid) -> list[Decimal]:
    """Those of the values that are on the grid."""
    fits = (fit(Comparator.EQ, value, grid) for value in values)
    return [found[1] for found in fits if not isinstance(found, bool)]


def plain(value: Decimal) -> Decimal:
    """The same number without trailing zeros after the point and without an exponent."""
    if value == value.to_integral_value(context=EXACT):
        return Decimal(int(value))
    return value.normalize(EXACT)


def read_text(cell: object) -> str:
    """A text without U+0000."""
    if type(cell) is not str or "\x00" in cell:
        raise NotPromised("a cell is no text")
    return cell


def read_integer(cell: object) -> int:
    """A whole number."""
    if type(cell) is not int:
        raise NotPromised("a cell is no integer")
    return cell


def read_whole(cell: object) -> int:
    """A whole number, or a decimal without decimals."""
    if type(cell) is Decimal:
        if not cell.is_finite() or cell.adjusted() > 20 or cell != cell.to_integral_value():
            raise NotPromised("a cell is no integer")
        return int(cell)
    return read_integer(cell)


def read_flag(cell: object) -> bool:
    """A boolean, or 0 or 1."""
    if type(cell) is int and cell in (0, 1):
        return cell == 1
    return read_boolean(cell)


def read_boolean(cell: object) -> bool:
    """A boolean."""
    if type(cell) is not bool:
        raise NotPromised("a cell is no boolean")
    return cell


def read_numeric(cell: object) -> Decimal:
    """A Decimal, an integer or their text, as written."""
    if type(cell) is str:
        if _DECIMAL.fullmatch(cell) is None:
            raise NotPromised("a cell is no numeric")
        return Decimal(cell)
    if type(cell) is int:
        return in_numerics(Decimal(cell))
    if type(cell) is Decimal:
        return in_numerics(cell)
    raise NotPromised("a cell is no exact numeric")


def in_numerics(value: Decimal) -> Decimal:
    """The number, if it is within the digits that a numeric may have."""
    if not value.is_finite() or abs(value.adjusted()) > 40 or isinstance(fit(Comparator.EQ, value, NUMERICS), bool):
        raise NotPromised("a numeric has too many digits")
    return plain(value) if value.as_tuple().exponent not in range(-12, 1) else value


def read_sum(cell: object) -> Decimal:
    """A sum of numerics: exact, perhaps with more digits than a numeric has."""
    if type(cell) not in (str, int, Decimal):
        raise NotPromised("a sum is not exact")
    value = Decimal(cell)  # type: ignore[arg-type]  # one of the three
    if not value.is_finite():
        raise NotPromised("a sum is no number")
    return plain(value)


def read_integer_sum(cell: object) -> int:
    """A sum of integers."""
    value = read_sum(cell)
    if value != value.to_integral_value(context=EXACT):
        raise NotPromised("a sum of integers is no integer")
    return int(value)


def read_date(cell: object) -> date:
    """A date or its ISO text."""
    if type(cell) is date:
        return cell
    if type(cell) is str and _DATE.fullmatch(cell):
        try:
            return date.fromisoformat(cell)
        except ValueError:
            pass
    raise NotPromised("a cell is no date")


def read_timestamp(cell: object) -> datetime:
    """A timestamp in UTC, or its ISO text; aware."""
    if type(cell) is str and _TIMESTAMP.fullmatch(cell):
        try:
            return datetime.fromisoformat(cell).replace(tzinfo=UTC)
        except ValueError:
            pass
    if type(cell) is datetime:
        return cell.replace(tzinfo=UTC) if cell.tzinfo is None else cell.astimezone(UTC)
    raise NotPromised("a cell is no timestamp in UTC")


_AS_THEY_ARE: Final[Mapping[Reader, frozenset[type]]] = {
    read_integer: frozenset({int, NoneType}),
    read_whole: frozenset({int, NoneType}),
    read_boolean: frozenset({bool, NoneType}),
    read_date: frozenset({date, NoneType}),
}
"""Cells of exactly these types are given back as they are."""
FEW: Final = 2  # rows that are read sooner cell by cell than by columns
_OF_ONE_TYPE: Final[Mapping[Reader, type]] = {
    read_text: str,
    read_integer: int,
    read_whole: int,
    read_boolean: bool,
    read_date: date,
}
"""What these readers give back as it is, but for texts with U+0000."""
TypedReader = tuple[Reader, type | None]
"""A reader, and the type whose cells need not be read."""


def with_types(readers: Sequence[Reader]) -> tuple[TypedReader, ...]:
    """For `few_rows`."""
    return tuple([(reader, _OF_ONE_TYPE.get(reader)) for reader in readers])


def few_rows(rows: Sequence[Sequence[object]], readers: Sequence[TypedReader]) -> Batch:
    """The same as `typed_rows`, cell by cell: sooner for a row or two."""
    found: list[Any] = [
        tuple(
            [
                cell
                if cell is None or (type(cell) is kind and (type(cell) is not str or "\x00" not in cell))
                else reader(cell)
                for (reader, kind), cell in zip(readers, row, strict=False)
            ]
        )
        for row in rows
    ]
    return found


def typed_rows(rows: Sequence[Sequence[object]], readers: Sequence[Reader]) -> Batch:
    """Read column by column; NULL stays NULL, columns without a reader are left out. Raises NotPromised."""
    if len(rows) <= FEW or not readers:
        return few_rows(rows, with_types(readers))
    columns = zip_longest(*rows)
    return ByColumns(
        [typed_column(column, reader) for reader, column in zip(readers, columns, strict=False)], len(rows)
    )


def typed_column(column: Sequence[object], reader: Reader) -> Sequence[Cell]:
    """One column of them."""
    if reader is read_text and _TEXT_OR_NULL.issuperset(map(type, column)):
        texts = cast("Sequence[str | None]", column)
        if "\x00" not in "".join(filter(None, texts)):  # all of them at once
            return texts
    promised = _AS_THEY_ARE.get(reader)
    if promised is not None and promised.issuperset(map(type, column)):
        return cast("Sequence[Cell]", column)
    return [None if cell is None else reader(cell) for cell in column]


def divided(rows: Batch, averages: frozenset[int]) -> Batch:
    """Sum and count, side by side from each of the positions on, become their quotient (28 digits, half even)."""
    if not averages:
        return rows
    return [_divided(row, averages) for row in rows]


def _divided(row: Row, averages: frozenset[int]) -> Row:
    cells: list[Cell] = []
    source = iter(row)
    for at in range(len(row) - len(averages)):
        cell = next(source)
        cells.append(_average(cell, next(source)) if at in averages else cell)
    return tuple(cells)


def _average(total: Cell, count: Cell) -> Decimal | None:
    if total is None or not isinstance(count, int) or not isinstance(total, int | Decimal):
        return None
    return QUOTIENT.divide(Decimal(total), Decimal(count))
