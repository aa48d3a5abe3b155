"""Seed and number of residents -> six departments' sources in a folder. One community at a time is in memory.

A build that fails leaves a folder without a summary (city.json, written last): make it again. Existing files of the
same names are replaced.
"""

from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from gateway.demo.city import civil, community, environment, health, market, police
from gateway.demo.city.chance import Chance
from gateway.demo.city.people import Neighbourhood
from gateway.demo.city.population import neighbourhoods
from gateway.demo.city.scout import Scout
from gateway.demo.city.summary import CitySummary, forget_summary, write_summary
from gateway.demo.city.tables import TableRows, TableSpec, Writer
from gateway.demo.city.territory import load_territory, settle
from gateway.demo.city.writers import FolderWriter, SqliteWriter

Progress = Callable[[str, int, int], None]
"""Told of a stage (`people`: residents; `sources`: sources finished), how much is done, and of how much."""

FEWEST_RESIDENTS = 1_000
MOST_RESIDENTS = 1_000_000

POLICE_FILE = "police.db"
CIVIL_FILE = "civil.db"
HEALTH_FILE = "health.db"
LEDGER_FILE = "ledger.db"
MARKET_FILE = "market.db"  # read by gateway.demo.market_service only
ENVIRONMENT_FOLDER = "environment"


@dataclass(frozen=True, slots=True, kw_only=True)
class Register:
    """A department's source: its tables by catalogue name, and what it writes down of a neighbourhood."""

    source: str
    tables: Mapping[str, TableSpec]
    rows: Callable[[Neighbourhood, Chance], TableRows]


REGISTERS = (
    Register(
        source="police-db",
        tables={"public-security.resident": police.RESIDENT, "public-security.household": police.HOUSEHOLD},
        rows=police.rows,
    ),
    Register(source="civil-db", tables={"civil-affairs.assistance": civil.ASSISTANCE}, rows=civil.rows),
    Register(
        source="health-db",
        tables={"health.vaccination": health.VACCINATION, "health.appointment": health.APPOINTMENT},
        rows=health.rows,
    ),
    Register(source="market-api", tables={"market-regulation.business": market.BUSINESS}, rows=market.rows),
    Register(
        source="env-files",
        tables={
            "environment.violation": environment.VIOLATION,
            "environment.violation-archive": environment.ARCHIVE,
            "environment.complaint": environment.COMPLAINT,
        },
        rows=environment.rows,
    ),
    Register(
        source="ledger-db",
        tables={"community.need": community.NEED, "community.visit": community.VISIT},
        rows=community.rows,
    ),
)


def build_city(folder: Path, regions: Path, residents: int, seed: int, progress: Progress) -> CitySummary:
    """Write the six sources of a city of exactly so many residents; the same arguments give the same bytes.

    Raises ValueError for fewer than 1,000 or more than 1,000,000 residents and for regions without the demo's streets,
    OSError where the folder can't be written, ImportError without the extra `files`.
    """
    if not FEWEST_RESIDENTS <= residents <= MOST_RESIDENTS:
        raise ValueError(f"a demo city has {FEWEST_RESIDENTS:,} to {MOST_RESIDENTS:,} residents")
    folder.mkdir(parents=True, exist_ok=True)
    forget_summary(folder)
    with ExitStack() as stack:
        writers: dict[str, Writer] = {
            "police-db": SqliteWriter(folder / POLICE_FILE),
            "civil-db": SqliteWriter(folder / CIVIL_FILE),
            "health-db": SqliteWriter(folder / HEALTH_FILE),
            "ledger-db": SqliteWriter(folder / LEDGER_FILE),
            "market-api": SqliteWriter(folder / MARKET_FILE),
            "env-files": FolderWriter(folder / ENVIRONMENT_FOLDER),
        }
        for writer in writers.values():
            stack.callback(writer.abandon)
        summary = fill(writers, regions, residents, seed, progress)
    write_summary(folder, summary)
    return summary


def fill(writers: Mapping[str, Writer], regions: Path, residents: int, seed: int, progress: Progress) -> CitySummary:
    """Make the city and hand each source's rows to its writer, whatever it writes to; finishes the writers."""
    territory = load_territory(regions)
    settlements = settle(territory, residents, Chance(seed, 0))
    scout = Scout()
    counts: Counter[str] = Counter()
    households = 0
    done = 0
    for settlement, neighbourhood in zip(settlements, neighbourhoods(territory, settlements, seed), strict=True):
        kept: TableRows = {}
        for stream, register in enumerate(REGISTERS, start=1):
            rows = register.rows(neighbourhood, Chance(seed, int(settlement.community.code) * 16 + stream))
            for dataset, table in register.tables.items():
                writers[register.source].write(table, rows[table.name])
                counts[dataset] += len(rows[table.name])
            kept = {**kept, **rows}
        scout.observe(neighbourhood, kept)
        households += len(neighbourhood.households)
        done += settlement.residents
        progress("people", done, residents)
    for place, writer in enumerate(writers.values(), start=1):
        writer.finish()
        progress("sources", place, len(writers))
    elder, neighbour = scout.lonely_elder, scout.neighbour
    if elder is None or neighbour is None or not (scout.low_income and scout.transport and scout.groups):
        raise ValueError("this seed has nobody for one of the demo's scenes: take more residents or another seed")
    return CitySummary(
        seed=seed,
        residents=residents,
        households=households,
        communities=len(settlements),
        rows=dict(counts),
        lonely_elder=elder,
        neighbour=neighbour,
        low_income_member=scout.low_income[0],
        low_income_family=scout.low_income[1],
        transport_patient=scout.transport[0],
        transport_appointment_no=scout.transport[1],
        small_group=scout.groups[0],
        large_group=scout.groups[1],
    )
