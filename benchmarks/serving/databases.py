"""The departments' databases and the gateway's own: PostgreSQL servers on loopback that the run starts and ends."""

import shutil
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg

from benchmarks.serving.residents import COUNTY, City, assistance_row, blocks, vaccination_rows
from tests.postgres_server import Cluster

_SETTINGS = (
    "shared_buffers=512MB", "max_connections=300", "effective_cache_size=4GB", "random_page_cost=1.1",
    "max_wal_size=8GB", "jit=off",
    "synchronize_seqscans=off",  # each contender reads the very rows that the others do, from the table's beginning
)  # fmt: skip
_RESIDENT = """
    CREATE TABLE resident (
        id_number text NOT NULL, name text NOT NULL, sex text NOT NULL, birth_date date NOT NULL, phone text NOT NULL,
        address text NOT NULL, community_code text NOT NULL, registered_on date NOT NULL)
"""
_ASSISTANCE = """
    CREATE TABLE assistance (
        case_no text NOT NULL, id_number text NOT NULL, level text NOT NULL, monthly integer NOT NULL,
        community_code text NOT NULL)
"""
_VACCINATION = """
    CREATE TABLE vaccination (
        record_no text NOT NULL, id_number text NOT NULL, vaccine text NOT NULL, dose integer NOT NULL,
        given_on date NOT NULL, community_code text NOT NULL)
"""


@dataclass(frozen=True, slots=True)
class Databases:
    """Two servers: one with the departments' databases `police`, `civil`, `health`, one for the gateway's state."""

    departments: Cluster
    state: Cluster
    ids: tuple[str, ...]  # residents that the asker may see, in an order that jumps
    communities: tuple[str, ...]
    residents: int

    def address(self, database: str) -> str:
        """As asyncpg and others take it."""
        server = self.departments.server
        return f"postgresql://tester:{server.password}@127.0.0.1:{server.port}/{database}"

    def rows(self, sql: str, *values: object, of: str = "police") -> list[tuple[Any, ...]]:
        """What a department's database answers."""
        with self.departments.server.connect(of) as connection:
            return connection.execute(sql, values).fetchall()


@contextmanager
def databases(residents: int, keep: Path | None = None) -> Iterator[Databases]:
    """Both servers while the block runs; the departments' data stay in `keep` and are taken from there again."""
    home = None if keep is None else keep.resolve() / f"city-{residents}"
    if home is not None and not (home / "loaded").exists():
        shutil.rmtree(home, ignore_errors=True)
    with ExitStack() as stack:
        departments = stack.enter_context(_cluster(home))
        state = stack.enter_context(_cluster(None))
        departments.start(settings=_SETTINGS)
        state.start(settings=_SETTINGS)
        loaded = departments.home / "loaded"
        if not loaded.exists():
            _load(departments, City(residents))
            loaded.touch()
        with departments.server.connect("police") as connection:
            found = connection.execute(
                "SELECT id_number FROM resident WHERE community_code LIKE %s ORDER BY md5(id_number) LIMIT 50000",
                (f"{COUNTY}%",),
            ).fetchall()
        ids = tuple(row[0] for row in found)
        yield Databases(departments, state, ids, tuple(one.code for one in City(0).of_county()), residents)


@contextmanager
def _cluster(keep: Path | None) -> Iterator[Cluster]:
    home = keep or Path(tempfile.mkdtemp(prefix="pg-bench-"))
    home.mkdir(parents=True, exist_ok=True)
    cluster = Cluster(home)
    try:
        yield cluster
    finally:
        cluster.stop()
        if keep is None:
            shutil.rmtree(home, ignore_errors=True)


def _load(cluster: Cluster, city: City) -> None:
    with cluster.server.connect() as connection:
        for name in ("police", "civil", "health"):
            connection.execute(f"CREATE DATABASE {name}")
    with cluster.server.connect("police") as police:
        police.execute(_RESIDENT)
        _copy(police, "resident", city.resident_rows())
        police.execute("ALTER TABLE resident ADD PRIMARY KEY (id_number)")
        police.execute("CREATE INDEX ON resident (community_code, id_number)")
        police.execute("VACUUM (ANALYZE, FREEZE) resident")
        people = police.execute("SELECT id_number, community_code FROM resident").fetchall()
    with cluster.server.connect("civil") as civil:
        civil.execute(_ASSISTANCE)
        made = (assistance_row(at, *who) for at, who in enumerate(people))
        _copy(civil, "assistance", blocks(line for line in made if line is not None))
        civil.execute("ALTER TABLE assistance ADD PRIMARY KEY (case_no)")
        civil.execute("CREATE INDEX ON assistance (id_number)")
        civil.execute("VACUUM (ANALYZE, FREEZE) assistance")
    with cluster.server.connect("health") as health:
        health.execute(_VACCINATION)
        lines = (line for at, who in enumerate(people) for line in vaccination_rows(at, *who))
        _copy(health, "vaccination", blocks(lines))
        health.execute("ALTER TABLE vaccination ADD PRIMARY KEY (record_no)")
        health.execute("CREATE INDEX ON vaccination (id_number)")
        health.execute("VACUUM (ANALYZE, FREEZE) vaccination")
    with cluster.server.connect() as connection:
        connection.execute("CHECKPOINT")


def _copy(connection: psycopg.Connection[Any], table: str, lines: Iterable[str]) -> None:
    with connection.cursor() as cursor, cursor.copy(f"COPY {table} FROM STDIN") as copy:
        for block in lines:
            copy.write(block)
