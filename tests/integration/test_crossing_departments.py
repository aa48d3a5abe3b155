"""One question over the systems of several departments: each side under its own rules, keys in batches, three trips."""

import asyncio
import json
import sqlite3
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, closing
from dataclasses import replace
from typing import Any, cast

import jwt
import pytest

from gateway.app import Gateway, utc_now
from gateway.audit import AuditLog
from gateway.decision import PolicyEngine
from gateway.demo.ask import Asker
from gateway.demo.city import MARKET_FILE
from gateway.demo.market_service import create_market_app
from gateway.demo.prepare import Demo
from gateway.demo.serving import serving
from gateway.errors import AuditFailed, AuditUnavailable, PolicyChanged, SourceTimeout
from gateway.model.audit import AuditEntry, AuditReceipt
from gateway.model.caller import InboundRequest
from gateway.model.response import Response, Stream
from gateway.model.rows import Disclosure
from gateway.pipeline import Pipeline
from gateway.settings import load_settings
from tests.audit_logs import document_of
from tests.key_rings import seals_of
from tests.recording_source import RecordingSource
from tests.town import build, edited_bundle

QUESTION = (
    "public-security.resident?select=name,id_number,assistance(level,monthly),businesses(name,status),"
    "vaccinations(vaccine,dose)&order=resident_no&limit=50"
)
RULES = """\
p, T001, role:community/grid-worker, app:any, ds:civil-affairs.assistance, rows, pur:home-visit, cn, *, , , , allow, where=community_code under subject.regions
p, T002, role:community/grid-worker, app:any, ds:civil-affairs.assistance, show, pur:home-visit, cn, *, , , , allow, level=clear
p, T003, role:community/grid-worker, app:any, ds:market-regulation.business, rows, pur:home-visit, cn, *, , , , allow,
p, T004, role:community/grid-worker, app:any, ds:market-regulation.business, show, pur:home-visit, cn, *, , , , allow, level=partial
p, T005, role:community/grid-worker, app:any, ds:market-regulation.business, match, pur:home-visit, cn, *, , , , allow,
p, T006, role:community/grid-worker, app:any, ds:health.vaccination, rows, pur:home-visit, cn, *, , , , allow,
p, T007, role:community/grid-worker, app:any, ds:health.vaccination, show, pur:home-visit, cn, *, , , , allow, level=clear
p, T009, role:community/grid-worker, app:any, field:civil-affairs.assistance.id_number, match, pur:home-visit, cn, *, , , , allow,
p, T010, role:community/grid-worker, app:any, field:health.vaccination.id_number, match, pur:home-visit, cn, *, , , , allow,
p, T008, role:community/grid-worker, app:any, field:public-security.resident.resident_no, show, pur:home-visit, cn, *, , , , allow, level=clear
"""  # noqa: E501 - a rule is a line


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory, city: Demo) -> Iterator[Demo]:
    folder = tmp_path_factory.mktemp("crossing")
    first = "p, C001,"
    bundle = edited_bundle(folder, {"rules/community.csv": (first, RULES + first)})
    made = build(folder / "town", city=city.folder / "city", bundle=bundle)
    with serving(create_market_app(made.folder / "city" / MARKET_FILE, made.market_token), made.market_port):
        yield made


@asynccontextmanager
async def recorded(demo: Demo) -> AsyncIterator[tuple[Pipeline, dict[str, RecordingSource]]]:
    gateway = Gateway(settings=load_settings(demo.settings))
    async with gateway.open():
        pipeline = gateway.rooms.pipeline
        sources = {name: RecordingSource(inner) for name, inner in pipeline.sources.items()}
        yield replace(pipeline, sources=sources), {str(name): source for name, source in sources.items()}


def request(demo: Demo, question: str, accept: str = "application/json") -> InboundRequest:
    asker = Asker.from_demo(demo.folder, "grid-worker", utc_now())
    path, _, query_string = question.partition("?")
    return InboundRequest(
        method="GET",
        path=f"/data/{path}",
        query_string=query_string,
        headers={
            "apikey": asker.app_key,
            "authorization": f"Bearer {asker.token}",
            "purpose": "home-visit",
            "accept": accept,
        },
        client_address="127.0.0.1",
        received_at=utc_now(),
        trace_id="1" * 32,
    )


async def answered(pipeline: Pipeline, demo: Demo, question: str) -> list[dict[str, Any]]:
    response = await pipeline.answer(request(demo, question))
    assert isinstance(response, Response)
    assert isinstance(response.outcome, Disclosure), response.outcome
    rows: list[dict[str, Any]] = json.loads(response.body)
    return rows


def sql(demo: Demo, file: str, text: str, *values: object) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(demo.folder / "city" / file)) as database:
        return database.execute(text, values).fetchall()


def residents(demo: Demo) -> list[tuple[Any, ...]]:
    """Number, ID number and name of the first fifty of the worker's community, by plain SQL."""
    token = Asker.from_demo(demo.folder, "grid-worker", utc_now()).token
    community = jwt.decode(token, options={"verify_signature": False})["regions"][0]
    return sql(demo, "police.db", "SELECT RYBH, SFZH, XM FROM T_CZRK WHERE SQDM = ? ORDER BY RYBH LIMIT 50", community)


async def test_fifty_residents_from_four_systems_take_one_trip_each(demo: Demo) -> None:
    async with recorded(demo) as (pipeline, sources):
        rows = await answered(pipeline, demo, QUESTION)
    assert len(rows) == 50
    assert {name: len(source.fetches) for name, source in sources.items() if source.fetches} == {
        "police-db": 1,
        "civil-db": 1,
        "market-api": 1,
        "health-db": 1,
    }
    people = residents(demo)
    assert [row["name"] for row in rows] == [name for _, _, name in people]
    numbers = [str(number) for _, number, _ in people]
    marks = ",".join("?" * len(numbers))
    allowances = sql(demo, "civil.db", f"SELECT sfzhm, je_fen FROM t_dibao WHERE sfzhm IN ({marks})", *numbers)
    doses = sql(demo, "health.db", f"SELECT id_card, vac_name FROM vac_record WHERE id_card IN ({marks})", *numbers)
    firms = sql(
        demo,
        "market.db",
        f'SELECT "legalPersonIdNo", "entName" FROM enterprises WHERE "legalPersonIdNo" IN ({marks})',
        *numbers,
    )
    assert allowances
    assert doses
    assert firms
    for row, number in zip(rows, numbers, strict=True):
        assert sorted(round(one["monthly"] * 100) for one in row["assistance"]) == sorted(
            fen for person, fen in allowances if person == number
        )
        assert sorted(one["vaccine"] for one in row["vaccinations"]) == sorted(
            vaccine for person, vaccine in doses if person == number
        )
        assert len(row["businesses"]) == sum(person == number for person, _ in firms)


def entries(demo: Demo) -> list[dict[str, Any]]:
    opener = seals_of(load_settings(demo.settings)).open
    with closing(sqlite3.connect(demo.folder / "state" / "langqiao.db")) as log:
        return [document_of(body, opener) for (body,) in log.execute("SELECT body FROM audit_entry ORDER BY idx")]


async def test_every_department_has_an_entry_of_its_own_before_anything_leaves(demo: Demo) -> None:
    async with recorded(demo) as (pipeline, _):
        response = await pipeline.answer(request(demo, QUESTION))
        assert isinstance(response, Response)
        assert response.receipt is not None
    (*below, root) = entries(demo)[-4:]
    assert root["dataset"] == "public-security.resident"
    assert (root["rows"], len(root["subjects"]), root["detail"]) == (50, 50, "")
    told = {entry["dataset"]: entry for entry in below}
    assert {entry["detail"] for entry in below} == {
        "embedded as assistance", "embedded as businesses", "embedded as vaccinations",
    }  # fmt: skip
    for dataset in ("civil-affairs.assistance", "market-regulation.business", "health.vaccination"):
        entry = told[dataset]
        assert entry["trace_id"] == root["trace_id"]
        assert entry["response_sha256"] == root["response_sha256"]
        assert entry["rows"] > 0
        assert set(entry["subjects"]) <= set(root["subjects"])
        assert {"field": entry["fields"][0]["field"]}.items() <= entry["fields"][0].items()
        assert any("join" in field["uses"] for field in entry["fields"])


async def test_nested_three_deep_takes_a_trip_a_level(demo: Demo) -> None:
    question = (
        "public-security.resident?select=name,household(household_no,residents(name,needs(need_kind)))"
        "&order=resident_no&limit=20"
    )
    async with recorded(demo) as (pipeline, sources):
        rows = await answered(pipeline, demo, question)
    assert {name: len(source.fetches) for name, source in sources.items() if source.fetches} == {
        "police-db": 3,
        "ledger-db": 1,
    }
    assert all(row["name"] in {one["name"] for one in row["household"]["residents"]} for row in rows)


async def test_an_inner_filter_on_the_far_side_is_asked_first(demo: Demo) -> None:
    question = "public-security.resident?select=name,needs!inner(need_kind)&needs.need_kind=eq.%E9%99%AA%E8%AF%8A"
    async with recorded(demo) as (pipeline, sources):
        rows = await answered(pipeline, demo, question)
    assert rows
    assert all({one["need_kind"] for one in row["needs"]} == {"陪诊"} for row in rows)
    (near,), (far,) = sources["police-db"].fetches, sources["ledger-db"].fetches
    assert "id_number" in str(near.where), "residents are asked for by the keys that the needs had"
    assert "id_number" not in str(far.where)
    assert len(sources["police-db"].rows) == len(rows)


async def test_a_filter_here_is_asked_first_where_it_narrows_more(demo: Demo) -> None:
    (number, _, name), *_ = residents(demo)
    question = (
        f"public-security.resident?select=name,needs!inner(need_kind)&resident_no=eq.{number}&needs.lives_alone=is.true"
    )
    async with recorded(demo) as (pipeline, sources):
        rows = await answered(pipeline, demo, question)
    assert [row["name"] for row in rows] in ([], [name])
    assert len(sources["police-db"].rows) == 1


async def test_keys_that_are_masked_without_match_join_nothing(demo: Demo) -> None:
    async with recorded(demo) as (pipeline, sources):
        refused = await pipeline.answer(request(demo, "community.need?select=need_kind,visits(visited_on)"))
    assert isinstance(refused, Response)
    assert not isinstance(refused.outcome, Disclosure)
    assert refused.outcome.error.code == "GW401"
    assert not any(source.fetches for source in sources.values())


async def test_a_link_of_others_answers_as_one_that_does_not_exist(demo: Demo) -> None:
    async with recorded(demo) as (pipeline, _):
        told = []
        for link in ("appointments", "shoes"):
            refused = await pipeline.answer(request(demo, f"public-security.resident?select=name,{link}(phone)"))
            assert isinstance(refused, Response)
            assert not isinstance(refused.outcome, Disclosure)
            error = refused.outcome.error
            told.append(
                [error.code, *(text.replace(link, "x") for text in (error.message("zh"), error.hint("en"), str(error)))]
            )
    assert told[0] == told[1]
    assert "assistance, businesses, household, needs, vaccinations;" in told[0][2]


async def test_long_answers_embed_batch_by_batch(demo: Demo) -> None:
    question = "public-security.resident?select=name,vaccinations(vaccine)&order=resident_no"
    async with recorded(demo) as (pipeline, sources):
        small = replace(pipeline, limits=pipeline.limits.model_copy(update={"page_rows": 40}))
        answer = await small.answer(request(demo, question, "application/x-ndjson"))
        assert isinstance(answer, Stream)
        sizes = []
        async for batch in answer.batches:
            sizes.append(batch.count(b"\n"))
            await asyncio.sleep(0)
    assert sizes[:-1] == [40] * (len(sizes) - 1)
    assert len(sizes) > 2
    assert len(sources["police-db"].fetches) == 1
    assert len(sources["health-db"].fetches) == len(sizes)
    opened, *batches, closed = entries(demo)[-2 - 2 * len(sizes) :]
    assert (opened["outcome"], closed["outcome"]) == ("opened", "closed")
    assert {entry["outcome"] for entry in batches} == {"released"}
    assert sum(entry["rows"] for entry in batches if entry["dataset"] == "public-security.resident") == sum(sizes)
    assert closed["detail"] == f"{sum(sizes)} rows in {len(sizes)} batches"
    assert len({entry["refers_to"] for entry in (*batches, closed)}) == 1


async def test_a_policy_that_changes_half_way_ends_a_long_answer(demo: Demo) -> None:
    question = "public-security.resident?select=name&order=resident_no"
    async with recorded(demo) as (pipeline, _):
        serving = [pipeline.engine()]
        limits = pipeline.limits.model_copy(update={"page_rows": 40})
        changing = replace(pipeline, limits=limits, engine=lambda: serving[0])
        answer = await changing.answer(request(demo, question, "text/csv"))
        assert isinstance(answer, Stream)
        first = await anext(answer.batches)
        assert first.startswith(b"name\n")
        serving[0] = cast("PolicyEngine", _Other(serving[0]))
        with pytest.raises(PolicyChanged):
            await anext(answer.batches)
    assert (entries(demo)[-1]["kind"], entries(demo)[-1]["code"]) == ("refusal", "GW410")


async def test_keys_travel_in_batches_of_their_limit(demo: Demo) -> None:
    async with recorded(demo) as (pipeline, sources):
        for most, fetches in ((20, 3), (25, 2), (50, 1)):
            sources["health-db"].fetches.clear()
            small = replace(pipeline, limits=pipeline.limits.model_copy(update={"embed_keys": most}))
            question = "public-security.resident?select=name,vaccinations(dose)&order=resident_no&limit=50"
            await answered(small, demo, question)
            assert len(sources["health-db"].fetches) == fetches


async def test_a_long_answer_ends_at_its_time(demo: Demo) -> None:
    async with recorded(demo) as (pipeline, _):
        limits = pipeline.limits.model_copy(update={"page_rows": 10})
        hasty = replace(pipeline, limits=limits, timeouts=pipeline.timeouts.model_copy(update={"stream": 0.2}))
        answer = await hasty.answer(request(demo, "public-security.resident?select=name", "application/x-ndjson"))
        assert isinstance(answer, Stream)
        await anext(answer.batches)
        await anext(answer.batches)
        await asyncio.sleep(0.3)
        with pytest.raises(SourceTimeout):
            await anext(answer.batches)


async def test_a_batch_whose_entry_fails_does_not_leave(demo: Demo) -> None:
    question = "public-security.resident?select=name&order=resident_no"
    async with recorded(demo) as (pipeline, _):
        log = _Failing(pipeline.audit, good=2)  # the opening, and the first batch
        limits = pipeline.limits.model_copy(update={"page_rows": 40})
        answer = await replace(pipeline, limits=limits, audit=log).answer(  # type: ignore[arg-type]  # it answers as the log does
            request(demo, question, "application/x-ndjson")
        )
        assert isinstance(answer, Stream)
        await anext(answer.batches)
        with pytest.raises(AuditFailed):
            await anext(answer.batches)


class _Other:
    """The same policy under another version."""

    version = "f" * 64

    def __init__(self, inner: object) -> None:
        self._inner = inner

    def __getattr__(self, name: str) -> object:
        return getattr(self._inner, name)


class _Failing:
    """A log that takes so many entries and no more."""

    def __init__(self, inner: AuditLog, good: int) -> None:
        self._inner = inner
        self._good = good
        self.ask = inner.ask

    is_ready = True

    async def append(self, entry: AuditEntry) -> AuditReceipt:
        return (await self.append_all((entry,)))[0]

    async def append_all(self, entries: Sequence[AuditEntry]) -> list[AuditReceipt]:
        if self._good == 0:
            raise AuditUnavailable(operator="full")
        self._good -= 1
        return await self._inner.append_all(entries)
