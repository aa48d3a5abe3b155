"""Filter parameters -> FilterTerm and FilterGroup: `field=[not.]op.value`, `and=(...)`, `or=(...)`.

As PostgREST: a value at the top level is all that follows its operator, as it stands; in lists and trees a value ends
at a comma or bracket, and double quotes with backslash escapes hold what would end it.
"""

from collections.abc import Callable

from gateway.errors import QueryTooComplex, Words
from gateway.model.query import FilterGroup, FilterTerm, JsonStep, Operator, Quantifier
from gateway.query._cursor import Cursor
from gateway.query._faults import FILTER_EXAMPLES, OPERATORS, TREE_EXAMPLES
from gateway.query._paths import read_path
from gateway.settings import Limits

GROUPS = {"and": (False, False), "or": (True, False), "not.and": (False, True), "not.or": (True, True)}
"""Parameter -> is it an OR, is it negated."""
_OPERATORS = {operator.value: operator for operator in Operator}
_TRUTHS = ("null", "not_null", "true", "false", "unknown")
_QUANTIFIERS = {quantifier.value: quantifier for quantifier in Quantifier}
_QUANTIFIED = frozenset(
    {
        Operator.EQ,
        Operator.LIKE,
        Operator.ILIKE,
        Operator.GT,
        Operator.GTE,
        Operator.LT,
        Operator.LTE,
        Operator.MATCH,
        Operator.IMATCH,
    }
)
_SEARCHING = frozenset({Operator.FTS, Operator.PLFTS, Operator.PHFTS, Operator.WFTS})
_OF_SETS = frozenset(
    {
        Operator.CS,
        Operator.CD,
        Operator.OV,
        Operator.SL,
        Operator.SR,
        Operator.NXR,
        Operator.NXL,
        Operator.ADJ,
        Operator.EQ,
        Operator.NEQ,
    }
)
_TERMS: Words = ("filters", "过滤条件")
_LEVELS: Words = ("levels of brackets", "括号嵌套层数")
_VALUES: Words = ("values in one list", "列表中的值")


class FilterReader:
    """Reads the filters of one question; counts them against the limits."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._terms = 0

    def read_group(self, parameter: str, word: str, value: str) -> FilterGroup:
        """`word` is one of GROUPS; raises QueryMalformed, QueryTooComplex."""
        cursor = Cursor(value, parameter, TREE_EXAMPLES)
        is_or, is_negated = GROUPS[word]
        cursor.skip_blanks()
        group = self._group(cursor, is_or=is_or, is_negated=is_negated, depth=1)
        cursor.skip_blanks()
        if not cursor.is_done:
            raise cursor.fault(("something follows the last bracket", "最后的括号之后还有内容"))
        return group

    def read_term(self, parameter: str, field: str, path: tuple[JsonStep, ...], value: str) -> FilterTerm:
        """One parameter; raises QueryMalformed, QueryTooComplex."""
        cursor = Cursor(value, parameter, FILTER_EXAMPLES)
        term = self._condition(cursor, field, path, in_tree=False)
        if not cursor.is_done:
            raise cursor.fault(("something follows the list", "列表之后还有内容"))
        return term

    def _group(self, cursor: Cursor, *, is_or: bool, is_negated: bool, depth: int) -> FilterGroup:
        if depth > self._limits.filter_nesting:
            raise QueryTooComplex(part=_LEVELS, limit=self._limits.filter_nesting)
        cursor.expect("(")
        terms: list[FilterTerm | FilterGroup] = []
        while True:
            cursor.skip_blanks()
            terms.append(self._member(cursor, depth))
            cursor.skip_blanks()
            if not cursor.take(","):
                cursor.expect(")")
                return FilterGroup(is_or=is_or, is_negated=is_negated, terms=tuple(terms))

    def _member(self, cursor: Cursor, depth: int) -> FilterTerm | FilterGroup:
        for word, (is_or, is_negated) in GROUPS.items():
            if cursor.sees(f"{word}("):
                cursor.expect(word)
                return self._group(cursor, is_or=is_or, is_negated=is_negated, depth=depth + 1)
        field = cursor.name()
        path = read_path(cursor)
        cursor.expect(".")
        return self._condition(cursor, field, path, in_tree=True)

    def _condition(self, cursor: Cursor, field: str, path: tuple[JsonStep, ...], *, in_tree: bool) -> FilterTerm:
        self._terms += 1
        if self._terms > self._limits.filter_terms:
            raise QueryTooComplex(part=_TERMS, limit=self._limits.filter_terms)
        is_negated = cursor.take("not.")
        word, within = _operator(cursor.until(".,"))
        operator = _OPERATORS.get(word)
        quantifier = _QUANTIFIERS.get(within or "") if operator in _QUANTIFIED else None
        language = within if operator in _SEARCHING else None
        is_known = operator is not None and within in {None, quantifier, language}
        if operator is None or not is_known or not cursor.take("."):
            raise cursor.fault(
                ("no operator that is offered stands before the value", "值之前没有受支持的运算符"),
                (f"use one of {OPERATORS}, as in `level=eq.A`", f"请使用 {OPERATORS} 之一，例如 `level=eq.A`"),
            )
        match operator:
            case _ if quantifier is not None:
                values = self._array(cursor)
            case Operator.IN:
                values = self._list(cursor)
            case Operator.IS:
                values = (self._truth(cursor, in_tree=in_tree),)
            case _ if in_tree and operator in _OF_SETS:
                values = (_set_value(cursor),)
            case _:
                values = (_tree_value(cursor) if in_tree else cursor.rest(),)
        return FilterTerm(
            field=field,
            operator=operator,
            is_negated=is_negated,
            values=values,
            quantifier=quantifier,
            path=path,
            language=language,
        )

    def _list(self, cursor: Cursor) -> tuple[str, ...]:
        cursor.expect("(")
        return self._values(cursor, ")", _tree_value)

    def _array(self, cursor: Cursor) -> tuple[str, ...]:
        """An array as PostgreSQL writes it: `{a,"b,c"}`."""
        cursor.expect("{")
        return self._values(cursor, "}", _element)

    def _values(self, cursor: Cursor, end: str, read: Callable[[Cursor, str], str]) -> tuple[str, ...]:
        values: list[str] = []
        if cursor.take(end):
            return ()
        while True:
            if len(values) == self._limits.in_values:
                raise QueryTooComplex(part=_VALUES, limit=self._limits.in_values)
            values.append(read(cursor, end))
            if not cursor.take(","):
                cursor.expect(end)
                return tuple(values)

    def _truth(self, cursor: Cursor, *, in_tree: bool) -> str:
        word = cursor.until(",)") if in_tree else cursor.rest()
        if word.lower() not in _TRUTHS:
            raise cursor.fault(
                (
                    "`is` takes null, not_null, true, false or unknown",
                    "`is` 只接受 null、not_null、true、false 或 unknown",
                ),
                ("write `field=is.null`", "请写成 `字段=is.null` 的形式"),
            )
        return word.lower()


def _operator(word: str) -> tuple[str, str | None]:
    """The operator's name, and what stands in brackets behind it: `eq(any)`, `fts(english)`."""
    name, bracket, within = word.partition("(")
    if bracket and within.endswith(")") and within[:-1]:
        return name, within[:-1]
    return word, None


def _set_value(cursor: Cursor) -> str:
    """An array, a range or a JSON value as it stands, up to where its brackets are closed."""
    if cursor.sees("{") or cursor.sees("["):
        return cursor.balanced()
    return cursor.bracketed() if cursor.sees("(") else _tree_value(cursor)


def _tree_value(cursor: Cursor, end: str = ")") -> str:
    if not cursor.sees('"'):
        return cursor.until(f",{end}")
    value = cursor.quoted()
    if not (cursor.is_done or cursor.sees(",") or cursor.sees(end)):
        raise cursor.fault(
            ("something follows a closing double quote", "右双引号之后还有内容"),
            ('write a double quote inside quotes as `\\"`', '引号内的双引号请写成 `\\"`'),
        )
    return value


def _element(cursor: Cursor, end: str) -> str:
    cursor.skip_blanks()
    if cursor.sees('"'):
        return _tree_value(cursor, end)
    value = cursor.until(f",{end}").strip()
    if not value or value.lower() == "null" or "{" in value:
        raise cursor.fault(
            ("an element of the list is empty, NULL or a list", "列表中有空值、NULL 或嵌套列表"),
            ('write it as `{a,"b,c"}`; an empty text is `""`', '请写成 `{a,"b,c"}`；空文本写作 `""`'),
        )
    return value
