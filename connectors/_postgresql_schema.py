"""What PostgreSQL's own catalogue tells of a schema -> TableDescription.

Only what the account may read. Partitions are left out: their rows come with the table they belong to.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, text

from gateway.model.catalog import FieldType
from gateway.spi import ColumnOrigin, ForeignKey, TableDescription

_ARRAYS = {
    "text": "text[]",
    "integer": "integer[]",
    "numeric": "numeric[]",
    "boolean": "boolean[]",
    "date": "date[]",
    "timestamp": "timestamp[]",
}
_TYPES = {
    "int2": "integer", "int4": "integer", "int8": "integer", "oid": "integer",
    "numeric": "numeric", "float4": "numeric", "float8": "numeric",
    "bool": "boolean", "date": "date", "timestamp": "timestamp", "timestamptz": "timestamp",
    "json": "json", "jsonb": "json",
    "int4range": "integer-range", "int8range": "integer-range", "numrange": "numeric-range",
    "daterange": "date-range", "tsrange": "timestamp-range", "tstzrange": "timestamp-range",
}  # fmt: skip
_KNOWN = {kind.value: kind for kind in FieldType}

_RELATIONS = text("""
    SELECT c.oid, c.relname, c.relkind IN ('v', 'm') AS is_view, obj_description(c.oid, 'pg_class') AS comment,
           CASE WHEN c.relkind = 'v' OR c.reltuples < 0 THEN NULL ELSE CAST(c.reltuples AS bigint) END AS row_estimate
    FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname = coalesce(CAST(:schema AS text), current_schema())
      AND c.relkind IN ('r', 'p', 'v', 'm', 'f') AND NOT c.relispartition
      AND has_schema_privilege(n.oid, 'USAGE') AND has_any_column_privilege(c.oid, 'SELECT')
    ORDER BY c.relname COLLATE "C"
""")
# a domain is what it stands on; `element` is the type of an array's members
_COLUMNS = text("""
    WITH RECURSIVE plain (oid, typname, base, category, element) AS (
        SELECT t.oid, t.typname, t.typbasetype, t.typcategory, t.typelem FROM pg_catalog.pg_type t
        UNION ALL
        SELECT p.oid, b.typname, b.typbasetype, b.typcategory, b.typelem
        FROM plain p JOIN pg_catalog.pg_type b ON b.oid = p.base
    )
    SELECT a.attrelid, a.attnum, a.attname, a.attnotnull, p.typname, p.category = 'A' AS is_array,
           e.typname AS element, col_description(a.attrelid, a.attnum) AS comment
    FROM pg_catalog.pg_attribute a
    JOIN plain p ON p.oid = a.atttypid AND p.base = 0
    LEFT JOIN plain e ON e.oid = p.element AND e.base = 0
    WHERE a.attrelid = ANY(CAST(:oids AS oid[])) AND a.attnum > 0 AND NOT a.attisdropped
      AND has_column_privilege(a.attrelid, a.attnum, 'SELECT')
    ORDER BY a.attrelid, a.attnum
""")
# a unique index counts as well, where it is about whole rows and plain columns
_KEYS = text("""
    SELECT i.indrelid, i.indisprimary, i.indkey::int2[] AS columns, i.indnkeyatts
    FROM pg_catalog.pg_index i
    WHERE i.indrelid = ANY(CAST(:oids AS oid[])) AND i.indisunique AND i.indisvalid
      AND i.indpred IS NULL AND i.indexprs IS NULL
    ORDER BY i.indrelid, i.indexrelid
""")
_FOREIGN_KEYS = text("""
    SELECT k.conrelid, k.conname, k.conkey, k.confrelid, k.confkey
    FROM pg_catalog.pg_constraint k
    WHERE k.contype = 'f' AND k.conparentid = 0
      AND k.conrelid = ANY(CAST(:oids AS oid[])) AND k.confrelid = ANY(CAST(:oids AS oid[]))
    ORDER BY k.conrelid, k.conname COLLATE "C"
""")
_RULES = text("""
    SELECT r.ev_class, CAST(r.ev_action AS text) AS tree
    FROM pg_catalog.pg_rewrite r
    WHERE r.ev_class = ANY(CAST(:oids AS oid[])) AND r.rulename = '_RETURN'
""")
_TOKENS = re.compile(
    r"\\.|[{}]|:resno (?P<column>\d+) :resname (?:\\.|[^\s\\])+ :ressortgroupref \d+"
    r" :resorigtbl (?P<table>\d+) :resorigcol (?P<of>\d+)"
)
_OUTPUT_DEPTH = 2  # {QUERY … {TARGETENTRY …: deeper ones belong to queries within the query


@dataclass(frozen=True, slots=True)
class _Column:
    name: str
    type: FieldType
    is_nullable: bool
    comment: str


_Columns = Mapping[int, Mapping[int, _Column]]  # table -> position -> column


def describe_postgresql(connection: Connection, schema: str | None) -> tuple[TableDescription, ...]:
    """Every table and view of a schema (None: the account's own) that the account may read."""
    relations = connection.execute(_RELATIONS, {"schema": schema}).all()
    oids = {"oids": [relation.oid for relation in relations]}
    names = {relation.oid: relation.relname for relation in relations}
    columns: dict[int, dict[int, _Column]] = {oid: {} for oid in names}
    for row in connection.execute(_COLUMNS, oids):
        columns[row.attrelid][row.attnum] = _Column(
            row.attname, _field_type(row.typname, row.element if row.is_array else None), not row.attnotnull,
            row.comment or "",
        )  # fmt: skip
    keys: dict[int, tuple[str, ...]] = {}
    unique: dict[int, list[tuple[str, ...]]] = {oid: [] for oid in names}
    for row in connection.execute(_KEYS, oids):
        found = _named(columns[row.indrelid], row.columns[: row.indnkeyatts])
        if found and row.indisprimary:
            keys[row.indrelid] = found
        elif found:
            unique[row.indrelid].append(found)
    foreign: dict[int, list[ForeignKey]] = {oid: [] for oid in names}
    for row in connection.execute(_FOREIGN_KEYS, oids):
        here, there = _named(columns[row.conrelid], row.conkey), _named(columns[row.confrelid], row.confkey)
        if here and there:
            foreign[row.conrelid].append(
                ForeignKey(name=row.conname, columns=here, to=names[row.confrelid], to_columns=there)
            )
    views = _Views({row.ev_class: row.tree for row in connection.execute(_RULES, oids)}, columns, names)
    return tuple(
        TableDescription(
            table=relation.relname,
            columns=tuple((column.name, column.type) for column in columns[relation.oid].values()),
            key=keys.get(relation.oid, ()),
            nullable=frozenset(column.name for column in columns[relation.oid].values() if column.is_nullable),
            unique=tuple(dict.fromkeys(unique[relation.oid])),
            foreign_keys=tuple(foreign[relation.oid]),
            is_view=relation.is_view,
            is_plain=views.is_plain(relation.oid),
            origins=views.origins(relation.oid),
            comment=relation.comment or "",
            row_estimate=relation.row_estimate,
            comments=tuple(
                (column.name, column.comment) for column in columns[relation.oid].values() if column.comment
            ),
        )
        for relation in relations
    )


def _field_type(name: str, element: str | None) -> FieldType:
    """What the catalogue calls a type; what it has no name for is text."""
    word = _TYPES.get(name, "text") if element is None else _ARRAYS.get(_TYPES.get(element, "text"), "text")
    return _KNOWN.get(word, FieldType.TEXT)


def _named(columns: Mapping[int, _Column], positions: Sequence[int]) -> tuple[str, ...]:
    """The columns at the positions; none where one of them can't be read."""
    return tuple(columns[at].name for at in positions) if all(at in columns for at in positions) else ()


class _Views:
    """Views read from their query trees: which column comes unchanged from which table's."""

    def __init__(self, trees: Mapping[int, str], columns: _Columns, names: Mapping[int, str]) -> None:
        self._trees = trees
        self._columns = columns
        self._names = names
        self._outputs = {oid: _outputs(tree) for oid, tree in trees.items()}

    def origins(self, view: int) -> tuple[ColumnOrigin, ...]:
        """Of tables, through views over views."""
        found = ((at, self._table(*source)) for at, source in self._outputs.get(view, {}).items())
        return tuple(
            ColumnOrigin(
                column=self._columns[view][at].name,
                table=self._names[source[0]],
                of=self._columns[source[0]][source[1]].name,
            )
            for at, source in found
            if source is not None and at in self._columns[view]
        )

    def is_plain(self, view: int) -> bool:
        """One table in it, directly or through plain views, and nothing that would make more rows of one."""
        tree = self._trees.get(view)
        if tree is None:
            return False
        below = {source[0] for source in self._outputs[view].values()}
        is_alone = tree.count("{RANGETBLREF ") == 1 and "{SETOPERATIONSTMT " not in tree
        is_even = ":hasTargetSRFs true" not in tree and ":groupClause ({" not in tree and ":groupingSets ({" not in tree
        return (
            is_alone
            and is_even
            and len(below) == 1
            and all(oid not in self._trees or self.is_plain(oid) for oid in below)
        )

    def _table(self, table: int, column: int) -> tuple[int, int] | None:
        while table in self._trees:
            below = self._outputs[table].get(column)
            if below is None:
                return None
            table, column = below
        return (table, column) if column in self._columns.get(table, {}) else None


def _outputs(tree: str) -> dict[int, tuple[int, int]]:
    """Position in the view -> (relation, position there), for columns that are passed on unchanged."""
    found: dict[int, tuple[int, int]] = {}
    depth = 0
    for token in _TOKENS.finditer(tree):
        if token[0] in "{}":
            depth += 1 if token[0] == "{" else -1
        elif token["table"] is not None and depth == _OUTPUT_DEPTH and token["table"] != "0":
            found[int(token["column"])] = (int(token["table"]), int(token["of"]))
    return found
