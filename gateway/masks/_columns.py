"""SqlForm -> function of an Arrow array: the form's third reading, beside SQL and the kernel of one text.

Shapes are of ASCII characters, so a text has one only if it has its length in bytes: texts are gathered by length into
matrices, and each position is looked at for all of them at once.
"""

from collections.abc import Callable
from functools import cache
from typing import Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from gateway.masks._octets import Texts, constant, pieced, text_array
from gateway.model.sqlform import Concat, Constant, IfShape, Left, Right, Shape, SqlForm
from gateway.spi import Octets

_ROWS: Final = 4_096  # looked at together, so that they stay in the processor's cache
_MOST_SHAPES: Final = 64  # of one length, a bit each
Rule = tuple[tuple[Shape, ...], SqlForm]


@cache
def columns_of(form: SqlForm) -> Callable[[pa.Array], pa.Array] | None:
    """The function; None for a form that passes on text whose shape it doesn't know, or gives NULL for some."""
    rules: list[Rule] = []
    while isinstance(form, IfShape):
        rules.append((form.shapes, form.then))
        form = form.otherwise
    if not isinstance(form, Constant) or form.value is None:
        return None
    hidden = form.value
    lengths = sorted({len(shape.positions) for shapes, _ in rules for shape in shapes})
    by_length = {length: _of_length(rules, length) for length in lengths}
    if not all(_is_fixed(then) for _, then in rules) or any(
        len(shapes) > _MOST_SHAPES for of_length in by_length.values() for shapes, _ in of_length
    ):
        return None
    return lambda array: _masked(array, by_length, hidden)


def _of_length(rules: list[Rule], length: int) -> list[Rule]:
    kept = [(tuple(shape for shape in shapes if len(shape.positions) == length), then) for shapes, then in rules]
    return [(shapes, then) for shapes, then in kept if shapes]


def _is_fixed(form: SqlForm) -> bool:
    match form:
        case Constant(value):
            return value is not None
        case Left() | Right():
            return True
        case Concat(parts):
            return all(_is_fixed(part) for part in parts)
        case _:
            return False


def _masked(array: pa.Array, by_length: dict[int, list[Rule]], hidden: str) -> pa.Array:
    texts = Texts.of(array)
    lengths = texts.lengths
    count = len(lengths)
    pieces: list[tuple[NDArray[np.int64] | None, Octets]] = []
    for length, rules in by_length.items():
        has_length = lengths == length
        of_length = int(np.count_nonzero(has_length))
        if not of_length:
            continue
        if of_length == count:
            places, rows = None, texts.of_length(length)
        else:
            places = np.flatnonzero(has_length)
            rows = Texts.of(array.take(pa.array(places))).of_length(length)
        for shapes, then in rules:
            fits = fits_shape(rows, shapes)
            if fits.all():
                pieces.append((places, _written(then, rows)))
                break
            chosen = np.flatnonzero(fits)
            if len(chosen):
                own = chosen if places is None else places[chosen]
                pieces.append((own, _written(then, rows[chosen])))
            left = np.flatnonzero(~fits)
            places, rows = (left if places is None else places[left]), rows[left]
    return _put_together(count, pieces, hidden)


def _put_together(count: int, pieces: list[tuple[NDArray[np.int64] | None, Octets]], hidden: str) -> pa.Array:
    if not pieces:
        return constant(hidden, count)
    width = pieces[0][1].shape[1]
    if sum(len(rows) for _, rows in pieces) < count or any(rows.shape[1] != width for _, rows in pieces):
        return pieced(count, [(places, text_array(rows)) for places, rows in pieces], hidden)
    whole = np.empty((count, width), np.uint8)
    row = np.dtype((np.void, width))  # all texts are as long: they are put where they belong without any offsets
    for places, rows in pieces:
        if places is None:
            return text_array(rows)
        whole.view(row)[places] = np.ascontiguousarray(rows).view(row)
    return text_array(whole)


def fits_shape(rows: Octets, shapes: tuple[Shape, ...]) -> NDArray[np.bool_]:
    """Which rows have one of the shapes; these are as long as the rows and at most 64."""
    length = rows.shape[1]
    fits = np.ones(len(rows), np.bool_)
    sets = [{shape.positions[at] for shape in shapes} for at in range(length)]
    ranges = [_range_of(next(iter(one))) if len(one) == 1 else None for one in sets]
    if any(one is not None for one in ranges):
        _fits_ranges(rows, ranges, fits)
    bits = np.min_scalar_type(2 ** len(shapes) - 1)
    remaining: NDArray[np.unsignedinteger] | None = None
    for at in (at for at in range(length) if ranges[at] is None):
        allowed = np.zeros(256, bits)
        for number, shape in enumerate(shapes):
            allowed[np.frombuffer(shape.positions[at].encode("ascii"), np.uint8)] |= bits.type(1 << number)
        here = np.take(allowed, rows[:, at], mode="clip")
        remaining = here if remaining is None else np.bitwise_and(remaining, here, out=remaining)
    return fits if remaining is None else fits & (remaining != 0)


def _range_of(allowed: str) -> tuple[int, int] | None:
    """First and last of characters that follow each other without a gap."""
    codes = sorted({ord(character) for character in allowed})
    return (codes[0], codes[-1]) if codes and codes[-1] - codes[0] == len(codes) - 1 else None


def _fits_ranges(rows: Octets, ranges: list[tuple[int, int] | None], fits: NDArray[np.bool_]) -> None:
    """Clear `fits` where a position is out of its range: all positions of many rows at once."""
    length = len(ranges)
    first = np.tile(np.array([low for low, _ in (one or (0, 255) for one in ranges)], np.uint8), _ROWS)
    span = np.tile(np.array([high - low for low, high in (one or (0, 255) for one in ranges)], np.uint8), _ROWS)
    flat = np.ascontiguousarray(rows).reshape(-1)
    for start in range(0, len(flat), _ROWS * length):
        block = flat[start : start + _ROWS * length]
        outside = np.subtract(block, first[: len(block)]) > span[: len(block)]
        if outside.any():
            fits[start // length + np.flatnonzero(outside) // length] = False


def _written(form: SqlForm, rows: Octets) -> Octets:
    """What the form gives of each row; it is fixed, so all are of one width."""
    if isinstance(form, Concat):
        # the whole row copied and its middle overstruck, where that is all the form does: one pass instead of three
        kept = _kept_in_place(form, rows.shape[1])
        if kept is not None:
            return _stamped(rows, kept)
        return np.concatenate([_written(part, rows) for part in form.parts], axis=1)
    if isinstance(form, Left):
        return rows[:, : form.count]
    if isinstance(form, Right):
        return rows[:, max(rows.shape[1] - form.count, 0) :]
    if isinstance(form, Constant) and form.value is not None:
        return np.broadcast_to(np.frombuffer(form.value.encode(), np.uint8), (len(rows), len(form.value.encode())))
    raise TypeError(type(form).__name__)  # columns_of refused it


def _kept_in_place(form: Concat, length: int) -> Octets | None:
    """What is written over each position (0: nothing) where every part stays at its place; else None."""
    stamp = np.zeros(length, np.uint8)
    at = 0
    for number, part in enumerate(form.parts):
        if isinstance(part, Left) and number == 0 and part.count <= length:
            at = part.count
        elif isinstance(part, Constant) and part.value is not None and part.value.isascii() and "\0" not in part.value:
            if at + len(part.value) > length:
                return None
            stamp[at : at + len(part.value)] = np.frombuffer(part.value.encode(), np.uint8)
            at += len(part.value)
        elif isinstance(part, Right) and at + part.count == length:
            at = length
        else:
            return None
    return stamp if at == length else None


def _stamped(rows: Octets, stamp: Octets) -> Octets:
    length = len(stamp)
    kept = np.tile(np.where(stamp == 0, np.uint8(255), np.uint8(0)), _ROWS)
    over = np.tile(stamp, _ROWS)
    flat = np.ascontiguousarray(rows).reshape(-1)
    written = np.empty_like(flat)
    for start in range(0, len(flat), _ROWS * length):
        end = min(start + _ROWS * length, len(flat))
        np.bitwise_and(flat[start:end], kept[: end - start], out=written[start:end])
        np.bitwise_or(written[start:end], over[: end - start], out=written[start:end])
    return written.reshape(rows.shape)
