"""Spans by stage, with nothing of a question or an answer in them."""

import io
import json
from dataclasses import replace

import pytest
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from gateway.app import Gateway, utc_now
from gateway.demo.ask import Asker
from gateway.demo.prepare import Demo
from gateway.model.caller import InboundRequest
from gateway.model.response import Response
from gateway.model.rows import Disclosure
from gateway.settings import Telemetry, load_settings
from gateway.telemetry import Stage, Tracing, configure_logging, operator_log, read_traceparent

STAGES = {"request", *(stage.value for stage in Stage)} - {Stage.RECEIVE.value, Stage.ADMINISTER.value}


async def test_every_stage_has_its_span_and_no_span_holds_data(fresh_demo: Demo) -> None:
    exporter = InMemorySpanExporter()
    tracing = Tracing(Telemetry(sample_ratio=1), SimpleSpanProcessor(exporter))
    gateway = Gateway(settings=load_settings(fresh_demo.settings))
    asker = Asker.from_demo(fresh_demo.folder, "grid-worker", utc_now())
    community = fresh_demo.summary.lonely_elder.community_code
    async with gateway.open():
        pipeline = replace(gateway.rooms.pipeline, tracing=tracing)
        response = await pipeline.answer(
            InboundRequest(
                method="GET",
                path="/data/community.need",
                query_string=f"select=name,phone&community_code=eq.{community}",
                headers={
                    "apikey": asker.app_key,
                    "authorization": f"Bearer {asker.token}",
                    "purpose": "home-visit",
                },
                client_address="127.0.0.1",
                received_at=utc_now(),
                trace_id="ab" * 16,
            )
        )
        assert isinstance(response, Response)
    assert isinstance(response.outcome, Disclosure)
    spans = exporter.get_finished_spans()
    assert {span.name for span in spans} == STAGES
    assert {format(span.context.trace_id, "032x") for span in spans if span.context} == {"ab" * 16}
    written = "".join(span.to_json() for span in spans)
    shown = {str(cell) for row in response.outcome.rows for cell in row if cell is not None and len(str(cell)) > 1}
    assert shown
    assert not [value for value in shown if value in written]
    assert community not in written
    assert "grid-worker" not in written


async def test_a_callers_sampled_flag_is_not_obeyed() -> None:
    exporter = InMemorySpanExporter()
    tracing = Tracing(Telemetry(sample_ratio=0), SimpleSpanProcessor(exporter))
    with tracing.request("1" * 32, "2" * 16), tracing.stage(Stage.PARSE):
        pass
    assert exporter.get_finished_spans() == ()


@pytest.mark.parametrize(
    "header", [None, "", "00-" + "0" * 32 + "-" + "1" * 16 + "-01", "00-xyz", "00-" + "A" * 32 + "-" + "1" * 16 + "-01"]
)
def test_a_malformed_traceparent_begins_a_trace_of_its_own(header: str | None) -> None:
    trace_id, parent = read_traceparent(header)
    assert len(trace_id) == 32
    assert parent is None


def test_a_good_traceparent_is_continued() -> None:
    assert read_traceparent(f"00-{'a' * 32}-{'b' * 16}-01") == ("a" * 32, "b" * 16)


def test_the_operators_log_drops_what_it_does_not_know(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging("INFO")
    operator_log().info("refused", code="GW501", phone="13800001111")
    line = json.loads(capsys.readouterr().err)
    assert line["code"] == "GW501"
    assert "13800001111" not in json.dumps(line)


def test_a_log_that_cannot_be_written_stops_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    configure_logging("INFO")
    gone = io.StringIO()
    gone.close()
    monkeypatch.setattr("sys.stderr", gone)
    operator_log().error("refused", code="GW601")
