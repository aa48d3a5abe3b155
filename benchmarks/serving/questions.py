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
LIST_SQL = (
    f"SELECT {MASKED} FROM resident WHERE community_code = $1 AND community_code LIKE $2 ORDER BY id_number LIMIT 50"
)
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
    )
}
