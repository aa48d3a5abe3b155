"""JSON paths: `->key`, `->0`, and `->>key` at the end."""

import re

from gateway.model.query import JsonStep
from gateway.query._cursor import Cursor

_MOST_STEPS = 20
_INDEX = re.compile(r"-?[0-9]{1,9}", re.ASCII)


def read_path(cursor: Cursor) -> tuple[JsonStep, ...]:
    """The steps that come next; none where no arrow does. Raises QueryMalformed."""
    steps: list[JsonStep] = []
    while cursor.take("->"):
        as_text = cursor.take(">")
        is_quoted = cursor.sees('"')
        key = cursor.name()
        is_index = not is_quoted and _INDEX.fullmatch(key) is not None
        steps.append(JsonStep(key=int(key) if is_index else key, as_text=as_text))
        if len(steps) > _MOST_STEPS:
            raise cursor.fault(("a JSON path is too long", "JSON 路径过长"))
        if as_text and cursor.sees("->"):
            raise cursor.fault(
                ("nothing can follow `->>`: it gives text", "`->>` 之后不能再有路径：其结果是文本"),
                ("use `->` on the way and `->>` at the end", "中间请用 `->`，最后用 `->>`"),
            )
    return tuple(steps)
