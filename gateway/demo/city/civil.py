"""Civil affairs: subsistence allowances, one row a household (lower-case pinyin, money in fen, ISO dates)."""

from datetime import date, timedelta

from gateway.demo.city.chance import Chance
from gateway.demo.city.people import REFERENCE_DAY, Household, Neighbourhood
from gateway.demo.city.tables import ColumnType, StoredRow, TableRows, TableSpec
from gateway.demo.city.told import told

ASSISTANCE = TableSpec(
    name="t_dibao",
    columns={
        "bh": ColumnType.TEXT,
        "sfzhm": ColumnType.TEXT,
        "xingming": ColumnType.TEXT,
        "dengji": ColumnType.TEXT,
        "je_fen": ColumnType.INTEGER,
        "renshu": ColumnType.INTEGER,
        "kssj": ColumnType.DATE,
        "zt": ColumnType.TEXT,
        "jiedao_dm": ColumnType.TEXT,
        "shequ_dm": ColumnType.TEXT,
    },
    key="bh",
    indexes=("sfzhm", "shequ_dm"),
)
TABLES = (ASSISTANCE,)

PAID, STOPPED = "1", "2"
_STANDARD_FEN = 138_000  # a person's monthly standard, level 甲
_LEVEL_SHARES = {"1": 100, "2": 62, "3": 38}  # percent of the standard
_ONCE_HELPED = 0.006  # households whose allowance ended


def rows(neighbourhood: Neighbourhood, chance: Chance) -> TableRows:
    """Allowances paid now and some that ended. The applicant is the head; a family may have moved since."""
    found: list[StoredRow] = []
    for home in neighbourhood.households:
        if home.on_allowance:
            status = PAID
        elif chance.happens(_ONCE_HELPED):
            status = STOPPED
        else:
            continue
        found.append(_row(home, neighbourhood, status, len(found) + 1, chance))
    return {ASSISTANCE.name: found}


def _row(home: Household, neighbourhood: Neighbourhood, status: str, serial: int, chance: Chance) -> StoredRow:
    head = home.members[0]
    as_told = told(head, home, neighbourhood.community, chance)
    level = chance.pick("1122233")
    people = len(home.members)
    fen = _STANDARD_FEN * people * _LEVEL_SHARES[level] // 100 - chance.below(200) * 50
    since = max(date(2012, 1, 1), date(head.birth.year + 19, 1, 1))
    since = date(since.year + chance.below(max(1, 2026 - since.year)), chance.between(1, 12), 1)
    if status == STOPPED:
        since -= timedelta(days=365)
    return (
        f"DB{neighbourhood.community.code}{serial:04d}",
        head.id_number,
        as_told.name,
        level,
        fen,
        people,
        min(since, REFERENCE_DAY),
        status,
        as_told.community.street_code,
        as_told.community.code,
    )
