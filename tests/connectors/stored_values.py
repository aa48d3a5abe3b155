"""Columns of PostgreSQL's own types: the stored type, the catalogue's, texts of SQL and the cells that they are."""

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from gateway.model.catalog import FieldType
from gateway.model.json_value import Json
from gateway.model.range_value import EMPTY, range_of

D = date


def T(*parts: int) -> datetime:  # noqa: N802  # short, for a table
    return datetime(*parts, tzinfo=UTC)  # type: ignore[misc,arg-type]  # the parts of a time


COLUMNS: dict[str, tuple[str, FieldType, list[tuple[str | None, Any]]]] = {
    "doc": ("jsonb", FieldType.JSON, [
        ('{"a": 1.50, "b": [1, "x", null], "c": {"d": "是"}}', Json('{"a":1.50,"b":[1,"x",null],"c":{"d":"是"}}')),
        ('{"a": "1.50"}', Json('{"a":"1.50"}')), ("[1, 2, [3]]", Json("[1,2,[3]]")), ("null", Json("null")),
        (None, None), ('{"a": 1.5}', Json('{"a":1.5}')), ("[]", Json("[]")), ('"x"', Json('"x"')),
        ("1e2", Json("100")),
        ('{"a": null, "b": {}}', Json('{"a":null,"b":{}}')), ("true", Json("true")),
    ]),
    "old": ("json", FieldType.JSON, [
        ('{"b":1, "a":1e1,"b":2}', Json('{"b":2,"a":10}')), (None, None), ("[ 1 ]", Json("[1]"))]),
    "tags": ("text[]", FieldType.TEXT_ARRAY, [
        ('{a,"b c",NULL}', ("a", "b c", None)), ("{}", ()), ('{"NULL","","{}"}', ("NULL", "", "{}")), (None, None),
        ('{"\\"",\\\\,"é,"}', ('"', "\\", "é,")), ("{a}", ("a",)), ("{b,a}", ("b", "a")), ("{NULL}", (None,)),
    ]),
    "counts": ("int[]", FieldType.INTEGER_ARRAY, [
        ("{1,2,3}", (1, 2, 3)), ("{-1,NULL}", (-1, None)), ("{}", ()), (None, None)]),
    "sums": ("numeric[]", FieldType.NUMERIC_ARRAY, [
        ("{1.50,2}", (Decimal("1.50"), Decimal(2))), ("{1.5}", (Decimal("1.5"),)), (None, None)]),
    "flags": ("boolean[]", FieldType.BOOLEAN_ARRAY, [
        ("{t,f,NULL}", (True, False, None)), ("{t}", (True,)), (None, None)]),
    "days": ("date[]", FieldType.DATE_ARRAY, [
        ("{2026-01-01,0999-12-31}", (D(2026, 1, 1), D(999, 12, 31))), (None, None)]),
    "seen": ("timestamp[]", FieldType.TIMESTAMP_ARRAY, [
        ('{"2026-01-01 08:00:00.5"}', (T(2026, 1, 1, 8, 0, 0, 500000),)), (None, None)]),
    "span": ("int4range", FieldType.INTEGER_RANGE, [
        ("[1,5]", range_of(1, 5, "[]")), ("empty", EMPTY), ("(,3)", range_of(None, 3)), ("[6,)", range_of(6, None)),
        ("[6,9)", range_of(6, 9)), ("(,)", range_of(None, None)), (None, None),
    ]),
    "price": ("numrange", FieldType.NUMERIC_RANGE, [
        ("[1.0,2.50]", range_of(Decimal("1.0"), Decimal("2.50"), "[]")),
        ("(2.5,4)", range_of(Decimal("2.5"), Decimal(4), "()")),
        ("[1,1]", range_of(Decimal(1), Decimal(1), "[]")), ("empty", EMPTY), (None, None),
    ]),
    "valid": ("daterange", FieldType.DATE_RANGE, [
        ("[2026-01-01,2026-12-31]", range_of(D(2026, 1, 1), D(2027, 1, 1))),
        ("[2026-01-01,9999-12-31]", range_of(D(2026, 1, 1), D.max, "[]")),
        ("(,2026-01-01)", range_of(None, D(2026, 1, 1))), ("empty", EMPTY), (None, None),
    ]),
    "open": ("tstzrange", FieldType.TIMESTAMP_RANGE, [
        ("[2026-01-01 08:00+08,2026-01-02)", range_of(T(2026, 1, 1), T(2026, 1, 2))),
        ("[2026-01-02 00:00Z,]", range_of(T(2026, 1, 2), None)), (None, None),
    ]),
    "shut": ("tsrange", FieldType.TIMESTAMP_RANGE, [
        ("[2026-01-01,2026-01-02]", range_of(T(2026, 1, 1), T(2026, 1, 2), "[]")), (None, None)]),
    "ident": ("uuid", FieldType.TEXT, [
        ("A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"), (None, None)]),
    "mood": ("mood", FieldType.TEXT, [("sad", "sad"), ("ok", "ok"), ("happy", "happy"), (None, None)]),
    "spot": ("inet", FieldType.TEXT, [("10.0.0.1", "10.0.0.1/32"), ("10.0.0.0/8", "10.0.0.0/8"), (None, None)]),
    "code": ("char(6)", FieldType.TEXT, [("ab", "ab"), ("abcdef", "abcdef"), (None, None)]),
    "noon": ("time", FieldType.TEXT, [("12:00", "12:00:00"), ("09:30", "09:30:00"), (None, None)]),
    "wait": ("interval", FieldType.TEXT, [("1 day 2 hours", "1 day 02:00:00"), (None, None)]),
    "name": ("varchar(40)", FieldType.TEXT, [
        ("The fat cats ate rats", "The fat cats ate rats"), ("O'Brien 100%", "O'Brien 100%"), ("", ""),
        ("许可证 a.b", "许可证 a.b"),
        ("abc\ndef", "abc\ndef"), ("ABC", "ABC"), (None, None),
    ]),
    "ratio": ("double precision", FieldType.NUMERIC, [
        ("0.1", Decimal("0.1")), ("1.5", Decimal("1.5")), ("-2", Decimal(-2)), (None, None)]),
    "small": ("real", FieldType.NUMERIC, [("0.1", Decimal("0.1")), ("3", Decimal(3)), (None, None)]),
    "number": ("numeric(20)", FieldType.INTEGER, [("12345678901", 12345678901), ("0", 0), (None, None)]),
    "zoned": ("timestamptz", FieldType.TIMESTAMP, [
        ("2026-01-01 08:00+08", T(2026, 1, 1)), ("2025-06-01Z", T(2025, 6, 1)), (None, None)]),
    "local": ("timestamp", FieldType.TIMESTAMP, [
        ("2026-01-01 00:00", T(2026, 1, 1)), ("2025-06-01", T(2025, 6, 1)), (None, None)]),
}  # fmt: skip
