"""What a cell compares and sorts by: arrays and ranges as PostgreSQL compares them, JSON as `jsonb`. Pure."""

from typing import Any

from gateway.model.json_value import Json
from gateway.model.range_value import Range
from gateway.model.rows import Cell


def sort_key(cell: Cell) -> Any:  # noqa: ANN401  # keys of one field's cells compare with each other
    """A key that is equal and ordered as the cells of one field are; text by code point."""
    match cell:
        case Json() | Range():
            return cell.key
        case tuple():
            # a NULL in an array is equal to another and comes after every value
            return tuple((1,) if element is None else (0, element) for element in cell)
        case _:
            return cell
