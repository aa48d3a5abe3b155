"""What the author of a connector needs, on one page; import this and nothing else of Langqiao.

A connector is a class that keeps the promises of `Connector`. It is found by its entry point, in the group
`langqiao.connectors`, and shown right by the conformance kit, `connectors.testing`.

Here stand the question (`Fetch`, the predicates, the forms of masks), the answer (`Batch`, `Row`, `Cell`), what is told
of a source (`Capabilities`, `TableDescription`), the errors, and building blocks: options, readers of cells, threads
for a driver that blocks. Of the gateway's own rooms nothing is loaded.
"""

from connectors._cells import (
    NotPromised,
    Reader,
    divided,
    plain,
    read_boolean,
    read_date,
    read_flag,
    read_integer,
    read_integer_sum,
    read_numeric,
    read_sum,
    read_text,
    read_timestamp,
    read_whole,
    typed_rows,
)
from connectors._composite_cells import COMPOSITES
from connectors._options import Options, Secret
from connectors._work import Call, Work, Workers
from gateway.errors import (
    Defect,
    GatewayError,
    SettingsInvalid,
    SourceFailed,
    SourceRubbish,
    SourceTimeout,
    SourceUnavailable,
)
from gateway.model import sqlform
from gateway.model.catalog import FieldType
from gateway.model.ids import DatasetName, FieldName, SourceName
from gateway.model.parts import conjuncts, fields_of
from gateway.model.plan import Fetch, FetchAggregate, FetchColumn, SourceColumn
from gateway.model.predicate import (
    EVERYTHING,
    NOTHING,
    AllOf,
    AnyOf,
    AtPath,
    Comparator,
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
    Predicate,
    Scalar,
    Under,
)
from gateway.model.query import AggregateFunction, BoundOrder
from gateway.model.rows import Batch, ByColumns, Cell, Row
from gateway.spi import Capabilities, ColumnOrigin, Connector, FetchesAtOnce, ForeignKey, TableDescription

__all__ = [
    "COMPOSITES",
    "EVERYTHING",
    "NOTHING",
    "AggregateFunction",
    "AllOf",
    "AnyOf",
    "AtPath",
    "Batch",
    "BoundOrder",
    "ByColumns",
    "Call",
    "Capabilities",
    "Cell",
    "ColumnOrigin",
    "Comparator",
    "Compare",
    "Connector",
    "ContainedIn",
    "Contains",
    "DatasetName",
    "Defect",
    "Fetch",
    "FetchAggregate",
    "FetchColumn",
    "FetchesAtOnce",
    "FieldName",
    "FieldType",
    "ForeignKey",
    "FullText",
    "GatewayError",
    "IsNull",
    "IsTruth",
    "Lies",
    "Like",
    "Matches",
    "Not",
    "NotPromised",
    "OneOf",
    "Options",
    "Overlaps",
    "Predicate",
    "Reader",
    "Row",
    "Scalar",
    "Secret",
    "SettingsInvalid",
    "SourceColumn",
    "SourceFailed",
    "SourceName",
    "SourceRubbish",
    "SourceTimeout",
    "SourceUnavailable",
    "TableDescription",
    "Under",
    "Work",
    "Workers",
    "conjuncts",
    "divided",
    "fields_of",
    "plain",
    "read_boolean",
    "read_date",
    "read_flag",
    "read_integer",
    "read_integer_sum",
    "read_numeric",
    "read_sum",
    "read_text",
    "read_timestamp",
    "read_whole",
    "sqlform",
    "typed_rows",
]
