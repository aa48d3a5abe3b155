"""`select` and `order` -> their items. Grammar only: whether the fields exist is for bind."""

from gateway.errors import QueryTooComplex, Words
from gateway.model.query import AggregateFunction, OrderTerm, SelectItem
from gateway.query._cursor import Cursor
from gateway.query._faults import (
    ASK_APART,
    NO_CASTS,
    NO_EMBEDS,
    NO_JSON,
    ORDER_EXAMPLES,
    PLAIN_FIELD,
    SELECT_EXAMPLES,
    malformed,
)
from gateway.settings import Limits

_EVERYTHING = SelectItem(field="*", alias=None, aggregate=None)
_AGGREGATES = {function.value: function for function in AggregateFunction}
_SELECTED: Words = ("selected fields", "所选字段")
_ORDERED: Words = ("order terms", "排序字段")


def read_select(text: str | None, limits: Limits) -> tuple[SelectItem, ...]:
    """The items; `*` where `select` is absent. Raises QueryMalformed, QueryTooComplex."""
    if text is None:
        return (_EVERYTHING,)
    if not text.strip():
        raise malformed(
            "select",
            ("it names no field", "未指定字段"),
            ("name fields, or leave `select` out", "请指定字段，或省略 `select`"),
        )
    cursor = Cursor(text, "select", SELECT_EXAMPLES)
    items: list[SelectItem] = []
    while True:
        if len(items) == limits.select_items:
            raise QueryTooComplex(part=_SELECTED, limit=limits.select_items)
        cursor.skip_blanks()
        items.append(_item(cursor))
        cursor.skip_blanks()
        if cursor.is_done:
            _check_names(items)
            return tuple(items)
        _refuse_later_grammar(cursor)
        cursor.expect(",")


def _item(cursor: Cursor) -> SelectItem:
    if cursor.take("*"):
        return _EVERYTHING
    if cursor.sees("..."):
        raise cursor.fault(NO_EMBEDS, ASK_APART)
    alias, name = None, cursor.name()
    if cursor.sees(":") and not cursor.sees("::"):
        cursor.expect(":")
        alias, name = name, cursor.name()
    if name in _AGGREGATES and cursor.take("("):
        cursor.expect(")")
        if name != AggregateFunction.COUNT:
            raise cursor.fault((f"`{name}()` of no field", f"`{name}()` 缺少字段"))
        return SelectItem(field=None, alias=alias, aggregate=AggregateFunction.COUNT)
    if not cursor.take("."):
        return SelectItem(field=name, alias=alias, aggregate=None)
    function = cursor.name()
    if function not in _AGGREGATES:
        raise cursor.fault(
            ("what follows a field after a point is no aggregate", "字段后的点号之后不是聚合函数"),
            ("use one of count(), sum(), avg(), min(), max()", "请使用 count()、sum()、avg()、min() 或 max()"),
        )
    cursor.expect("(")
    cursor.expect(")")
    return SelectItem(field=name, alias=alias, aggregate=_AGGREGATES[function])


def _refuse_later_grammar(cursor: Cursor) -> None:
    """Parts of PostgREST's grammar that are read but not offered: named, so that nobody hunts for a typing error."""
    if cursor.sees("(") or cursor.sees("!"):
        raise cursor.fault(NO_EMBEDS, ASK_APART)
    if cursor.sees("::"):
        raise cursor.fault(NO_CASTS, PLAIN_FIELD)
    if cursor.sees("->"):
        raise cursor.fault(NO_JSON, PLAIN_FIELD)


def _check_names(items: list[SelectItem]) -> None:
    """No two columns of one name; no `*` beside an aggregate. Needs no catalogue, so it can tell nothing of one."""
    is_aggregate = any(item.aggregate for item in items)
    if is_aggregate and _EVERYTHING in items:
        raise malformed(
            "select",
            ("`*` can't stand beside an aggregate", "`*` 不能与聚合函数同时使用"),
            ("name the fields to group by", "请指明分组字段"),
        )
    if items.count(_EVERYTHING) > 1:
        raise malformed("select", ("`*` stands there twice", "`*` 重复"), ("write it once", "请只写一次"))
    names = [name_of(item) for item in items if item != _EVERYTHING]
    if len(set(names)) < len(names):
        raise malformed(
            "select",
            ("two columns of the answer have one name", "结果中有两列同名"),
            ("give one an alias: `total:monthly.sum()`", "请为其中一列取别名：`total:monthly.sum()`"),
        )


def name_of(item: SelectItem) -> str:
    """The name of the item's column in the answer."""
    return item.alias or (item.aggregate.value if item.aggregate else item.field or "")


def read_order(text: str | None, select: tuple[SelectItem, ...], limits: Limits) -> tuple[OrderTerm, ...]:
    """The terms, the weightiest first. Raises QueryMalformed, QueryTooComplex."""
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
    keys = {item.field for item in select if item.aggregate is None}
    if any(item.aggregate for item in select) and any(term.field not in keys for term in terms):
        raise malformed(
            "order",
            ("groups can be ordered only by what they are grouped by", "分组结果只能按分组字段排序"),
            ("add the field to `select`, or leave it out here", "请将该字段加入 `select`，或从排序中去掉"),
        )
    return tuple(terms)


def _order_term(cursor: Cursor) -> OrderTerm:
    field = cursor.name()
    if cursor.sees("(") or cursor.sees("!"):
        raise cursor.fault(NO_EMBEDS, ASK_APART)
    if cursor.sees("->"):
        raise cursor.fault(NO_JSON, PLAIN_FIELD)
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
    )
