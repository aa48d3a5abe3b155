"""From the text of a question to its disclosure, over a real SQLite file; only the decision is made by hand."""

import asyncio
import sqlite3
from collections.abc import Mapping, Sequence
from contextlib import closing
from functools import partial
from pathlib import Path

from connectors.sql import SqlConnector
from gateway.disclosure import disclose, render
from gateway.errors import GatewayError
from gateway.model.catalog import ObligationSpec
from gateway.model.decision import BoundObligation, Decision, FieldVerdict, RowVerdict, Verdict
from gateway.model.ids import MaskName, SourceName
from gateway.model.plan import ReadPlan
from gateway.model.predicate import EVERYTHING, NOTHING, Predicate
from gateway.model.query import FieldUse
from gateway.model.rows import Disclosure, RawRows
from gateway.planning import plan_read
from gateway.spi import Capabilities
from tests.mask_keys import mask_context
from tests.unit.query.small_town import CATALOG, DATASET, FIELDS, LIMITS, PURPOSE, bound

Stored = tuple[int, str | None, str | None, str, str | None, int | None, str | None, str | None, str | None]
ROWS: tuple[Stored, ...] = (
    (1, "张三", "13812345678", "330102001", "1", 65000, "20200101", "Y", "2026-01-01 00:00:00"),
    (2, "李四", "13912345678", "330102001", "2", 43050, "20210101", "N", "2026-02-01 00:00:00"),
    (3, "王五", None, "330102002", "1", None, None, None, None),
    (4, None, "13812340000", "330102002", "9", 65000, "19991231", "Y", "2025-01-01 00:00:00"),
    (5, "钱六", "13700001111", "330102002", None, 100, "20200301", "N", "2026-01-01 00:00:00"),
    (6, "孙七", "13611112222", "330102002", "1", 65000, "20200101", "Y", "2026-03-01 00:00:00"),
)
NOTHING_CLAIMED = Capabilities(
    predicates=frozenset(), columns=None, can_order=False, can_limit=False, aggregates=frozenset(), can_mask=False
)


CONTEXT = mask_context()


def decide(
    levels: Mapping[str, str] | None = None,
    *,
    granted: Mapping[str, frozenset[FieldUse]] | None = None,
    rows: Predicate | None = EVERYTHING,
    obligations: Sequence[str] = (),
    default: str = "clear",
) -> Decision:
    """`levels` by field: clear, denied or a mask; `rows` None: no rule allows rows."""
    verdicts = {}
    for name in FIELDS:
        level = (levels or {}).get(name, default)
        verdict = {"clear": Verdict.ALLOW, "denied": Verdict.DENY}.get(level, Verdict.MASK)
        verdicts[name] = FieldVerdict(
            field=name,
            verdict=verdict,
            mask=MaskName(level) if verdict is Verdict.MASK else None,
            rules=(),
            granted=(granted or {}).get(name, frozenset()),
            ceiling=None,
        )
    specs = [ObligationSpec(name=text.partition("=")[0], value=text.partition("=")[2]) for text in obligations]
    return Decision(
        policy_version=CATALOG.version,
        dataset=DATASET.name,
        purpose=PURPOSE.id,
        fields=verdicts,
        rows=RowVerdict(is_allowed=rows is not None, filter=NOTHING if rows is None else rows, rules=()),
        obligations=tuple(BoundObligation(spec=spec, origin="T1") for spec in specs),
        near_misses={},
    )


def plan(text: str, decision: Decision, claims: Capabilities | None = None) -> ReadPlan:
    """The plan of a question; of a source that claims nothing, unless told."""
    return plan_read(bound(text), decision, claims or NOTHING_CLAIMED, LIMITS, 5.0)


class City:
    """One SQLite file that is asked as the pipeline asks it."""

    def __init__(self, folder: Path, name: str, rows: Sequence[Stored] = ROWS) -> None:
        columns = [field.column for field in FIELDS.values()]
        kinds = ["INTEGER" if column in {"C_NO", "C_MONTHLY"} else "TEXT" for column in columns]
        declared = ", ".join(f"{column} {kind}" for column, kind in zip(columns, kinds, strict=True))
        with closing(sqlite3.connect(folder / f"{name}.db")) as database, database:
            database.execute(f"CREATE TABLE {DATASET.table} ({declared})")
            database.executemany(f"INSERT INTO {DATASET.table} VALUES ({','.join('?' * len(columns))})", rows)
        self.source = SqlConnector.open(SourceName(name), {"folder": str(folder), "file": f"{name}.db"})

    async def ask(
        self, text: str, decision: Decision, *, headers: Mapping[str, str] | None = None, is_pushed: bool = True
    ) -> Disclosure:
        """The disclosure; raises what the stages raise."""
        claims = self.source.capabilities(DATASET.table) if is_pushed else NOTHING_CLAIMED
        asked = bound(text, headers=headers or {})
        planned = plan_read(asked, decision, claims, LIMITS, 5.0)

        def open_source(asked: ReadPlan) -> RawRows:
            return RawRows(
                batches=self.source.fetch(asked.fetch),
                width=len(asked.fetch.columns) + len(asked.fetch.aggregates),
                counts=self.source.fetch(asked.count_fetch) if asked.count_fetch is not None else None,
            )

        return await disclose(open_source, planned, partial(map, "h:{}".format), CONTEXT)

    async def answer(
        self, text: str, decision: Decision, *, headers: Mapping[str, str] | None = None, is_pushed: bool = True
    ) -> tuple[object, ...]:
        """All that the asker could tell two answers apart by: the bytes and headers, or the error's texts."""
        try:
            told = await self.ask(text, decision, headers=headers, is_pushed=is_pushed)
            body = render(told, bound(text, headers=headers or {}).media_type, LIMITS.answer_bytes)
        except GatewayError as refusal:
            return (refusal.code, refusal.status, refusal.message("en"), refusal.message("zh"), refusal.hint("en"))
        return (told.columns, body, told.offset, len(told.rows), told.total, told.notices)


def run(runner: asyncio.Runner, city: City, text: str, decision: Decision, *, is_pushed: bool) -> tuple[object, ...]:
    """`City.answer`, for tests that are not async."""
    return runner.run(city.answer(text, decision, is_pushed=is_pushed))
