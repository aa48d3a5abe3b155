"""Disclosures, batch by batch -> the bytes of NDJSON, CSV or an Arrow stream. No row is kept."""

import csv
import io
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from gateway.disclosure.render import csv_column, json_bytes, stripped
from gateway.errors import Defect, NotAcceptable
from gateway.model.plan import ReadPlan
from gateway.model.query import MediaType
from gateway.model.rows import Disclosure, Shown, columns_of_rows


class BatchWriter(Protocol):
    """Writes one answer. The bytes of all calls, joined, are the answer."""

    def batch(self, disclosure: Disclosure) -> bytes:
        """The next rows, with whatever the format wants before the first."""
        ...

    def end(self) -> bytes:
        """What the format wants after the last."""
        ...


def writer_of(media_type: MediaType, plan: ReadPlan) -> BatchWriter:
    """The writer; raises NotAcceptable where the library for Arrow is not installed."""
    match media_type:
        case MediaType.NDJSON:
            return _Lines(strips_nulls=plan.bound.strips_nulls)
        case MediaType.CSV:
            return _Table()
        case MediaType.ARROW:
            try:
                from gateway.disclosure.arrow import ArrowWriter
            except ImportError:
                raise NotAcceptable(offered=", ".join(one for one in MediaType if one != MediaType.ARROW)) from None
            return ArrowWriter(plan)
        case _:
            raise Defect(operator=f"{media_type} is not written in batches")


class _Lines:
    """One JSON object a line."""

    def __init__(self, *, strips_nulls: bool) -> None:
        self._strips_nulls = strips_nulls

    def batch(self, disclosure: Disclosure) -> bytes:
        return b"".join(json_bytes(self._object(disclosure.columns, row)) + b"\n" for row in disclosure.rows)

    def _object(self, names: Sequence[str], row: Sequence[Shown]) -> Mapping[str, Shown]:
        shown = dict(zip(names, row, strict=True))
        return stripped(shown) if self._strips_nulls else shown

    def end(self) -> bytes:
        return b""


class _Table:
    """CSV with one header."""

    def __init__(self) -> None:
        self._is_begun = False

    def batch(self, disclosure: Disclosure) -> bytes:
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        if not self._is_begun:
            writer.writerow(disclosure.columns)
            self._is_begun = True
        if disclosure.columns and disclosure.rows:
            columns = columns_of_rows(disclosure.rows)
            plain = _joined(columns)
            if plain is not None:
                return text.getvalue().encode() + plain.encode()
            writer.writerows(zip(*map(csv_column, columns), strict=True))
        else:
            writer.writerows(disclosure.rows)
        return text.getvalue().encode()

    def end(self) -> bytes:
        return b""


def _joined(columns: Sequence[Sequence[Shown]]) -> str | None:
    """What the writer writes, in a third of its time; None where a cell needs quotes, or a row may."""
    written: list[Any] = [cells if type(cells[0]) is str else csv_column(cells) for cells in columns]
    try:
        lines = list(map(",".join, zip(*written, strict=True)))
    except TypeError:  # a column that begins with a text and holds something else
        lines = list(map(",".join, zip(*map(csv_column, columns), strict=True)))
    text = "\n".join(lines) + "\n"
    has_marks = '"' in text or "\r" in text or text.count("\n") > len(lines)
    is_plain = len(columns) > 1 and not has_marks and text.count(",") == len(lines) * (len(columns) - 1)
    return text if is_plain else None
