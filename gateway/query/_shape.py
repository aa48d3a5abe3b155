"""Filters -> their shape for the log: `level=in.(?,?)&name=like.?`. No literal, and no name that isn't the catalogue's.

An unknown name is the asker's free text: it may hold anything, so the log gets a `?` for it.
"""

from collections.abc import Container, Sequence

from gateway.model.query import FilterGroup, FilterTerm, Operator


def shape_of(where: Sequence[FilterTerm | FilterGroup], known: Container[str]) -> str:
    """The shape; terms in the order in which they were asked. `known`: names that are the catalogue's."""
    return "&".join(
        f"{_group_word(term)}={_members(term, known)}"
        if isinstance(term, FilterGroup)
        else f"{_name(term, known)}={_condition(term)}"
        for term in where
    )


def _member(term: FilterTerm | FilterGroup, known: Container[str]) -> str:
    if isinstance(term, FilterGroup):
        return _group_word(term) + _members(term, known)
    return f"{_name(term, known)}.{_condition(term)}"


def _members(group: FilterGroup, known: Container[str]) -> str:
    return "(" + ",".join(_member(term, known) for term in group.terms) + ")"


def _group_word(group: FilterGroup) -> str:
    return ("not." if group.is_negated else "") + ("or" if group.is_or else "and")


def _name(term: FilterTerm, known: Container[str]) -> str:
    return (term.field if term.field in known else "?") + "".join(
        "->>?" if step.as_text else "->?" for step in term.path
    )


def _condition(term: FilterTerm) -> str:
    hidden = ",".join("?" for _ in term.values)
    operator = term.operator.value
    match term.operator:
        case _ if term.quantifier is not None:
            operator, literal = f"{operator}({term.quantifier.value})", f"{{{hidden}}}"
        case _ if term.language is not None:
            operator, literal = f"{operator}(?)", "?"
        case Operator.IS:
            literal = term.values[0]  # null, not_null, true, false, unknown
        case Operator.IN:
            literal = f"({hidden})"
        case _:
            literal = "?"
    return f"{'not.' if term.is_negated else ''}{operator}.{literal}"
