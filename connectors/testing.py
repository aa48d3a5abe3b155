"""The conformance kit: what every connector must show, ours and yours.

Lay the reference rows down in a real source, describe it as a `Subject`, and run each of CHECKS on it:

    @pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
    def test_conformance(check, subject):
        check(subject)

A check returns, or raises AssertionError with what was asked, what came and what should have come. Any test runner
will do; hypothesis is needed (extra: langqiao[testing]). Whatever the connector claims it must do exactly as the
reference evaluator does; of what it claims a check also takes a part away at random, as the gateway would where a
policy leaves less to push down, and does that part itself: the answer has to be the same.
"""

from connectors._conformance import (
    Check,
    NotConformant,
    Run,
    Subject,
    answered,
    assert_same,
    collect,
    typed,
)
from connectors._conformance_checks import CHECKS, HOSTILE
from connectors._reference import (
    DATASET,
    FIELDS,
    KNOWN,
    NAME_COLUMN,
    ROWS,
    TABLE,
    compared,
    expected,
    make_fetch,
    masked,
    matches,
    truth,
)
from connectors._reference_questions import (
    aggregates,
    compares,
    forms,
    leaves,
    orders,
    patterns,
    predicates,
    shaped_texts,
    texts,
)

__all__ = [
    "CHECKS",
    "DATASET",
    "FIELDS",
    "HOSTILE",
    "KNOWN",
    "NAME_COLUMN",
    "ROWS",
    "TABLE",
    "Check",
    "NotConformant",
    "Run",
    "Subject",
    "aggregates",
    "answered",
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
    "shaped_texts",
    "texts",
    "truth",
    "typed",
]
