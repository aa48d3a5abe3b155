"""A mask's SQL form -> an expression of the engine; NULL stays NULL, whatever the form says."""

from collections.abc import Sequence

from sqlalchemy import String, case, false, literal, null, or_

from connectors._cells import read_text
from connectors._sql_dialect import Dialect, Expression
from gateway.errors import Defect
from gateway.model import sqlform
from gateway.model.sqlform import SqlForm


def masked(dialect: Dialect, form: SqlForm, cell: Expression) -> Expression:
    """What the mask makes of the cell; read by `read_marked` where the dialect marks it."""
    made = _marked(dialect, form, cell) if dialect.marks_masks else _formed(dialect, form, cell)
    return case((cell.is_(None), null()), else_=made)


def read_marked(cell: object) -> str:
    """The text behind its mark."""
    return read_text(cell)[1:]


def _marked(dialect: Dialect, form: SqlForm, cell: Expression) -> Expression:
    """With `=` in front of what is not NULL: the empty text can't be told from it otherwise."""
    match form:
        case sqlform.Constant(None):
            return null()
        case sqlform.IfShape(shapes, then, otherwise):
            fits = _fits(dialect, shapes, cell)
            return case((fits, _marked(dialect, then, cell)), else_=_marked(dialect, otherwise, cell))
        case sqlform.Concat(parts) if any(map(_may_be_null, parts)):
            raise Defect(operator="a mask that this engine can't compute")
        case _:
            return literal("=", String()).concat(_formed(dialect, form, cell))


def _formed(dialect: Dialect, form: SqlForm, cell: Expression) -> Expression:
    match form:
        case sqlform.Column():
            return cell
        case sqlform.Constant(value):
            return null() if value is None else literal(value, String())
        case sqlform.Left(count):
            return dialect.left(cell, count)
        case sqlform.Right(count):
            return dialect.right(cell, count)
        case sqlform.Concat(parts):
            joined: Expression = literal("", String())
            for part in parts:
                joined = joined.concat(_formed(dialect, part, cell))
            return joined
        case sqlform.IfShape(shapes, then, otherwise):
            fits = _fits(dialect, shapes, cell)
            return case((fits, _formed(dialect, then, cell)), else_=_formed(dialect, otherwise, cell))


def _fits(dialect: Dialect, shapes: Sequence[sqlform.Shape], cell: Expression) -> Expression:
    return or_(false(), *(dialect.shaped(cell, shape.positions) for shape in shapes))


def _may_be_null(form: SqlForm) -> bool:
    match form:
        case sqlform.Constant(value):
            return value is None
        case sqlform.Concat(parts):
            return any(map(_may_be_null, parts))
        case sqlform.IfShape(_, then, otherwise):
            return _may_be_null(then) or _may_be_null(otherwise)
        case _:
            return False
