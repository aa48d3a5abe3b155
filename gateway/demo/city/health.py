"""Health: vaccinations given, and appointments to come (English abbreviations, Y/N, UTC timestamps)."""

from datetime import UTC, date, datetime, timedelta

from gateway.demo.city.chance import Chance, Weighted
from gateway.demo.city.people import REFERENCE_DAY, Household, HouseholdKind, Neighbourhood, Person
from gateway.demo.city.tables import ColumnType, StoredRow, TableRows, TableSpec
from gateway.demo.city.territory import Community
from gateway.demo.city.told import MISSING_ROW, told, told_name

VACCINATION = TableSpec(
    name="vac_record",
    columns={
        "rec_id": ColumnType.TEXT,
        "id_card": ColumnType.TEXT,
        "pat_name": ColumnType.TEXT,
        "vac_name": ColumnType.TEXT,
        "dose_seq": ColumnType.INTEGER,
        "inj_date": ColumnType.DATE,
        "org_name": ColumnType.TEXT,
        "comm_cd": ColumnType.TEXT,
    },
    key="rec_id",
    indexes=("id_card", "comm_cd"),
)
APPOINTMENT = TableSpec(
    name="vac_appt",
    columns={
        "appt_id": ColumnType.TEXT,
        "id_card": ColumnType.TEXT,
        "pat_name": ColumnType.TEXT,
        "tel": ColumnType.TEXT,
        "pick_addr": ColumnType.TEXT,
        "vac_name": ColumnType.TEXT,
        "appt_time": ColumnType.TIMESTAMP,
        "need_car": ColumnType.TEXT,
        "appt_st": ColumnType.TEXT,
        "str_cd": ColumnType.TEXT,
        "comm_cd": ColumnType.TEXT,
    },
    key="appt_id",
    indexes=("id_card", "comm_cd"),
)
TABLES = (VACCINATION, APPOINTMENT)

BOOKED, DONE, CANCELLED = "1", "2", "3"
_ADULT = Weighted({"流感疫苗": 5.0, "新型冠状病毒疫苗": 6.0, "乙型肝炎疫苗": 2.0, "破伤风疫苗": 1.0, "狂犬病疫苗": 1.0})
_ELDER = Weighted({"流感疫苗": 6.0, "23价肺炎球菌多糖疫苗": 4.0, "带状疱疹疫苗": 2.0, "新型冠状病毒疫苗": 4.0})
_CHILD = ("乙型肝炎疫苗", "脊髓灰质炎疫苗", "百白破疫苗", "麻腮风疫苗", "乙脑疫苗", "A群流脑多糖疫苗")
_STATES = Weighted({BOOKED: 7.0, DONE: 2.0, CANCELLED: 1.0})
_ELDERLY = 60


def rows(neighbourhood: Neighbourhood, chance: Chance) -> TableRows:
    """Records of who came; appointments are for the elderly, from the reference day on for three weeks."""
    vaccinations: list[StoredRow] = []
    appointments: list[StoredRow] = []
    due = neighbourhood.first_of_street
    for home in neighbourhood.households:
        for person in home.members:
            if not chance.happens(MISSING_ROW):
                vaccinations += _vaccinations(person, neighbourhood.community, len(vaccinations), chance)
            if person.age >= _ELDERLY and (due or chance.happens(0.07)):
                appointments.append(_appointment(person, home, neighbourhood, len(appointments), chance, sure=due))
                due = False
    return {VACCINATION.name: vaccinations, APPOINTMENT.name: appointments}


def _vaccinations(person: Person, community: Community, before: int, chance: Chance) -> list[StoredRow]:
    if person.age < 12:
        doses = [(vaccine, 1) for vaccine in _CHILD[: 1 + chance.below(min(6, person.age + 2))]]
    else:
        kinds = _ELDER if person.age >= _ELDERLY else _ADULT
        doses = [(chance.weighted(kinds), dose + 1) for dose in range(chance.below(3))]
    first = max(person.birth + timedelta(days=1), date(2018, 1, 1))
    span = max(1, (REFERENCE_DAY - first).days)
    name = told_name(person.name, chance)
    clinic = f"{community.street_name.removesuffix('街道')}街道社区卫生服务中心"
    return [
        (
            f"YM{community.code}{before + place + 1:06d}",
            person.id_number,
            name,
            vaccine,
            dose,
            first + timedelta(days=chance.below(span)),
            clinic,
            community.code,
        )
        for place, (vaccine, dose) in enumerate(doses)
    ]


def _appointment(
    person: Person, home: Household, neighbourhood: Neighbourhood, before: int, chance: Chance, *, sure: bool
) -> StoredRow:
    as_told = told(person, home, neighbourhood.community, chance)
    wants_car = chance.happens(0.5 if home.kind is HouseholdKind.ELDERLY_ALONE else 0.2)
    status = chance.weighted(_STATES)
    # 9:00 to 16:45 in Hangzhou is 1:00 to 8:45 UTC
    at = datetime(2026, 11, 2, 1, tzinfo=UTC) + timedelta(days=chance.below(21), minutes=15 * chance.below(32))
    return (
        f"YY{neighbourhood.community.code}{before + 1:04d}",
        person.id_number,
        person.name if sure else as_told.name,
        person.phone if sure else as_told.phone,
        home.address if sure else as_told.address,
        chance.weighted(_ELDER),
        at,
        "Y" if sure or wants_car else "N",
        BOOKED if sure else status,
        neighbourhood.community.street_code,
        neighbourhood.community.code,
    )
