"""A fetch -> its statement, built anew."""

from collections.abc import Mapping
from types import MappingProxyType

from connectors._sql_dialect import Dialect
from connectors._sql_lift import lift
from connectors._sql_statement import Statement, compile_question
from gateway.model.plan import Fetch


def compile_fetch(
    fetch: Fetch, dialect: Dialect, schema: str | None, stored: Mapping[str, object] = MappingProxyType({})
) -> Statement:
    """The whole fetch in one statement; `stored`: columns as the dialect found them."""
    question, values = lift(fetch, dialect)
    return compile_question(fetch, question, values, dialect=dialect, schema=schema, stored=stored)
