"""The community's own ledger: who needs what, who lives alone, and the visits paid (mixed names, 1/0 flags)."""

from datetime import date, timedelta

from gateway.demo.city import contacts
from gateway.demo.city.chance import Chance, Weighted
from gateway.demo.city.people import REFERENCE_DAY, Household, HouseholdKind, Neighbourhood, Person
from gateway.demo.city.tables import ColumnType, StoredRow, TableRows, TableSpec
from gateway.demo.city.told import told

NEED = TableSpec(
    name="xuqiu",
    columns={
        "xq_id": ColumnType.TEXT,
        "sfz": ColumnType.TEXT,
        "xm": ColumnType.TEXT,
        "dh": ColumnType.TEXT,
        "dz": ColumnType.TEXT,
        "duju": ColumnType.TEXT,
        "xqlx": ColumnType.TEXT,
        "jjlxr_dh": ColumnType.TEXT,
        "sq": ColumnType.TEXT,
    },
    key="xq_id",
    indexes=("sfz", "sq"),
)
VISIT = TableSpec(
    name="zoufang",
    columns={
        "zf_id": ColumnType.TEXT,
        "sfz": ColumnType.TEXT,
        "xm": ColumnType.TEXT,
        "zfrq": ColumnType.TEXT,
        "wgy": ColumnType.TEXT,
        "bz": ColumnType.TEXT,
        "sq": ColumnType.TEXT,
    },
    key="zf_id",
    indexes=("sfz", "sq"),
)
TABLES = (NEED, VISIT)

_NEEDS = Weighted({"送餐": 5.0, "陪诊": 4.0, "助浴": 2.0, "保洁": 3.0, "代购药品": 3.0, "适老化改造": 2.0, "谈心": 2.0})
_NOTES = (
    "精神尚可，血压偏高，已提醒按时服药",
    "家中无人，电话联系后改期",
    "反映楼道灯不亮，已转物业",
    "子女在外地，希望每周上门一次",
    "腿脚不便，需要轮椅",
    "情绪低落，建议心理疏导",
    "煤气软管老化，已联系更换",
    "一切正常",
)


def rows(neighbourhood: Neighbourhood, chance: Chance) -> TableRows:
    """A need for most who live alone in old age and some others; none to three visits to each."""
    needs: list[StoredRow] = []
    visits: list[StoredRow] = []
    code = neighbourhood.community.code
    due = neighbourhood.first_of_street
    for home in neighbourhood.households:
        is_alone = home.kind is HouseholdKind.ELDERLY_ALONE
        for person in home.members:
            is_sure = due and is_alone
            if not chance.happens(_need_share(person, is_alone=is_alone)) and not is_sure:
                continue
            needs.append(_need(person, home, neighbourhood, len(needs), chance, is_sure=is_sure))
            due = due and not is_sure
            name = str(needs[-1][2])
            for _ in range(chance.below(4)):
                visited = date(2026, 1, 4) + timedelta(days=chance.below((REFERENCE_DAY - date(2026, 1, 4)).days))
                visits.append(
                    (
                        f"ZF{code}{len(visits) + 1:05d}",
                        person.id_number,
                        name,
                        f"{visited:%Y%m%d}",
                        f"网格员{chance.between(1, 6):02d}",
                        None if chance.happens(0.15) else chance.pick(_NOTES),
                        code,
                    )
                )
    return {NEED.name: needs, VISIT.name: visits}


def _need_share(person: Person, *, is_alone: bool) -> float:
    if is_alone:
        return 0.7
    if person.age >= 80:
        return 0.12
    return 0.004


def _need(
    person: Person, home: Household, neighbourhood: Neighbourhood, before: int, chance: Chance, *, is_sure: bool
) -> StoredRow:
    as_told = told(person, home, neighbourhood.community, chance)
    is_alone = home.kind is HouseholdKind.ELDERLY_ALONE
    # who lives alone is asked at the door; one in twenty-five was written down wrongly
    noted_alone = is_alone != (chance.happens(0.04) and not is_sure)
    return (
        f"XQ{neighbourhood.community.code}{before + 1:05d}",
        person.id_number,
        person.name if is_sure else as_told.name,
        person.phone if is_sure else as_told.phone,
        home.address if is_sure else as_told.address,
        "1" if noted_alone else "0",
        chance.weighted(_NEEDS),
        None if chance.happens(0.08) and not is_sure else contacts.phone(chance),
        neighbourhood.community.code,
    )
