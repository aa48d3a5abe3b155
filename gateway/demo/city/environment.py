"""Environment bureau: violations (this year's and the archive) and complaints, as it exports them to files."""

from datetime import date, timedelta
from decimal import Decimal

from gateway.demo.city import contacts
from gateway.demo.city.chance import Chance, Weighted
from gateway.demo.city.people import REFERENCE_DAY, Business, Neighbourhood
from gateway.demo.city.tables import ColumnType, StoredRow, TableRows, TableSpec
from gateway.demo.city.told import told_name, told_phone

_VIOLATION_COLUMNS = {
    "cfbh": ColumnType.TEXT,
    "xydm": ColumnType.TEXT,
    "dwmc": ColumnType.TEXT,
    "wflx": ColumnType.TEXT,
    "fxrq": ColumnType.DATE,
    "fkje": ColumnType.DECIMAL,
    "clzt": ColumnType.TEXT,
    "jddm": ColumnType.TEXT,
    "sqdm": ColumnType.TEXT,
}
VIOLATION = TableSpec(name="wfxx.csv", columns=_VIOLATION_COLUMNS, key="cfbh", indexes=())
ARCHIVE = TableSpec(name="wfxx_gd.parquet", columns=_VIOLATION_COLUMNS, key="cfbh", indexes=())
COMPLAINT = TableSpec(
    name="tsxx.csv",
    columns={
        "tsbh": ColumnType.TEXT,
        "tsrxm": ColumnType.TEXT,
        "tsrdh": ColumnType.TEXT,
        "tsdz": ColumnType.TEXT,
        "tslx": ColumnType.TEXT,
        "slrq": ColumnType.DATE,
        "clzt": ColumnType.TEXT,
        "sqdm": ColumnType.TEXT,
    },
    key="tsbh",
    indexes=(),
)
TABLES = (VIOLATION, ARCHIVE, COMPLAINT)

_KINDS = Weighted({"油烟扰民": 5.0, "噪声超标": 4.0, "污水直排": 2.0, "固体废物乱堆": 2.0, "扬尘污染": 1.0})
_THIS_YEAR = Weighted({"0": 3.0, "1": 4.0, "2": 3.0})
_SETTLED = Weighted({"1": 1.0, "2": 9.0})
_ARCHIVE_BEGINS = date(2019, 1, 1)
_YEAR_BEGINS = date(2026, 1, 1)


def rows(neighbourhood: Neighbourhood, chance: Chance) -> TableRows:
    """One business in twelve was at fault this year, one in four since 2019; one complaint to eighty residents."""
    current: list[StoredRow] = []
    archive: list[StoredRow] = []
    for business in neighbourhood.businesses:
        if chance.happens(0.08):
            found_on = _YEAR_BEGINS + timedelta(days=chance.below((REFERENCE_DAY - _YEAR_BEGINS).days))
            current.append(
                _violation(business, neighbourhood, found_on, len(current), states=_THIS_YEAR, chance=chance)
            )
        if chance.happens(0.25):
            found_on = _ARCHIVE_BEGINS + timedelta(days=chance.below((_YEAR_BEGINS - _ARCHIVE_BEGINS).days))
            archive.append(_violation(business, neighbourhood, found_on, len(archive), states=_SETTLED, chance=chance))
    return {
        VIOLATION.name: current,
        ARCHIVE.name: archive,
        COMPLAINT.name: _complaints(neighbourhood, chance),
    }


def _violation(
    business: Business,
    neighbourhood: Neighbourhood,
    found_on: date,
    before: int,
    *,
    states: Weighted[str],
    chance: Chance,
) -> StoredRow:
    status = chance.weighted(states)
    fine = Decimal(chance.between(2, 200) * 50_000).scaleb(-2)
    return (
        f"HF{found_on.year}{neighbourhood.community.code}{before + 1:04d}",
        business.credit_code,
        business.name,
        chance.weighted(_KINDS),
        found_on,
        None if status == "0" else fine,
        status,
        neighbourhood.community.street_code,
        neighbourhood.community.code,
    )


def _complaints(neighbourhood: Neighbourhood, chance: Chance) -> list[StoredRow]:
    found: list[StoredRow] = []
    for home in neighbourhood.households:
        if not chance.happens(1 / 32):
            continue
        person = home.members[0]
        is_nameless = chance.happens(0.2)
        number = told_phone(person.phone or contacts.phone(chance), chance)
        found.append(
            (
                f"TS{neighbourhood.community.code}{len(found) + 1:05d}",
                None if is_nameless else told_name(person.name, chance),
                None if is_nameless and chance.happens(0.5) else number,
                home.address,
                chance.weighted(_KINDS),
                _YEAR_BEGINS + timedelta(days=chance.below((REFERENCE_DAY - _YEAR_BEGINS).days)),
                chance.weighted(_THIS_YEAR),
                neighbourhood.community.code,
            )
        )
    return found
