"""`select` -> its items, embeds within embeds. Grammar only: whether the fields exist is for bind."""

from gateway.errors import QueryTooComplex, Words
from gateway.model.query import AggregateFunction, Embed, Join, Level, SelectItem
from gateway.query._cursor import Cursor
from gateway.query._faults import SELECT_EXAMPLES, malformed
from gateway.query._paths import read_path
from gateway.settings import Limits

_EVERYTHING = SelectItem(field="*", alias=None, aggregate=None)
_OLD_COUNT = SelectItem(field="count", alias=None, aggregate=None)
_COUNT = SelectItem(field=None, alias=None, aggregate=AggregateFunction.COUNT)
"""`films(count)` is an older spelling of `films(count())`, and still what clients' documentation teaches."""
_AGGREGATES = {function.value: function for function in AggregateFunction}
_JOINS = {join.value: join for join in Join}
_SELECTED: Words = ("selected fields", "所选字段")
_EMBEDDED: Words = ("embeds", "嵌入")
_LEVELS: Words = ("levels of embeds", "嵌入层数")

Items = tuple[SelectItem | Embed, ...]


def read_select(text: str | None, limits: Limits) -> Items:
    """The items; `*` where `select` is absent. Raises QueryMalformed, QueryTooComplex."""
    if text is None:
        return (_EVERYTHING,)
    if not text.strip():
        raise malformed(
            "select",
            ("it names no field", "未指定字段"),
            ("name fields, or leave `select` out", "请指定字段，或省略 `select`"),
        )
    reader = _Reader(Cursor(text, "select", SELECT_EXAMPLES), limits)
    items = reader.items(depth=0)
    reader.expect_end()
    return items


class _Reader:
    """Reads one `select`; counts its items and embeds against the limits."""

    def __init__(self, cursor: Cursor, limits: Limits) -> None:
        self._cursor = cursor
        self._limits = limits
        self._items = 0
        self._embeds = 0

    def expect_end(self) -> None:
        """Raises QueryMalformed where something is left."""
        if not self._cursor.is_done:
            self._cursor.expect(",")

    def items(self, depth: int) -> Items:
        """Items up to the end, or to the bracket that closes an embed."""
        cursor = self._cursor
        items: list[SelectItem | Embed] = []
        while True:
            if self._items == self._limits.select_items:
                raise QueryTooComplex(part=_SELECTED, limit=self._limits.select_items)
            self._items += 1
            cursor.skip_blanks()
            items.append(self._item(depth))
            cursor.skip_blanks()
            if not cursor.take(","):
                _check_names(items)
                return tuple(items)

    def _item(self, depth: int) -> SelectItem | Embed:
        cursor = self._cursor
        if cursor.take("*"):
            return _EVERYTHING
        is_spread = cursor.take("...")
        alias, name = None, cursor.name()
        if cursor.sees(":") and not cursor.sees("::"):
            cursor.expect(":")
            alias, name = name, cursor.name()
        if not is_spread and name in _AGGREGATES and cursor.take("("):
            return self._aggregate(None, alias, name)
        function = None
        if cursor.take("."):
            function = cursor.name()
            if function not in _AGGREGATES or not cursor.sees("()"):
                name, function = f"{name}.{function}", None
                if not (cursor.sees("(") or cursor.sees("!")):
                    raise self._no_aggregate()
        if function is None and (cursor.sees("(") or cursor.sees("!")):
            return self._embed(name, alias, depth, is_spread=is_spread)
        if is_spread:
            raise cursor.fault(
                ("`...` stands before what is no embed", "`...` 之后不是嵌入"),
                ("write `...resident(name,phone)`", "请写成 `...resident(name,phone)` 的形式"),
            )
        plain = SelectItem(field=name, alias=alias, aggregate=None)
        return self._field(plain) if function is None else self._called(plain, function)

    def _field(self, plain: SelectItem) -> SelectItem:
        """What may follow a field's name: a path, a cast, an aggregate with a cast of its own."""
        cursor = self._cursor
        path = read_path(cursor)
        cast = cursor.name() if cursor.take("::") else None
        item = SelectItem(field=plain.field, alias=plain.alias, aggregate=None, path=path, cast=cast)
        if not cursor.take("."):
            return item
        function = cursor.name()
        if function not in _AGGREGATES:
            raise self._no_aggregate()
        return self._called(item, function)

    def _called(self, item: SelectItem, function: str) -> SelectItem:
        cursor = self._cursor
        cursor.expect("(")
        cursor.expect(")")
        return SelectItem(
            field=item.field,
            alias=item.alias,
            aggregate=_AGGREGATES[function],
            path=item.path,
            cast=item.cast,
            result_cast=cursor.name() if cursor.take("::") else None,
        )

    def _aggregate(self, field: None, alias: str | None, name: str) -> SelectItem:
        cursor = self._cursor
        cursor.expect(")")
        if name != AggregateFunction.COUNT:
            raise cursor.fault((f"`{name}()` of no field", f"`{name}()` 缺少字段"))
        cast = cursor.name() if cursor.take("::") else None
        return SelectItem(field=field, alias=alias, aggregate=AggregateFunction.COUNT, result_cast=cast)

    def _embed(self, target: str, alias: str | None, depth: int, *, is_spread: bool) -> Embed:
        cursor = self._cursor
        if depth == self._limits.embed_depth:
            raise QueryTooComplex(part=_LEVELS, limit=self._limits.embed_depth)
        if self._embeds == self._limits.embeds:
            raise QueryTooComplex(part=_EMBEDDED, limit=self._limits.embeds)
        self._embeds += 1
        hint, join = None, None
        while cursor.take("!"):
            word = cursor.name()
            if word in _JOINS and join is None:
                join = _JOINS[word]
            elif word not in _JOINS and hint is None:
                hint = word
            else:
                raise cursor.fault(("a second hint or a second join", "重复的提示或连接方式"))
        cursor.expect("(")
        cursor.skip_blanks()
        items = () if cursor.sees(")") else self.items(depth + 1)
        if items == (_OLD_COUNT,):
            items = (_COUNT,)
        cursor.expect(")")
        return Embed(
            target=target, alias=alias, hint=hint, join=join or Join.LEFT, is_spread=is_spread, level=Level(items=items)
        )

    def _no_aggregate(self) -> Exception:
        return self._cursor.fault(
            ("what follows a field after a point is no aggregate", "字段后的点号之后不是聚合函数"),
            ("use one of count(), sum(), avg(), min(), max()", "请使用 count()、sum()、avg()、min() 或 max()"),
        )


def _check_names(items: list[SelectItem | Embed]) -> None:
    """No two columns of one name; no `*` beside an aggregate. Needs no catalogue, so it can tell nothing of one."""
    is_aggregate = any(isinstance(item, SelectItem) and item.aggregate for item in items)
    if is_aggregate and _EVERYTHING in items:
        raise malformed(
            "select",
            ("`*` can't stand beside an aggregate", "`*` 不能与聚合函数同时使用"),
            ("name the fields to group by", "请指明分组字段"),
        )
    if items.count(_EVERYTHING) > 1:
        raise malformed("select", ("`*` stands there twice", "`*` 重复"), ("write it once", "请只写一次"))
    names = list(column_names(items))
    embeds = [item.name for item in items if isinstance(item, Embed)]
    if len(set(names)) < len(names) or len(set(embeds)) < len(embeds):
        raise malformed(
            "select",
            ("two columns of the answer have one name", "结果中有两列同名"),
            ("give one an alias: `total:monthly.sum()`", "请为其中一列取别名：`total:monthly.sum()`"),
        )


def column_names(items: list[SelectItem | Embed] | Items) -> list[str]:
    """The names that items give to columns of their level; those of `*` are not known here."""
    names: list[str] = []
    for item in items:
        if isinstance(item, Embed):
            names += column_names(item.level.items) if item.is_spread else [item.name]
        elif item != _EVERYTHING:
            names.append(name_of(item))
    return names


def name_of(item: SelectItem) -> str:
    """The name of the item's column in the answer."""
    if item.alias is not None:
        return item.alias
    if item.aggregate is not None:
        return item.aggregate.value
    keys = [step.key for step in item.path if isinstance(step.key, str)]
    return keys[-1] if keys else item.field or ""
