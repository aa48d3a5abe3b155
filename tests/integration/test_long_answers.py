"""Answers in batches, over real HTTP and a real PostgreSQL: whole, in flat memory, under back-pressure, and cut."""

import csv
import io
import json
import time
from collections.abc import Iterator

import httpx2
import pyarrow as pa
import pytest

from tests.conformance.staging import Staging, served_schema
from tests.postgres_server import postgres_server

ROWS = 25_000
STATEMENTS = f"""
CREATE TABLE parcels (id bigint PRIMARY KEY, label text, weight numeric(12, 3), sent date, tags text[]);
INSERT INTO parcels
  SELECT g, CASE WHEN g % 7 = 0 THEN NULL ELSE 'parcel ' || g END, g / 8.0, date '2026-01-01' + (g % 300)::int,
         ARRAY['t' || g % 3]
  FROM generate_series(1, {ROWS}) g;
CREATE TABLE stops (id bigint PRIMARY KEY, parcel_id bigint NOT NULL REFERENCES parcels, place text NOT NULL);
INSERT INTO stops SELECT g * 2 + s, g, 'place ' || s FROM generate_series(1, {ROWS}) g, generate_series(0, g % 2) s;
CREATE TABLE slow_seed (id bigint PRIMARY KEY);
INSERT INTO slow_seed SELECT g FROM generate_series(1, 100000) g;
CREATE VIEW slow AS SELECT id, pg_sleep(0.001)::text || id AS nap FROM slow_seed;
CREATE VIEW divided AS SELECT id, 1000 / (id - 20001) AS share FROM parcels;
"""
NDJSON = {"accept": "application/x-ndjson"}


@pytest.fixture(scope="module")
def staging(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Staging]:
    with postgres_server() as server, served_schema(server, tmp_path_factory.mktemp("long"), STATEMENTS) as found:
        yield found


def ask(staging: Staging, question: str, accept: str) -> httpx2.Response:
    with httpx2.Client(timeout=60, trust_env=False) as client:
        return client.get(f"{staging.url}/{question}", headers=staging.headers | {"accept": accept})


def active(staging: Staging) -> int:
    """Sessions that run something, or hold something open, for the gateway."""
    return int(
        staging.scalar(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() "
            "AND state IN ('active', 'idle in transaction') AND pid <> pg_backend_pid()"
        )
    )


def wait_until(staging: Staging, running: int, seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if active(staging) == running:
            return True
        time.sleep(0.05)
    return False


def test_lines_hold_every_row_and_their_embedded_rows(staging: Staging) -> None:
    answer = ask(staging, "parcels?select=id,label,weight,stops(place)&order=id", NDJSON["accept"])
    assert answer.status_code == 200
    assert answer.headers["transfer-encoding"] == "chunked"
    rows = [json.loads(line) for line in answer.text.splitlines()]
    assert [row["id"] for row in rows] == list(range(1, ROWS + 1))
    assert sum(len(row["stops"]) for row in rows) == staging.scalar("SELECT count(*) FROM stops")
    assert rows[6] == {"id": 7, "label": None, "weight": 0.875, "stops": [{"place": "place 0"}, {"place": "place 1"}]}


def test_csv_has_one_header_and_the_cells_of_the_database(staging: Staging) -> None:
    answer = ask(staging, "parcels?select=id,label,sent&order=id&limit=3500&offset=10", "text/csv")
    rows = list(csv.reader(io.StringIO(answer.text)))
    wanted = staging.rows("SELECT id, label, sent FROM parcels ORDER BY id LIMIT 3500 OFFSET 10")
    assert rows == [["id", "label", "sent"], *([str(row["id"]), row["label"] or "", row["sent"]] for row in wanted)]


def test_arrow_has_types_and_exact_numbers(staging: Staging) -> None:
    answer = ask(
        staging,
        "parcels?select=id,weight,sent,tags,stops(place)&id=lte.5000&order=id",
        "application/vnd.apache.arrow.stream",
    )
    table = pa.ipc.open_stream(answer.content).read_all()
    assert table.num_rows == 5000
    assert table.schema.field("weight").type == pa.decimal128(38, 12)
    assert table.schema.field("stops").type == pa.list_(pa.struct([("place", pa.string())]))
    assert str(sum(table.column("weight").to_pylist())).rstrip("0").rstrip(".") == str(
        staging.scalar("SELECT trim_scale(sum(weight)) FROM parcels WHERE id <= 5000")
    )
    assert table.column("tags").to_pylist()[:2] == [["t1"], ["t2"]]


def test_what_fits_in_one_batch_is_an_ordinary_answer(staging: Staging) -> None:
    answer = ask(staging, "parcels?select=id&order=id&limit=2", NDJSON["accept"])
    assert answer.text == '{"id":1}\n{"id":2}\n'
    assert answer.headers["content-length"] == str(len(answer.content))
    assert answer.headers["content-range"] == "0-1/*"
    assert ask(staging, "parcels?select=id&id=lt.0", "text/csv").text == "id\n"


def test_a_client_that_leaves_half_way_ends_the_sources_work(staging: Staging) -> None:
    question = f"{staging.url}/slow?select=id,nap&id=gt.0"
    with httpx2.Client(timeout=60, trust_env=False) as client:
        with client.stream("GET", question, headers=staging.headers | NDJSON) as answer:
            lines = answer.iter_lines()  # kept: when it goes, the client hangs up
            assert json.loads(next(lines))["id"] > 0
            assert wait_until(staging, 1, 5.0)
        assert wait_until(staging, 0, 3.0), "the database still works for nobody"


def test_a_client_that_leaves_before_the_answer_ends_the_sources_work(staging: Staging) -> None:
    with httpx2.Client(timeout=0.6, trust_env=False) as client, pytest.raises(httpx2.TimeoutException):
        client.get(f"{staging.url}/slow?select=id,nap&limit=1000", headers=staging.headers)
    assert wait_until(staging, 0, 3.0), "the database still works for nobody"
    assert ask(staging, "parcels?select=id&limit=1", "application/json").status_code == 200


def test_a_slow_reader_slows_the_source(staging: Staging) -> None:
    with (
        httpx2.Client(timeout=60, trust_env=False) as client,
        client.stream(
            "GET", f"{staging.url}/parcels?select=id,label,weight,sent,tags&order=id", headers=staging.headers | NDJSON
        ) as answer,
    ):
        lines = answer.iter_lines()
        assert json.loads(next(lines))["id"] == 1
        time.sleep(0.5)
        assert sum(1 for _ in lines) == ROWS - 1


def test_an_error_half_way_cuts_the_answer(staging: Staging) -> None:
    with pytest.raises(httpx2.RemoteProtocolError):
        ask(staging, "divided?select=id,share&order=id", NDJSON["accept"])
