"""What the gateway makes of values and searches is what a real PostgreSQL makes of them."""

from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from itertools import product
from typing import Any

import psycopg
import pytest

from gateway.catalog._search_words import words_of
from gateway.catalog.search import searcher
from gateway.catalog.values import cast_cell
from gateway.disclosure.comparing import sort_key
from gateway.model.catalog import FieldType
from gateway.model.json_value import Json, json_contains
from gateway.model.predicate import SearchMode
from tests.postgres_server import postgres_server

Connection = psycopg.Connection[Any]


@pytest.fixture(scope="module")
def database() -> Iterator[Connection]:
    with postgres_server() as server, server.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        yield connection


def one(database: Connection, statement: str, *values: Any) -> Any:
    row = database.execute(statement, values).fetchone()
    return None if row is None else row[0]


# ------------------------------------------------------------------ full text
TEXTS = (
    "The quick brown foxes jumped over the lazy dogs", "up-to-date permits, issued 2026", "fat cats ate fat rats",
    "foo_bar baz", "mail me@example.com now", "see www.gov.cn or example.org.", "price -5 and 3.14 or v1.2.3",
    "食品 经营 许可证", "COVID-19 rules", "a <b>bold</b> move", "running runs ran easily ponies university universal",
    "It's the end.Next one", "", "the of and", "x1y2 a1-b2 1abc", "cats and rats", "rats the cats", "added egg adding",
    "generously skies dying news happily", "O'Brien's don't", "5th 10km +7 1-2", "hello-world-again", "AT&T R&D",
    "a.b c.d",
)  # fmt: skip
WORDS = (
    "fat rats", "the fat rats", "cats and rats", "up-to-date", "foo_bar", "", "the", "me@example.com", "-5",
    "quick AND dogs", "O'Brien", "AT&T", "rats the cats", "running ponies", "hello-world", "x <b> y",
)  # fmt: skip
ASKED = {
    SearchMode.PLAIN: WORDS,
    SearchMode.PHRASE: WORDS,
    SearchMode.WEB: (
        *WORDS, '"fat rats"', "fat -cats", "fat or dogs", '"cats and rats"', "-fat", '"the fat" or dogs', "or fat",
        "fat or", '"unclosed fat', '-"fat cats"', "fat -the", "a OR b", 'jumped "lazy dogs" -fox', "fat-cats", "- fat",
        "fat or or dogs", '"fat rats" cats', 'fat"cats"', "-or fat",
    ),
    SearchMode.QUERY: (
        "fox", "fat & rat", "fat | dog", "!fat", "fat <-> cat", "fat <2> rat", "cat <-> !dog", "quick:* & dog",
        "'lazy dogs'", "up-to-date", "the", "the & cat", "cats <-> and <-> rats", "(fat|quick) & !dog", "rul:*",
        "permit:A", "fat:D", "fat cat", "fat &", "a <-> cat", "cats & the <-> rats", "!(fat & cat)", "3.14", "-5",
        "fat <-> (cat | rat)", "许可证", "许可:*", "foo_bar", "end.next", "!cat & !dog", "(cat & fat) <-> ate", "!the",
        "'fat'':*", "", "covid-19", "ate <-> !(fat & rats)", "!fat <-> rats", "(fat", "fat)", "&", "!", "fat <x> cat",
    ),
}  # fmt: skip


@pytest.mark.parametrize("language", ["simple", "english"])
def test_texts_become_the_words_of_a_tsvector(database: Connection, language: str) -> None:
    for text in TEXTS:
        words = sorted((word, place) for place, word in words_of(text, language) if word is not None)
        vector = "SELECT lexeme, unnest(positions) FROM unnest(to_tsvector(%s::regconfig, %s))"
        assert words == sorted(database.execute(vector, (language, text)).fetchall()), text


@pytest.mark.parametrize("language", ["simple", "english"])
@pytest.mark.parametrize("mode", SearchMode)
def test_a_search_finds_the_texts_that_postgresql_finds(database: Connection, mode: SearchMode, language: str) -> None:
    query = f"{mode.value}(%s::regconfig, %s)"
    finds = f"SELECT ARRAY(SELECT to_tsvector(%s::regconfig, t) @@ {query} FROM unnest(%s::text[]) t)"
    for words in ASKED[mode]:
        try:
            found = [searcher(words, mode, language)(text) for text in TEXTS]
        except ValueError:
            with pytest.raises(psycopg.errors.SyntaxError):
                one(database, finds, language, language, words, list(TEXTS))
        else:
            assert found == one(database, finds, language, language, words, list(TEXTS)), words


# ------------------------------------------------------------------ JSON
JSONS = (
    "null", "true", "false", "0", "1", "1.0", "-2", "1e2", '""', '"a"', '"B"', '"b"', "[]", "[1]", "[1, 2]", "[2]",
    "[[]]", "[[1], 2]", "{}", '{"a": 1}', '{"a": 1.0}', '{"b": 0}', '{"a": 2}', '{"a": 1, "b": 2}', '{"aa": 1}',
    '{"a": {"b": [1, {"c": 2}]}}', '{"a": {"b": [{"c": 2}]}}', '[{"a": 1}, 3]', '{"a":1,"a":2}', '["a", null, true]',
    '{"b": 1, "aa": 2, "a": "\\u00e9\\n\\""}', "1.50", "-0.0", "1E-3", "[1, [2, [3]]]", "[[2]]", "[null]",
)  # fmt: skip


def test_json_is_written_compared_and_contained_as_jsonb(database: Connection) -> None:
    for text in JSONS:
        assert Json(text).text == one(database, "SELECT (%s::jsonb)::text", text)
    for left, right in product(JSONS, JSONS):
        here, there = sort_key(Json(left)), sort_key(Json(right))
        compared = (here < there, here == there, json_contains(Json(left).tree, Json(right).tree))
        told = "SELECT ARRAY[a < b, a = b, a @> b] FROM (SELECT %s::jsonb AS a, %s::jsonb AS b) t"
        assert list(compared) == one(database, told, left, right), (left, right)


@pytest.mark.parametrize(
    "text", ["", "{", "01", "NaN", "[1,]", '"\ud800"', '"\\ud800"', '"\\u0000"', "{'a':1}", "tru", "1 2", "1e999"]
)
def test_what_is_no_json_or_too_long_a_number_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="no JSON value"):
        Json(text)


def test_arrays_are_compared_as_postgresql_compares_them(database: Connection) -> None:
    arrays: list[tuple[int | None, ...]] = [(), (1,), (1, 2), (2,), (None,), (1, None), (None, None)]
    for left, right in product(arrays, arrays):
        told = one(database, "SELECT ARRAY[a < b, a = b] FROM (SELECT %s::bigint[] AS a, %s::bigint[] AS b) t",
                   list(left), list(right))  # fmt: skip
        assert [sort_key(left) < sort_key(right), left == right] == told


# ------------------------------------------------------------------ casts
CASTS: tuple[tuple[str, Any, FieldType, str], ...] = (
    ("numeric", "2.5", FieldType.INTEGER, "bigint"), ("numeric", "-2.5", FieldType.INTEGER, "bigint"),
    ("numeric", "1.4999", FieldType.INTEGER, "bigint"), ("numeric", "1e19", FieldType.INTEGER, "bigint"),
    ("text", " 42 ", FieldType.INTEGER, "bigint"), ("text", "4.2", FieldType.INTEGER, "bigint"),
    ("text", "", FieldType.INTEGER, "bigint"),
    ("text", "+7", FieldType.INTEGER, "bigint"), ("boolean", "t", FieldType.INTEGER, "int"),
    ("text", " -1.50 ", FieldType.NUMERIC, "numeric"), ("text", ".5", FieldType.NUMERIC, "numeric"),
    ("text", "x", FieldType.NUMERIC, "numeric"),
    ("text", "yes", FieldType.BOOLEAN, "boolean"), ("text", "OFF", FieldType.BOOLEAN, "boolean"),
    ("text", "of", FieldType.BOOLEAN, "boolean"),
    ("text", "o", FieldType.BOOLEAN, "boolean"), ("text", "1", FieldType.BOOLEAN, "boolean"),
    ("text", "2", FieldType.BOOLEAN, "boolean"),
    ("int", "2", FieldType.BOOLEAN, "boolean"), ("int", "0", FieldType.BOOLEAN, "boolean"),
    ("text", "2026-02-29", FieldType.DATE, "date"), ("text", "2026-03-01", FieldType.DATE, "date"),
    ("text", "2026-03-01T23:30:00-05:00", FieldType.DATE, "date"),
    ("text", "2026-03-01 10:00+08", FieldType.TIMESTAMP, "timestamptz"),
    ("text", "2026-03-01", FieldType.TIMESTAMP, "timestamptz"),
    ("timestamptz", "2026-03-01 00:30+08", FieldType.DATE, "date"),
    ("date", "2026-03-01", FieldType.TIMESTAMP, "timestamptz"),
    ("boolean", "f", FieldType.TEXT, "text"), ("numeric", "1.50", FieldType.TEXT, "text"),
    ("date", "2026-03-01", FieldType.TEXT, "text"),
    ("jsonb", "2.5", FieldType.INTEGER, "bigint"), ("jsonb", "1.50", FieldType.NUMERIC, "numeric"),
    ("jsonb", '"1"', FieldType.INTEGER, "bigint"),
    ("jsonb", "true", FieldType.BOOLEAN, "boolean"), ("jsonb", "null", FieldType.BOOLEAN, "boolean"),
    ("jsonb", '{"b":1}', FieldType.TEXT, "text"),
)  # fmt: skip


@pytest.mark.parametrize(("source", "written", "target", "named"), CASTS)
def test_a_cast_means_what_it_means_there(
    database: Connection, source: str, written: str, target: FieldType, named: str
) -> None:
    cell = Json(written) if source == "jsonb" else one(database, f"SELECT %s::{source}", written)
    there = f"SELECT (%s::{source})::{named}"
    try:
        found = cast_cell(cell, target)
    except ValueError:
        with pytest.raises(psycopg.errors.DataError):
            one(database, there, written)
    else:
        assert repr(found) == repr(_ours(one(database, there, written)))


def _ours(cell: Any) -> Any:
    return cell.astimezone(UTC) if isinstance(cell, datetime) else cell


def test_what_can_have_no_such_cast_is_refused() -> None:
    for cell, target in (
        (date(2026, 1, 1), FieldType.INTEGER),
        (True, FieldType.NUMERIC),
        (Decimal(1), FieldType.DATE),
        ((1, 2), FieldType.INTEGER),
        ("x", FieldType.TEXT_ARRAY),
    ):
        with pytest.raises(ValueError, match="can't be cast"):
            cast_cell(cell, target)
