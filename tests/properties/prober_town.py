"""A town of five datasets in three systems, asked by text; and ways in which two of it differ that nobody may see."""

import asyncio
import contextlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from functools import partial
from typing import Any

from gateway.disclosure import disclose, disclose_in_batches, refuse_range, render, writer_of
from gateway.errors import GatewayError
from gateway.model.caller import InboundRequest
from gateway.model.catalog import Dataset, Field, FieldType, Link
from gateway.model.decision import DecidedQuery, Decision, FieldVerdict, RowVerdict, Verdict
from gateway.model.ids import DatasetName, DepartmentName, FieldName, MaskName, SourceName
from gateway.model.json_value import Json
from gateway.model.plan import ReadPlan
from gateway.model.predicate import EVERYTHING, Comparator, Compare, Not, Predicate
from gateway.model.query import STREAMED, BoundQuery, FieldUse
from gateway.model.rows import Disclosure, RawRows
from gateway.planning import plan_question
from gateway.query import bind, parse
from gateway.settings import Limits
from gateway.spi import Capabilities
from tests.memory_connector import MemoryConnector
from tests.unit.query import small_town
from tests.unit.query.small_town import NOW, PURPOSE, TITLE
from tests.unit.query.whole_road import CONTEXT

Rows = Sequence[Mapping[str, Any]]
City = Mapping[str, Rows]
LIMITS = Limits(page_rows=20, embed_keys=2)
CLEAR, DENIED = "clear", "denied"


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """A dataset: its fields with what the asker may see of each, and the rows that are not theirs."""

    source: str
    key: str
    fields: Mapping[str, tuple[FieldType, str, bool]]  # type, level, whether `match` is granted
    links: Mapping[str, tuple[str, str, str, bool]]  # to, field here, field there, to one
    hides: tuple[str, str] | None = None  # rows whose field has that value are not the asker's


TOWN: Mapping[str, Kept] = {
    "police.person": Kept(
        source="police",
        key="no",
        fields={
            "no": (FieldType.INTEGER, CLEAR, False),
            "name": (FieldType.TEXT, CLEAR, False),
            "id_number": (FieldType.TEXT, "redact", True),
            "phone": (FieldType.TEXT, "partial", False),
            "born": (FieldType.DATE, "partial", False),
            "district": (FieldType.TEXT, CLEAR, False),
            "balance": (FieldType.NUMERIC, DENIED, False),
            "data": (FieldType.JSON, "redact", False),
            "tags": (FieldType.TEXT_ARRAY, DENIED, False),
        },
        links={
            "grants": ("aid.grant", "id_number", "id_number", False),
            "firms": ("market.firm", "id_number", "owner_id", False),
            "members": ("police.member", "no", "person_no", False),
        },
        hides=("district", "9"),
    ),
    "police.member": Kept(
        source="police",
        key="person_no,club_no",
        fields={"person_no": (FieldType.INTEGER, CLEAR, False), "club_no": (FieldType.INTEGER, CLEAR, False)},
        links={
            "person": ("police.person", "person_no", "no", True),
            "club": ("police.club", "club_no", "no", True),
            "visits": ("police.visit", "person_no,club_no", "person_no,club_no", False),
        },
    ),
    "police.visit": Kept(
        source="police",
        key="no",
        fields={
            "no": (FieldType.INTEGER, CLEAR, False),
            "person_no": (FieldType.INTEGER, CLEAR, False),
            "club_no": (FieldType.INTEGER, CLEAR, False),
        },
        links={"member": ("police.member", "person_no,club_no", "person_no,club_no", True)},
    ),
    "police.club": Kept(
        source="police",
        key="no",
        fields={
            "no": (FieldType.INTEGER, CLEAR, False),
            "title": (FieldType.TEXT, CLEAR, False),
            "secret": (FieldType.TEXT, DENIED, False),
        },
        links={"members": ("police.member", "no", "club_no", False)},
        hides=("title", "hidden"),
    ),
    "aid.grant": Kept(
        source="aid",
        key="no",
        fields={
            "no": (FieldType.INTEGER, CLEAR, False),
            "id_number": (FieldType.TEXT, "redact", True),
            "level": (FieldType.TEXT, CLEAR, False),
            "amount": (FieldType.NUMERIC, "redact", False),
            "note": (FieldType.TEXT, DENIED, False),
        },
        links={"person": ("police.person", "id_number", "id_number", True)},
        hides=("level", "hidden"),
    ),
    "market.firm": Kept(
        source="market",
        key="code",
        fields={
            "code": (FieldType.TEXT, CLEAR, False),
            "name": (FieldType.TEXT, CLEAR, False),
            "owner_id": (FieldType.TEXT, "redact", False),
        },
        links={"owner": ("police.person", "owner_id", "id_number", True)},
    ),
}


def _person(no: int, **cells: object) -> dict[str, Any]:
    plain = {"no": no, "name": f"n{no}", "id_number": f"id{no}", "phone": "13812345678", "born": None, "district": "1"}
    return {**plain, "balance": None, "data": None, "tags": None, **cells}


PLAIN: City = {
    "police.person": (
        _person(1),
        _person(2, district="2", data=Json.of({"a": "5"})),
        _person(3, name=None),
        _person(4, district="2"),
    ),
    "police.member": (
        {"person_no": 1, "club_no": 1},
        {"person_no": 1, "club_no": 2},
        {"person_no": 2, "club_no": 2},
        {"person_no": 9, "club_no": 1},
    ),
    "police.club": ({"no": 1, "title": "chess", "secret": None},),
    "police.visit": (
        {"no": 1, "person_no": 1, "club_no": 1},
        {"no": 2, "person_no": 1, "club_no": 2},
        {"no": 3, "person_no": 2, "club_no": 1},  # of nobody who is a member
        {"no": 4, "person_no": 1, "club_no": 1},
        {"no": 5, "person_no": 9, "club_no": None},
    ),
    "aid.grant": (
        {"no": 1, "id_number": "id1", "level": "A", "amount": None, "note": None},
        {"no": 2, "id_number": "id1", "level": "B", "amount": Decimal(500), "note": None},
        {"no": 3, "id_number": "id2", "level": "A", "amount": None, "note": None},
        {"no": 4, "id_number": "id9", "level": "B", "amount": None, "note": None},
    ),
    "market.firm": ({"code": "c1", "name": "f1", "owner_id": "id3"}, {"code": "c2", "name": None, "owner_id": "id3"}),
}


def _cell(dataset: str, field: str, first: object, second: object) -> tuple[City, City]:
    """The plain town twice, with two values of one cell."""

    def with_cell(value: object) -> City:
        head, *rest = PLAIN[dataset]
        return {**PLAIN, dataset: ({**head, field: value}, *rest)}

    return with_cell(first), with_cell(second)


def _row(dataset: str, **cells: object) -> tuple[City, City]:
    """The plain town, and with one row more."""
    return PLAIN, {**PLAIN, dataset: (*PLAIN[dataset], cells)}


def _apart() -> dict[str, tuple[City, City]]:
    return {
        "masked text": _cell("police.person", "phone", "13812345678", "13899995678"),
        "masked date": _cell("police.person", "born", date(1950, 1, 1), date(1950, 12, 31)),
        "masked JSON": _cell("police.person", "data", Json.of({"a": "1"}), Json.of({"a": "x"})),
        "denied number": _cell("police.person", "balance", Decimal(1), Decimal(2)),
        "denied array": _cell("police.person", "tags", ("a",), ("b",)),
        "hidden row": _row("police.person", **_person(9, district="9")),
        "masked number elsewhere": _cell("aid.grant", "amount", Decimal(1), Decimal(1000)),
        "denied text elsewhere": _cell("aid.grant", "note", "a", "b"),
        "hidden row elsewhere": _row("aid.grant", no=9, id_number="id3", level="hidden", amount=Decimal(5), note="x"),
        "masked key without match": _cell("market.firm", "owner_id", "id1", "id2"),
        "denied text over a junction": _cell("police.club", "secret", "a", "b"),
        "hidden row over a junction": _row("police.club", no=2, title="hidden", secret="s"),
    }


APART = _apart()


def _catalog() -> Any:
    return replace(
        small_town.CATALOG, datasets={DatasetName(name): _dataset(name, kept) for name, kept in TOWN.items()}
    )


def _dataset(name: str, kept: Kept) -> Dataset:
    fields = {
        FieldName(field): replace(
            small_town.FIELDS[FieldName("name")],
            name=FieldName(field),
            column=f"C_{field}",
            type=kind,
            term=small_town.FIELDS[FieldName("phone")].term if field == "phone" else
            small_town.FIELDS[FieldName("since")].term if field == "born" else None,
        )
        for field, (kind, _, _) in kept.fields.items()
    }  # fmt: skip
    typed: dict[FieldName, Field] = fields
    return Dataset(
        name=DatasetName(name),
        department=DepartmentName(name.partition(".")[0]),
        title=TITLE,
        source=SourceName(kept.source),
        table=name,
        key=tuple(FieldName(part) for part in kept.key.split(",")),
        subject=None,
        region=None,
        fields=typed,
        links={
            link: Link(name=link, to=DatasetName(to), on=_pairs(here, there), one=one)
            for link, (to, here, there, one) in kept.links.items()
        },
    )


def _pairs(here: str, there: str) -> tuple[tuple[FieldName, FieldName], ...]:
    names = zip(here.split(","), there.split(","), strict=True)
    return tuple((FieldName(near), FieldName(far)) for near, far in names)


CATALOG = _catalog()


@dataclass(frozen=True, slots=True, kw_only=True)
class Switches:
    """What is switched off to see whether the prober would notice; nothing is, where it counts."""

    shows_masked: bool = False
    shows_denied: bool = False
    shows_hidden_rows: bool = False


def decision_on(name: str, switches: Switches) -> Decision:
    """What the asker may see of the dataset."""
    kept = TOWN[name]
    verdicts: dict[FieldName, FieldVerdict] = {}
    for field, (_, level, is_matched) in kept.fields.items():
        is_off = switches.shows_denied if level == DENIED else switches.shows_masked
        shown = CLEAR if is_off else level
        verdict = {CLEAR: Verdict.ALLOW, DENIED: Verdict.DENY}.get(shown, Verdict.MASK)
        verdicts[FieldName(field)] = FieldVerdict(
            field=FieldName(field),
            verdict=verdict,
            mask=MaskName(shown) if verdict is Verdict.MASK else None,
            rules=(),
            granted=frozenset({FieldUse.MATCH}) if is_matched else frozenset(),
            ceiling=None,
        )
    rows: Predicate = EVERYTHING
    if kept.hides is not None and not switches.shows_hidden_rows:
        rows = Not(Compare(FieldName(kept.hides[0]), Comparator.EQ, kept.hides[1]))
    return Decision(
        policy_version=CATALOG.version,
        dataset=DatasetName(name),
        purpose=PURPOSE.id,
        fields=verdicts,
        rows=RowVerdict(is_allowed=True, filter=rows, rules=()),
        obligations=(),
        near_misses={},
    )


def decided(bound: BoundQuery, switches: Switches) -> DecidedQuery:
    return DecidedQuery(
        bound=bound,
        decision=decision_on(bound.dataset.name, switches),
        embeds=tuple((embed, decided(embed.question, switches)) for embed in bound.embeds),
    )


def told(
    city: City, question: str, headers: Mapping[str, str], claims: Capabilities, switches: Switches
) -> tuple[object, ...]:
    """All that the asker could tell two answers apart by: bytes and headers, or the error's texts."""
    try:
        return asyncio.run(_told(city, question, headers, claims, switches))
    except GatewayError as refusal:
        return (
            refusal.code, refusal.status, refusal.message("en"), refusal.message("zh"),
            refusal.hint("en"), refusal.hint("zh"),
        )  # fmt: skip


async def _told(
    city: City, question: str, headers: Mapping[str, str], claims: Capabilities, switches: Switches
) -> tuple[object, ...]:
    path, _, query_string = question.partition("?")
    request = InboundRequest(
        method="GET",
        path=f"/data/{path}",
        query_string=query_string,
        headers=headers,
        client_address="",
        received_at=NOW,
        trace_id="0" * 32,
    )
    bound = bind(parse(request, LIMITS), CATALOG, PURPOSE, None, limits=LIMITS)
    plan = plan_question(decided(bound, switches), lambda _: claims, LIMITS, 5.0)

    def open_source(asked: ReadPlan) -> RawRows:
        source = MemoryConnector(city[asked.fetch.table], claims)
        return RawRows(
            batches=source.fetch(asked.fetch),
            width=len(asked.fetch.columns) + len(asked.fetch.aggregates),
            counts=source.fetch(asked.count_fetch) if asked.count_fetch is not None else None,
        )

    hashed: Callable[[str], str] = str.upper
    if bound.media_type not in STREAMED:
        disclosure = await disclose(open_source, plan, partial(map, hashed), CONTEXT)
        body = render(disclosure, bound.media_type, LIMITS.answer_bytes, strips_nulls=bound.strips_nulls)
        return _seen([disclosure], body)
    writer = writer_of(bound.media_type, plan)
    parts: list[Disclosure] = []
    body = b""
    async with contextlib.aclosing(disclose_in_batches(open_source, plan, partial(map, hashed), CONTEXT, 2)) as batches:
        async for part in batches:
            refuse_range(part)
            parts.append(part)
            body += writer.batch(part)
    return _seen(parts, body + writer.end())


def _seen(parts: Sequence[Disclosure], body: bytes) -> tuple[object, ...]:
    rows = tuple(len(part.rows) for part in parts)
    return (body, rows, parts[0].columns, parts[0].offset, parts[0].total, parts[0].notices)
