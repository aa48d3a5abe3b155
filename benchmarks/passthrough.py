"""Langqiao beside a bare pass-through on the same data, in turn, in one run."""

import argparse
import sqlite3
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable, MutableMapping
from pathlib import Path
from typing import Any

import httpx2
import orjson

from benchmarks.report import write_section
from gateway.app import utc_now
from gateway.demo.ask import Asker
from gateway.demo.city import POLICE_FILE
from gateway.demo.prepare import Demo, prepare
from gateway.demo.run import serving_demo
from gateway.demo.serving import free_port, serving

Scope = MutableMapping[str, Any]


def bare(database: Path, statement: str, parameter: str) -> Callable[..., Awaitable[None]]:
    """The same rows with nothing around them."""
    connection = sqlite3.connect(f"file:{database}?mode=ro", uri=True, check_same_thread=False)
    connection.row_factory = sqlite3.Row

    async def application(scope: Scope, receive: Callable[[], Awaitable[Scope]], send: Callable[..., Any]) -> None:
        if scope["type"] == "lifespan":
            while (message := await receive())["type"] != "lifespan.shutdown":
                await send({"type": f"{message['type']}.complete"})
            await send({"type": "lifespan.shutdown.complete"})
            return
        rows = [dict(row) for row in connection.execute(statement, (parameter,))]
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"application/json")]})
        await send({"type": "http.response.body", "body": orjson.dumps(rows)})

    return application


def rate(url: str, headers: dict[str, str], seconds: float) -> tuple[float, float]:
    """Requests a second over one connection, and the 99th percentile in milliseconds."""
    spent: list[float] = []
    with httpx2.Client(trust_env=False, timeout=30) as client:
        for _ in range(3):
            client.get(url, headers=headers).raise_for_status()
        end = time.perf_counter() + seconds
        while time.perf_counter() < end:
            began = time.perf_counter()
            client.get(url, headers=headers)
            spent.append(time.perf_counter() - began)
    return len(spent) / sum(spent), statistics.quantiles(spent, n=100)[98] * 1e3


def compare(  # noqa: PLR0917 - one row of a table
    demo: Demo, name: str, person: str, path: str, purpose: str, sql: tuple[str, str], rounds: int
) -> str:
    """One row of the table."""
    asker = Asker.from_demo(demo.folder, person, utc_now())
    headers = {"apikey": asker.app_key, "authorization": f"Bearer {asker.token}", "purpose": purpose}
    application = bare(demo.folder / "city" / POLICE_FILE, *sql)
    ours: list[tuple[float, float]] = []
    theirs: list[tuple[float, float]] = []
    with serving(application, free_port()) as url:
        for _ in range(rounds):
            ours.append(rate(f"{asker.url}{path}", headers, 1.0))
            theirs.append(rate(url, {}, 1.0))
    mine, other = (statistics.median(pair[0] for pair in side) for side in (ours, theirs))
    slow, fast = (statistics.median(pair[1] for pair in side) for side in (ours, theirs))
    return f"| {name} | {mine:,.0f} | {slow:.1f} | {other:,.0f} | {fast:.1f} | {mine / other:.2f} |"


def arguments(parser: argparse.ArgumentParser) -> None:
    """The options of this benchmark."""
    parser.add_argument("--residents", type=int, default=50_000)
    parser.add_argument("--rounds", type=int, default=5)


def run(options: argparse.Namespace) -> str:
    """Measure and write the section."""
    with tempfile.TemporaryDirectory() as folder:
        demo = prepare(
            Path(folder),
            residents=options.residents,
            seed=2026,
            port=free_port(),
            market_port=free_port(),
            now=utc_now(),
            progress=lambda *_: None,
        )
        person = demo.summary.low_income_member
        household = demo.summary.low_income_family.household_no
        columns = "XM, SFZH, LXDH, ZZ, CSRQ"
        fields = "name,id_number,phone,address,birth_date"
        with serving_demo(demo):
            rows = [
                compare(
                    demo, "one household by its number, 5 fields", "civil-officer",
                    f"/data/public-security.resident?select={fields}&household_no=eq.{household}",
                    "low-income-verification",
                    (f"SELECT {columns} FROM T_CZRK WHERE HH = ?", household), options.rounds,
                ),
                compare(
                    demo, "50 residents of a street, 5 fields", "civil-officer",
                    f"/data/public-security.resident?select={fields}&limit=50",
                    "low-income-verification",
                    (f"SELECT {columns} FROM T_CZRK WHERE SQDM GLOB ? LIMIT 50", f"{person.street_code}*"),
                    options.rounds,
                ),
            ]  # fmt: skip
    text = "\n".join(
        [
            "One connection, requests a second and p99 in ms, medians of the rounds.",
            "",
            "| question | langqiao /s | p99 ms | bare /s | p99 ms | ratio |",
            "| --- | --- | --- | --- | --- | --- |",
            *rows,
        ]
    )
    command = f'make bench ARGS="gateway --residents {options.residents} --rounds {options.rounds}"'
    return write_section("Gateway", command, text)
