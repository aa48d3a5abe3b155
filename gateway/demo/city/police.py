"""Public security: residents and households, as its register keeps them (pinyin initials, codes, yyyymmdd)."""

from gateway.demo.city import contacts
from gateway.demo.city.chance import Chance
from gateway.demo.city.people import Neighbourhood, age_band
from gateway.demo.city.tables import ColumnType, StoredRow, TableRows, TableSpec
from gateway.demo.city.told import MALFORMED_PHONE, MISSING_ROW

RESIDENT = TableSpec(
    name="T_CZRK",
    columns={
        "RYBH": ColumnType.TEXT,
        "SFZH": ColumnType.TEXT,
        "XM": ColumnType.TEXT,
        "XB": ColumnType.TEXT,
        "CSRQ": ColumnType.TEXT,
        "MZ": ColumnType.TEXT,
        "LXDH": ColumnType.TEXT,
        "ZZ": ColumnType.TEXT,
        "HH": ColumnType.TEXT,
        "JDDM": ColumnType.TEXT,
        "SQDM": ColumnType.TEXT,
        "NLD": ColumnType.TEXT,
        "DJRQ": ColumnType.TEXT,
    },
    key="RYBH",
    indexes=("SFZH", "HH", "SQDM"),
)
HOUSEHOLD = TableSpec(
    name="T_HJ",
    columns={
        "HH": ColumnType.TEXT,
        "HZSFZH": ColumnType.TEXT,
        "ZZ": ColumnType.TEXT,
        "RKS": ColumnType.INTEGER,
        "JDDM": ColumnType.TEXT,
        "SQDM": ColumnType.TEXT,
    },
    key="HH",
    indexes=("HZSFZH", "SQDM"),
)
TABLES = (RESIDENT, HOUSEHOLD)


def rows(neighbourhood: Neighbourhood, chance: Chance) -> TableRows:
    """Every resident once. One household in fifty never made it into the household table."""
    community = neighbourhood.community
    residents: list[StoredRow] = []
    households: list[StoredRow] = []
    for home in neighbourhood.households:
        for person in home.members:
            phone = person.phone
            if phone is not None and chance.happens(MALFORMED_PHONE):
                phone = contacts.malformed(phone, chance)
            residents.append(
                (
                    person.number,
                    person.id_number,
                    person.name,
                    person.sex,
                    f"{person.birth.year}{person.birth.month:02d}{person.birth.day:02d}",
                    person.ethnicity,
                    phone,
                    home.address,
                    home.number,
                    community.street_code,
                    community.code,
                    age_band(person.age),
                    f"{person.registered.year}{person.registered.month:02d}{person.registered.day:02d}",
                )
            )
        if not chance.happens(MISSING_ROW):
            households.append(
                (
                    home.number,
                    home.members[0].id_number,
                    home.address,
                    len(home.members),
                    community.street_code,
                    community.code,
                )
            )
    return {RESIDENT.name: residents, HOUSEHOLD.name: households}
