"""What is wrong with a question and how to mend it, in both languages -> QueryMalformed."""

from gateway.errors import QueryMalformed, Words
from gateway.model.query import Operator

_LONGEST_PART = 60
OPERATORS = ", ".join(operator.value for operator in Operator)

FILTER_EXAMPLES: Words = (
    "write it as `level=eq.A` or `level=not.in.(A,B)`",
    "请写成 `level=eq.A` 或 `level=not.in.(A,B)` 的形式",
)
TREE_EXAMPLES: Words = (
    "write it as `or=(level.eq.A,and(members.gt.2,name.like.*x*))`",
    "请写成 `or=(level.eq.A,and(members.gt.2,name.like.*x*))` 的形式",
)
SELECT_EXAMPLES: Words = (
    "write it as `select=name,amount:monthly` or `select=level,count(),monthly.sum()`",
    "请写成 `select=name,amount:monthly` 或 `select=level,count(),monthly.sum()` 的形式",
)
ORDER_EXAMPLES: Words = (
    "write it as `order=level.desc.nullslast,name`",
    "请写成 `order=level.desc.nullslast,name` 的形式",
)


def malformed(part: str, fault: Words, fix: Words) -> QueryMalformed:
    """The error; `part` is the asker's own text, shortened and without control characters."""
    shown = "".join(character if character.isprintable() else "?" for character in part[: _LONGEST_PART + 1])
    if len(shown) > _LONGEST_PART:
        shown = shown[:_LONGEST_PART] + "…"
    return QueryMalformed(part=shown, fault=fault, fix=fix)
