"""`order` -> its terms. Grammar only."""

from gateway.errors import QueryTooComplex, Words
from gateway.model.query import Embed, OrderTerm, SelectItem
from gateway.query._cursor import Cursor
from gateway.query._faults import ORDER_EXAMPLES, malformed
from gateway.query._paths import read_path
from gateway.query._select import Items
from gateway.settings import Limits

_ORDERED: Words = ("order terms", "排序字段")


def read_order(text: str | None, items: Items, limits: Limits) -> tuple[OrderTerm, ...]:
    """The terms of one level, the weightiest first. Raises QueryMalformed, QueryTooComplex."""
    if text is None:
        return ()
    cursor = Cursor(text, "order", ORDER_EXAMPLES)
    terms: list[OrderTerm] = []
    while True:
        if len(terms) == limits.order_terms:
            raise QueryTooComplex(part=_ORDERED, limit=limits.order_terms)
        cursor.skip_blanks()
        terms.append(_order_term(cursor))
        cursor.skip_blanks()
        if cursor.is_done:
            break
        cursor.expect(",")
    _check(terms, items)
    return tuple(terms)


def _check(terms: list[OrderTerm], items: Items) -> None:
    embeds = {item.name for item in items if isinstance(item, Embed)}
    for term in terms:
        if term.embed is not None and term.embed not in embeds:
            raise malformed(
                term.embed,
                ("it is no embed of this question", "本次查询没有该嵌入"),
                ("name it in `select`: `select=*,resident()`", "请在 `select` 中写明：`select=*,resident()`"),
            )
    fields = [item for item in items if isinstance(item, SelectItem)]
    keys = {(item.field, item.path) for item in fields if item.aggregate is None}
    is_aggregate = any(item.aggregate for item in fields)
    if is_aggregate and any(term.embed is None and (term.field, term.path) not in keys for term in terms):
        raise malformed(
            "order",
            ("groups can be ordered only by what they are grouped by", "分组结果只能按分组字段排序"),
            ("add the field to `select`, or leave it out here", "请将该字段加入 `select`，或从排序中去掉"),
        )


def _order_term(cursor: Cursor) -> OrderTerm:
    embed, field = None, cursor.name()
    if cursor.take("("):
        embed, field = field, cursor.name()
    path = read_path(cursor)
    if embed is not None:
        cursor.expect(")")
    direction, nulls = None, None
    while cursor.take("."):
        word = cursor.name()
        if word in {"asc", "desc"} and direction is None and nulls is None:
            direction = word
        elif word in {"nullsfirst", "nullslast"} and nulls is None:
            nulls = word
        else:
            raise cursor.fault(
                ("a direction that is not understood", "无法识别的排序方式"),
                (
                    "use .asc or .desc, then .nullsfirst or .nullslast",
                    "请使用 .asc 或 .desc，其后可加 .nullsfirst 或 .nullslast",
                ),
            )
    is_descending = direction == "desc"
    return OrderTerm(
        field=field,
        is_descending=is_descending,
        nulls_first=nulls == "nullsfirst" if nulls else is_descending,
        path=path,
        embed=embed,
    )
