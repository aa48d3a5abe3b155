"""What a SQL engine runs itself."""

from dataclasses import replace

from connectors._postgresql import POSTGRESQL
from gateway.model.predicate import (
    AllOf,
    AnyOf,
    AtPath,
    Compare,
    ContainedIn,
    Contains,
    FullText,
    IsNull,
    IsTruth,
    Lies,
    Like,
    Matches,
    Not,
    OneOf,
    Overlaps,
    Under,
)
from gateway.model.query import AggregateFunction
from gateway.spi import Capabilities

EVERYTHING = Capabilities(
    predicates=frozenset({AllOf, AnyOf, Compare, IsNull, IsTruth, Like, Not, OneOf, Under}),
    columns=None,
    can_order=True,
    can_limit=True,
    aggregates=frozenset(AggregateFunction),
    can_mask=True,
)
ON_POSTGRESQL = replace(
    EVERYTHING,
    predicates=EVERYTHING.predicates | {AtPath, ContainedIn, Contains, FullText, Lies, Matches, Overlaps},
    types=POSTGRESQL.types,
)
# its LIKE knows classes of characters and has no way to do without
ON_MSSQL = replace(EVERYTHING, predicates=EVERYTHING.predicates - {Like})
