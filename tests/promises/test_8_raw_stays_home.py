"""Promise 8: row filters, projections and masks run at the source where it can; the gateway stores none of its data."""

import re
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

from gateway.app import Gateway, utc_now
from gateway.demo.ask import Asker
from gateway.demo.prepare import Demo
from gateway.model.caller import InboundRequest
from gateway.model.ids import FieldName, SourceName
from gateway.model.predicate import EVERYTHING
from gateway.model.response import Response
from gateway.model.rows import Disclosure
from gateway.pipeline import Pipeline
from gateway.settings import load_settings
from tests.recording_source import RecordingSource
from tests.town import Town

LEDGER = SourceName("ledger-db")
MOBILE = re.compile(r"1[3-9]\d{9}")


@asynccontextmanager
async def _recorded(demo: Demo) -> AsyncIterator[tuple[Pipeline, RecordingSource]]:
    gateway = Gateway(settings=load_settings(demo.settings))
    async with gateway.open():
        pipeline = gateway.rooms.pipeline
        recording = RecordingSource(pipeline.sources[LEDGER])
        yield replace(pipeline, sources=dict(pipeline.sources) | {LEDGER: recording}), recording


def _request(demo: Demo, question: str) -> InboundRequest:
    asker = Asker.from_demo(demo.folder, "grid-worker", utc_now())
    path, _, query_string = question.partition("?")
    headers = {"apikey": asker.app_key, "authorization": f"Bearer {asker.token}", "purpose": "home-visit"}
    return InboundRequest(
        method="GET",
        path=f"/data/{path}",
        query_string=query_string,
        headers=headers,
        client_address="127.0.0.1",
        received_at=utc_now(),
        trace_id="1" * 32,
    )


async def test_only_what_was_granted_is_asked_of_the_source(fresh_demo: Demo) -> None:
    async with _recorded(fresh_demo) as (pipeline, source):
        response = await pipeline.answer(_request(fresh_demo, "community.need?select=name,need_kind&limit=5"))
        assert isinstance(response, Response)
        assert isinstance(response.outcome, Disclosure)
        assert len(response.outcome.rows) == 5
        (fetch,) = source.fetches
        # the shown fields, and the person a row is about, for the log's keyed hash
        assert {column.source.field for column in fetch.columns} == {"name", "need_kind", "id_number"}
        assert fetch.where != EVERYTHING, "the row filter runs at the source"
        assert fetch.limit == 5
        assert len(source.rows) == 5


async def test_a_mask_that_the_source_can_run_keeps_the_raw_value_there(fresh_demo: Demo) -> None:
    async with _recorded(fresh_demo) as (pipeline, source):
        response = await pipeline.answer(_request(fresh_demo, "community.need?select=phone"))
        assert isinstance(response, Response)
        assert isinstance(response.outcome, Disclosure)
        (fetch,) = source.fetches
        forms = {column.source.field: column.form for column in fetch.columns}
        assert forms[FieldName("phone")] is not None
        phones = [row[[column.source.field for column in fetch.columns].index("phone")] for row in source.rows]  # type: ignore[arg-type]
        assert phones
        assert not any(MOBILE.search(str(phone)) for phone in phones)


def test_the_gateways_own_database_holds_no_value_of_a_department(town: Town) -> None:
    shown = town.ask("grid-worker", "community.need?select=name,address,need_kind,phone&limit=50", "home-visit").rows()
    assert shown
    with sqlite3.connect(town.demo.folder / "city" / "police.db") as police:
        people = police.execute("SELECT SFZH, LXDH FROM T_CZRK LIMIT 500").fetchall()
    raw = b"".join(path.read_bytes() for path in town.log.parent.glob("langqiao.db*"))
    values = {str(row["address"]) for row in shown} | {str(value) for person in people for value in person if value}
    assert not [value for value in values if len(value) > 8 and value.encode() in raw]
