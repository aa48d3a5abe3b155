"""Market regulation: businesses, as its REST service names them (camelCase, money as decimal text)."""

from decimal import Decimal

from gateway.demo.city.chance import Chance, Weighted
from gateway.demo.city.people import Neighbourhood
from gateway.demo.city.tables import ColumnType, StoredRow, TableRows, TableSpec
from gateway.demo.city.told import told_name, told_phone

BUSINESS = TableSpec(
    name="enterprises",
    columns={
        "creditCode": ColumnType.TEXT,
        "entName": ColumnType.TEXT,
        "legalPersonName": ColumnType.TEXT,
        "legalPersonIdNo": ColumnType.TEXT,
        "contactPhone": ColumnType.TEXT,
        "regCapital": ColumnType.DECIMAL,
        "industryName": ColumnType.TEXT,
        "establishDate": ColumnType.DATE,
        "entStatus": ColumnType.TEXT,
        "regAddress": ColumnType.TEXT,
        "communityCode": ColumnType.TEXT,
    },
    key="creditCode",
    indexes=("legalPersonIdNo", "communityCode"),
)
TABLES = (BUSINESS,)

IN_BUSINESS = "1"
_STATES = Weighted({IN_BUSINESS: 90.0, "2": 6.0, "3": 2.5, "4": 1.5})
_SMALL, _LARGE = (10_000, 20_000, 30_000, 50_000, 80_000, 100_000), (500_000, 1_000_000, 2_000_000, 5_000_000)


def rows(neighbourhood: Neighbourhood, chance: Chance) -> TableRows:
    """Every business; the legal person's number is empty where the old paper file had none."""
    found: list[StoredRow] = []
    for business in neighbourhood.businesses:
        capital = chance.pick(_SMALL if business.is_individual else _LARGE)
        found.append(
            (
                business.credit_code,
                business.name,
                told_name(business.owner_name, chance),
                None if chance.happens(0.01) else business.owner_id_number,
                told_phone(business.owner_phone, chance),
                None if chance.happens(0.02) else Decimal(capital * 100 + chance.below(3) * 25_000).scaleb(-2),
                business.industry,
                business.registered,
                chance.weighted(_STATES),
                business.address,
                neighbourhood.community.code,
            )
        )
    return {BUSINESS.name: found}
