"""Which operators, aggregates and paths fit which types of field; the error where one doesn't."""

from gateway.catalog.values import field_at
from gateway.errors import GatewayError, OperatorUnfit
from gateway.model.catalog import Field, FieldType
from gateway.model.json_value import JsonStep
from gateway.model.query import AggregateFunction, FilterTerm, Operator
from gateway.query._literals import TRUTHS

_EQUALITY = frozenset({Operator.EQ, Operator.NEQ, Operator.IN, Operator.IS, Operator.ISDISTINCT})
_ORDERING = _EQUALITY | {Operator.GT, Operator.GTE, Operator.LT, Operator.LTE}
_SEARCHES = frozenset({Operator.FTS, Operator.PLFTS, Operator.PHFTS, Operator.WFTS})
_TEXT = _ORDERING | _SEARCHES | {Operator.LIKE, Operator.ILIKE, Operator.MATCH, Operator.IMATCH}
_JSON = _ORDERING | {Operator.CS, Operator.CD}
_ARRAY = _JSON | {Operator.OV}
_RANGE = _ARRAY | {Operator.SL, Operator.SR, Operator.NXR, Operator.NXL, Operator.ADJ}
_NUMBERS = frozenset({FieldType.INTEGER, FieldType.NUMERIC})


def unfit_term(term: FilterTerm, field: Field) -> GatewayError | None:
    """The error, where the term's operator or path does not fit the field's type."""
    fault = unfit_path(term.path, field)
    return fault or unfit_operator(term.operator, term.values, field_at(field, term.path))


def unfit_path(path: tuple[JsonStep, ...], field: Field) -> GatewayError | None:
    """The error, where a path leads into a field that is no JSON."""
    if not path or field.type is FieldType.JSON:
        return None
    arrow = "->>" if path[0].as_text else "->"
    return OperatorUnfit(field=field.name, operator=arrow, type=field.type.value, offered=_listed(_fit(field.type)))


def unfit_operator(operator: Operator, values: tuple[str, ...], field: Field) -> GatewayError | None:
    """The error, where the operator does not fit the field's type."""
    fit = _fit(field.type)
    is_truth = operator is Operator.IS and values[0] in {*TRUTHS, "unknown"}
    if operator in fit and not (is_truth and field.type is not FieldType.BOOLEAN):
        return None
    return OperatorUnfit(
        field=field.name,
        operator=f"{operator.value}.{values[0]}" if is_truth else operator.value,
        type=field.type.value,
        offered=_listed(fit),
    )


def unfit_aggregate(function: AggregateFunction, field: Field) -> GatewayError | None:
    """The error, where the aggregate does not fit the field's type."""
    fit = {AggregateFunction.COUNT}
    if field.type.is_scalar and field.type is not FieldType.BOOLEAN:
        fit |= {AggregateFunction.MIN, AggregateFunction.MAX}
    if field.type in _NUMBERS:
        fit |= {AggregateFunction.SUM, AggregateFunction.AVG}
    if function in fit:
        return None
    return OperatorUnfit(
        field=field.name,
        operator=f"{function.value}()",
        type=field.type.value,
        offered=", ".join(f"{offered.value}()" for offered in AggregateFunction if offered in fit),
    )


def _fit(kind: FieldType) -> frozenset[Operator]:
    if kind is FieldType.TEXT:
        return _TEXT
    if kind is FieldType.BOOLEAN:
        return _EQUALITY
    if kind is FieldType.JSON:
        return _JSON
    if kind.element is not None:
        return _ARRAY
    return _RANGE if kind.bound is not None else _ORDERING


def _listed(fit: frozenset[Operator]) -> str:
    return ", ".join(offered.value for offered in Operator if offered in fit)
