"""`limit`, `offset` and the header `Range` -> which rows of the answer. RFC 9110 range syntax with items as unit."""

from collections.abc import Mapping

from gateway.errors import Words
from gateway.query._faults import malformed

_MOST_DIGITS = 12
_RANGE_FIX: Words = ("write it as `Range: 0-24` with `Range-Unit: items`", "请写成 `Range: 0-24`，`Range-Unit: items`")


def read_page(limit: str | None, offset: str | None, headers: Mapping[str, str]) -> tuple[int | None, int]:
    """(limit, offset): where both are given, what the parameters and the header have in common.

    Raises QueryMalformed.
    """
    first = 0 if offset is None else _number("offset", offset)
    after = None if limit is None else first + _number("limit", limit)
    spoken = headers.get("range")
    if spoken is not None:
        if headers.get("range-unit", "items").strip().lower() != "items":
            raise malformed("Range-Unit", ("only items are counted", "仅支持按条目计数"), _RANGE_FIX)
        from_header, last = _range(spoken)
        first = max(first, from_header)
        if last is not None:
            after = last + 1 if after is None else min(after, last + 1)
    return (None if after is None else max(0, after - first)), first


def _range(text: str) -> tuple[int, int | None]:
    begin, dash, end = text.strip().partition("-")
    if not dash:
        raise malformed("Range", ("this is no range", "不是有效的范围"), _RANGE_FIX)
    first = _number("Range", begin)
    last = _number("Range", end) if end else None
    if last is not None and last < first:
        raise malformed("Range", ("it ends before it begins", "范围的终点在起点之前"), _RANGE_FIX)
    return first, last


def _number(part: str, text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= _MOST_DIGITS):
        raise malformed(
            part,
            ("this is no count", "不是有效的数目"),
            ("write plain digits, for example `20`", "请用阿拉伯数字，例如 `20`"),
        )
    return int(text)
