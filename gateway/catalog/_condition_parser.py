"""Tokens -> typed condition tree, by recursive descent.

disjunction = conjunction {"or" conjunction}     conjunction = negation {"and" negation}
negation    = "not" negation | "(" disjunction ")" | test
test        = operand (sign operand | ["not"] (in | between | like | under) | "is" ["not"] "null")
"""

from collections.abc import Callable
from dataclasses import dataclass

from gateway.catalog._condition_tokens import KEYWORDS, Kind, Token, tokenize
from gateway.catalog._condition_types import Side, literal, region_literal, resolve, type_of
from gateway.model.catalog import Dataset
from gateway.model.condition import (
    Absence,
    AttributeOperand,
    AttributeType,
    Comparison,
    ConditionInvalid,
    ConditionTerm,
    Conjunction,
    Cover,
    Disjunction,
    FieldOperand,
    LiteralOperand,
    Matching,
    Membership,
    Negation,
)
from gateway.model.predicate import Comparator, Scalar

DEEPEST = 20
LONGEST_PATTERN = 100
_SIGNS = {
    "=": Comparator.EQ,
    "<>": Comparator.NEQ,
    "<": Comparator.LT,
    "<=": Comparator.LTE,
    ">": Comparator.GT,
    ">=": Comparator.GTE,
}
_FLIPPED = {
    Comparator.EQ: Comparator.EQ,
    Comparator.NEQ: Comparator.NEQ,
    Comparator.LT: Comparator.GT,
    Comparator.LTE: Comparator.GTE,
    Comparator.GT: Comparator.LT,
    Comparator.GTE: Comparator.LTE,
}


def parse_tree(text: str, dataset: Dataset | None) -> ConditionTerm:
    """The whole text as one tree; raises ConditionInvalid."""
    parser = _Parser(tokens=tokenize(text), dataset=dataset)
    if parser.peek().kind is Kind.END:
        raise ConditionInvalid("the condition is empty", "write a comparison, or leave the column empty")
    tree = parser.disjunction(1)
    if parser.peek().kind is not Kind.END:
        raise ConditionInvalid(f"{parser.peek()} is one too many", "join tests with `and` or `or`")
    return tree


@dataclass(slots=True, kw_only=True)
class _Parser:
    tokens: tuple[Token, ...]
    dataset: Dataset | None
    at: int = 0

    # ------------------------------------------------------------------ walking
    def peek(self) -> Token:
        return self.tokens[self.at]

    def take(self) -> Token:
        token = self.tokens[self.at]
        if token.kind is not Kind.END:
            self.at += 1
        return token

    def takes(self, kind: Kind, value: str) -> bool:
        token = self.peek()
        if token.kind is kind and token.value == value:
            self.at += 1
            return True
        return False

    def expect(self, kind: Kind, value: str) -> None:
        if not self.takes(kind, value):
            raise ConditionInvalid(f"`{value}` is missing before {self.peek()}", f"write `{value}` there")

    # ------------------------------------------------------------------ and, or, not
    def disjunction(self, depth: int) -> ConditionTerm:
        if depth > DEEPEST:
            raise ConditionInvalid(f"the condition is nested deeper than {DEEPEST}", "split it into several rules")
        terms = [self.conjunction(depth)]
        while self.takes(Kind.KEYWORD, "or"):
            terms.append(self.conjunction(depth))
        return terms[0] if len(terms) == 1 else Disjunction(tuple(terms))

    def conjunction(self, depth: int) -> ConditionTerm:
        terms = [self.negation(depth)]
        while self.takes(Kind.KEYWORD, "and"):
            terms.append(self.negation(depth))
        return terms[0] if len(terms) == 1 else Conjunction(tuple(terms))

    def negation(self, depth: int) -> ConditionTerm:
        if depth > DEEPEST:
            raise ConditionInvalid(f"the condition is nested deeper than {DEEPEST}", "split it into several rules")
        if self.takes(Kind.KEYWORD, "not"):
            return Negation(self.negation(depth + 1))
        if self.takes(Kind.SIGN, "("):
            inner = self.disjunction(depth + 1)
            self.expect(Kind.SIGN, ")")
            return inner
        return self.test()

    # ------------------------------------------------------------------ one test
    def test(self) -> ConditionTerm:
        left = self.operand()
        sign = self.take()
        if sign.kind is Kind.SIGN and sign.value in _SIGNS:
            return self.comparison(left, _SIGNS[sign.value], self.operand())
        side = self.side(left)
        if sign.kind is Kind.KEYWORD and sign.value == "is":
            return self.absence(side)
        is_negated = sign.kind is Kind.KEYWORD and sign.value == "not"
        word = self.take() if is_negated else sign
        tests: dict[str, Callable[[Side], ConditionTerm]] = {
            "in": self.membership,
            "between": self.between,
            "like": self.matching,
            "under": self.cover,
        }
        if word.kind is not Kind.KEYWORD or word.value not in tests:
            fix = (
                "there are no functions in conditions"
                if word.value == "("
                else "write a comparison: = <> < <= > >=, in, between, like, under, is null"
            )
            raise ConditionInvalid(f"after `{left.value[:40]}` {word} is no comparison", fix)
        term = tests[word.value](side)
        return Negation(term) if is_negated else term

    def operand(self) -> Token:
        token = self.take()
        is_constant = token.kind is Kind.KEYWORD and token.value in {"true", "false"}
        if token.kind in {Kind.NAME, Kind.NUMBER, Kind.TEXT} or is_constant:
            return token
        if token.kind is Kind.KEYWORD and token.value == "null":
            raise ConditionInvalid(f"{token} can't be compared", "write `is null` or `is not null`")
        raise ConditionInvalid(f"a field, an attribute or a literal is missing before {token}", _MISSING)

    def side(self, token: Token) -> Side:
        if token.kind is not Kind.NAME:
            raise ConditionInvalid(f"a test can't begin with the literal {token}", "put a field or attribute first")
        return resolve(token, self.dataset)

    def comparison(self, left: Token, comparator: Comparator, right: Token) -> Comparison:
        if left.kind is not Kind.NAME and right.kind is not Kind.NAME:
            raise ConditionInvalid(
                f"{left} and {right} are two literals",
                "compare a field or attribute: a rule can't hold always or never",
            )
        if left.kind is not Kind.NAME:
            left, comparator, right = right, _FLIPPED[comparator], left
        side = resolve(left, self.dataset)
        if right.kind is not Kind.NAME:
            self.check_order(side, comparator)
            return Comparison(side, comparator, LiteralOperand(literal(right, side, self.dataset)))
        other = resolve(right, self.dataset)
        if isinstance(other, FieldOperand):
            if isinstance(side, FieldOperand):
                raise ConditionInvalid(f"`{side.name}` and `{other.name}` are both fields", "compare with an attribute")
            return self.with_attribute(other, _FLIPPED[comparator], side)
        return self.with_attribute(side, comparator, other)

    def with_attribute(self, side: Side, comparator: Comparator, other: AttributeOperand) -> Comparison:
        if side == other:
            raise ConditionInvalid(f"`{side.name}` is compared with itself", "compare it with something else")
        self.check_order(side, comparator)
        self.check_order(other, Comparator.EQ)
        self.check_same(side, other)
        return Comparison(side, comparator, other)

    def check_order(self, side: Side, comparator: Comparator) -> None:
        if side.type is AttributeType.TEXT_LIST:
            raise ConditionInvalid(f"`{side.name}` is a list", f"write `… in {side.name}` or `… under {side.name}`")
        if comparator in {Comparator.EQ, Comparator.NEQ}:
            return
        if type_of(side) == "boolean" or self.is_coded(side):
            raise ConditionInvalid(f"`{side.name}` has no order", "use =, <> or in")

    def is_coded(self, side: Side) -> bool:
        return (
            isinstance(side, FieldOperand) and self.dataset is not None and bool(self.dataset.fields[side.name].codes)
        )

    def check_same(self, side: Side, other: AttributeOperand) -> None:
        if type_of(side) != type_of(other):
            raise ConditionInvalid(
                f"`{side.name}` is {side.type.value} and `{other.name}` is {other.type.value}", "compare like with like"
            )

    def absence(self, side: Side) -> ConditionTerm:
        is_negated = self.takes(Kind.KEYWORD, "not")
        self.expect(Kind.KEYWORD, "null")
        return Negation(Absence(side)) if is_negated else Absence(side)

    def membership(self, side: Side) -> Membership:
        self.check_order(side, Comparator.EQ)
        if self.peek().kind is Kind.NAME:
            name = self.take()
            among = resolve(name, self.dataset)
            if not isinstance(among, AttributeOperand) or among.type is not AttributeType.TEXT_LIST:
                raise ConditionInvalid(f"{name} is no list", "write a list of literals, or an attribute that is a list")
            if type_of(side) != "text":
                raise ConditionInvalid(f"`{side.name}` is {side.type.value} and {name} a list of text", _COMPARE)
            return Membership(side, among)
        self.expect(Kind.SIGN, "(")
        values: list[Scalar] = []
        while True:
            token = self.operand()
            if token.kind is Kind.NAME:
                raise ConditionInvalid(f"{token} is no literal", "a list in parentheses holds literals only")
            values.append(literal(token, side, self.dataset))
            if not self.takes(Kind.SIGN, ","):
                break
        self.expect(Kind.SIGN, ")")
        return Membership(side, tuple(dict.fromkeys(values)))

    def between(self, side: Side) -> Conjunction:
        first = self.operand()
        self.expect(Kind.KEYWORD, "and")
        last = self.operand()
        name = Token(Kind.NAME, side.name, first.at)
        low = self.comparison(name, Comparator.GTE, first)
        high = self.comparison(name, Comparator.LTE, last)
        if (
            isinstance(low.right, LiteralOperand)
            and isinstance(high.right, LiteralOperand)
            # both were typed for the same side, so they compare; an empty range would make a deny void
            and low.right.value > high.right.value  # type: ignore[operator]
        ):
            raise ConditionInvalid(
                f"nothing is between {first} and {last}",
                "put the smaller first; over midnight write `ctx.time >= '22:00' or ctx.time <= '06:00'`",
            )
        return Conjunction((low, high))

    def matching(self, side: Side) -> Matching:
        if type_of(side) != "text" or self.is_coded(side):
            raise ConditionInvalid(f"`{side.name}` can't be matched by a pattern", "use =, <> or in")
        token = self.take()
        if token.kind is not Kind.TEXT or len(token.value) > LONGEST_PATTERN:
            raise ConditionInvalid(
                f"a pattern is missing before {token}", f"write at most {LONGEST_PATTERN} characters: 'gov-%'"
            )
        return Matching(side, token.value)

    def cover(self, side: Side) -> Cover:
        if not isinstance(side, FieldOperand) or type_of(side) != "text" or self.is_coded(side):
            raise ConditionInvalid(f"`{side.name}` is no region field", "write a field that holds region codes")
        token = self.take()
        if token.kind is not Kind.NAME:
            return Cover(side, (region_literal(token),))
        regions = resolve(token, self.dataset)
        if not isinstance(regions, AttributeOperand) or regions.name not in _REGIONAL:
            raise ConditionInvalid(f"{token} holds no regions", "write subject.regions, or a code in single quotes")
        return Cover(side, regions)


_COMPARE = "compare like with like"
_REGIONAL = frozenset({"subject.regions"})
_MISSING = "names are bare, texts in single quotes; words of the language can't be names: " + ", ".join(
    sorted(KEYWORDS)
)
