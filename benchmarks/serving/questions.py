"""What every contender is asked, and what a right answer holds: the same rows, the same three masks."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from benchmarks.serving.databases import Databases
from benchmarks.serving.residents import COUNTY

FIELDS = ("id_number", "name", "sex", "birth_date", "phone", "address", "community_code", "registered_on")
Row = Mapping[str, object]

MASKED = (
    "left(id_number, 4) || '*************' || right(id_number, 1) AS id_number, left(name, 1) || '**' AS name, sex,"
    " birth_date, left(phone, 3) || '****' || right(phone, 4) AS phone, address, community_code, registered_on"
)
POINT_SQL = f"SELECT {MASKED} FROM resident WHERE id_number = $1 AND community_code LIKE $2"
LIST_SQL = f"SELECT {MASKED} FROM resident WHERE community_code = $1 AND community_code LIKE $2 LIMIT 50"
KEYED_LIST_SQL = LIST_SQL.replace("SELECT ", "SELECT id_number AS key, ", 1)
ASSISTANCE_SQL = "SELECT id_number, level, monthly FROM assistance WHERE id_number = ANY($1) AND community_code LIKE $2"
VACCINATION_SQL = (
    "SELECT id_number, vaccine, dose, given_on FROM vaccination WHERE id_number = ANY($1) AND community_code LIKE $2"
)
STREAM_SQL = f"SELECT {MASKED} FROM resident WHERE community_code LIKE $1 LIMIT "
STREAM_ROWS = 100_000
REGION = f"{COUNTY}%"


@dataclass(frozen=True, slots=True)
class Question:
    """One kind of request: its values differ from request to request."""

    case: str
    title: str
    values: Callable[[Databases], Sequence[str]]
    rows: int

    def check(self, databases: Databases, value: str, rows: Sequence[Row]) -> None:
        """Raises RuntimeError unless the rows are those, in number and to the letter, that the table holds."""
        column = "id_number" if self.case == "a" else "community_code"
        found = databases.rows(f"SELECT {', '.join(FIELDS)} FROM resident WHERE {column} = %s", value)
        allowed = {_told(*row) for row in found}
        told = [tuple(str(row.get(name)) for name in FIELDS) for row in rows]
        if len(told) != self.rows or not set(told) <= allowed:
            raise RuntimeError(f"case {self.case}: {len(told)} rows, of which {len(set(told) - allowed)} are not right")
        if self.case == "c":
            _check_embeds(databases, found, rows)


def _check_embeds(databases: Databases, found: Sequence[tuple[object, ...]], rows: Sequence[Row]) -> None:
    ids = {_told(*row): str(row[0]) for row in found}
    asked = [ids[tuple(str(row.get(name)) for name in FIELDS)] for row in rows]
    aid: dict[str, list[str]] = {one: [] for one in asked}
    doses: dict[str, list[str]] = {one: [] for one in asked}
    for who, *rest in databases.rows(ASSISTANCE_SQL.replace("$1", "%s").replace("$2", "%s"), asked, REGION, of="civil"):
        aid[who].append(str(rest))
    for who, *rest in databases.rows(
        VACCINATION_SQL.replace("$1", "%s").replace("$2", "%s"), asked, REGION, of="health"
    ):
        doses[who].append(str([rest[0], rest[1], rest[2].isoformat()]))
    for who, row in zip(asked, rows, strict=True):
        for name, expected in (("assistance", aid), ("vaccinations", doses)):
            told = row[name]
            if not isinstance(told, list) or sorted(str(list(one.values())) for one in told) != sorted(expected[who]):
                raise RuntimeError(f"case c: the embed {name} is not right")
    if not any(aid.values()) or not any(doses.values()):
        raise RuntimeError("case c: nobody has anything embedded")


def masked(row: Row) -> dict[str, object]:
    """The row with its three masks."""
    return dict(row) | {
        "id_number": re.sub(r"(?<=^.{4}).{13}", "*" * 13, str(row["id_number"])),
        "name": f"{str(row['name'])[0]}**",
        "phone": re.sub(r"(?<=^.{3}).{4}", "****", str(row["phone"])),
    }


def _told(*row: object) -> tuple[str, ...]:
    values = masked(dict(zip(FIELDS, row, strict=True))).values()
    return tuple(value.isoformat() if isinstance(value, date) else str(value) for value in values)


QUESTIONS = {
    one.case: one
    for one in (
        Question("a", "one resident by ID number, 8 fields, 3 masked, row filter on", lambda found: found.ids, 1),
        Question("b", "50 residents of a community, the same masks", lambda found: found.communities, 50),
        Question("c", "50 residents, embeds from two other databases", lambda found: found.communities, 50),
    )
}
