"""What is told beside the answer: caches, traces, log entries, the work that a look-up makes, pseudonyms."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from urllib.parse import quote

import pytest
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from gateway.app import Gateway, utc_now
from gateway.demo.ask import Asker
from gateway.demo.prepare import Demo
from gateway.model.caller import InboundRequest
from gateway.model.ids import PurposeId, SourceName
from gateway.model.response import Response
from gateway.model.rows import Disclosure
from gateway.pipeline import Pipeline
from gateway.settings import Telemetry, load_settings
from gateway.telemetry import Tracing
from tests.key_rings import ring_of
from tests.recording_source import RecordingSource
from tests.town import Town

POLICE = SourceName("police-db")
EMBEDDING = (
    "public-security.resident?select=theirname:name,household(theirplace:address),theirneeds:needs(need_kind)"
    "&name=neq.{literal}&theirneeds.need_kind=neq.{literal}&or=(household.not.is.null,age_band.eq.{literal})&limit=3"
)
LITERAL = "谁也不叫这个"


def request(demo: Demo, question: str, accept: str = "application/json") -> InboundRequest:
    asker = Asker.from_demo(demo.folder, "grid-worker", utc_now())
    path, _, query_string = question.partition("?")
    headers = {"apikey": asker.app_key, "authorization": f"Bearer {asker.token}", "purpose": "home-visit"}
    return InboundRequest(
        method="GET",
        path=f"/data/{path}",
        query_string=query_string,
        headers=headers | {"accept": accept},
        client_address="127.0.0.1",
        received_at=utc_now(),
        trace_id="2" * 32,
    )


@asynccontextmanager
async def recorded(demo: Demo, tracing: Tracing | None = None) -> AsyncIterator[tuple[Pipeline, RecordingSource]]:
    gateway = Gateway(settings=load_settings(demo.settings))
    async with gateway.open():
        pipeline = gateway.rooms.pipeline
        recording = RecordingSource(pipeline.sources[POLICE])
        changed = replace(pipeline, sources=dict(pipeline.sources) | {POLICE: recording})
        yield replace(changed, tracing=tracing) if tracing is not None else changed, recording


@pytest.mark.parametrize("accept", ["application/json", "text/csv", "application/x-ndjson"])
def test_no_answer_can_be_kept_or_asked_for_by_its_tag(town: Town, accept: str) -> None:
    path = "/data/community.need?select=need_no&order=need_no&limit=2"
    plain = town.get(path, town.headers("grid-worker", "home-visit") | {"accept": accept})
    assert plain.status_code == 200
    assert plain.headers["cache-control"] == "no-store"
    assert not {"etag", "last-modified", "age", "expires"} & set(plain.headers)
    conditional = {"if-none-match": "*", "if-modified-since": "Fri, 01 Jan 2100 00:00:00 GMT"}
    again = town.get(path, town.headers("grid-worker", "home-visit") | {"accept": accept} | conditional)
    assert (again.status_code, again.content) == (200, plain.content)


async def test_a_look_up_works_the_same_for_a_hidden_row_and_for_none(fresh_demo: Demo) -> None:
    async with recorded(fresh_demo) as (pipeline, source):
        told = []
        for number in (fresh_demo.summary.neighbour.id_number, "330102190001010018"):
            source.fetches.clear()
            source.rows.clear()
            answer = await pipeline.answer(
                request(fresh_demo, f"public-security.resident?select=name,household(address)&id_number=eq.{number}")
            )
            assert isinstance(answer, Response)
            shapes = [(fetch.table, fetch.columns, fetch.limit) for fetch in source.fetches]
            told.append((answer.body, shapes, list(source.rows)))
    assert told[0] == told[1]
    assert told[0][2] == []


async def test_no_alias_and_no_literal_reaches_the_log_or_a_trace(fresh_demo: Demo) -> None:
    exporter = InMemorySpanExporter()
    tracing = Tracing(Telemetry(sample_ratio=1), SimpleSpanProcessor(exporter))
    async with recorded(fresh_demo, tracing) as (pipeline, _):
        answer = await pipeline.answer(request(fresh_demo, EMBEDDING.format(literal=quote(LITERAL))))
        assert isinstance(answer, Response)
        assert isinstance(answer.outcome, Disclosure)
        refused = await pipeline.answer(
            request(fresh_demo, f"public-security.resident?select={quote(LITERAL)}(theirs)")
        )
        assert isinstance(refused, Response)
    written = "".join(span.to_json() for span in exporter.get_finished_spans())
    log = b"".join(path.read_bytes() for path in (fresh_demo.folder / "state").glob("langqiao.db*"))
    told = written + log.decode("utf-8", "replace")
    shown = {row["theirname"] for row in json.loads(answer.body)}
    assert shown
    for text in (LITERAL, json.dumps(LITERAL)[1:-1], "theirname", "theirplace", "theirneeds", *filter(None, shown)):
        assert text not in told


def test_pseudonyms_of_two_purposes_cannot_be_joined(fresh_demo: Demo) -> None:
    keys = ring_of(load_settings(fresh_demo.settings))
    one, other = (keys.mask_keys(PurposeId(name)).pseudonym() for name in ("home-visit", "statistics"))
    person = b"330102195001010011"
    assert one.digest(person) == one.digest(person)
    assert one.digest(person) != other.digest(person)
