"""The shipped conformance kit, by the name that the tests of this folder know it under."""

from dataclasses import replace
from decimal import Decimal

from connectors.testing import (
    DATASET,
    FIELDS,
    KNOWN,
    NAME_COLUMN,
    ROWS,
    TABLE,
    aggregates,
    assert_same,
    collect,
    compared,
    compares,
    expected,
    forms,
    leaves,
    make_fetch,
    masked,
    matches,
    orders,
    patterns,
    predicates,
    truth,
    typed,
)
from gateway.model.plan import Fetch, SourceColumn
from gateway.model.rows import Row

__all__ = [
    "DATASET",
    "FIELDS",
    "KNOWN",
    "NAME_COLUMN",
    "ROWS",
    "TABLE",
    "Decimal",
    "Fetch",
    "Row",
    "SourceColumn",
    "aggregates",
    "assert_same",
    "collect",
    "compared",
    "compares",
    "expected",
    "forms",
    "leaves",
    "make_fetch",
    "masked",
    "matches",
    "orders",
    "patterns",
    "predicates",
    "replace",
    "truth",
    "typed",
]
