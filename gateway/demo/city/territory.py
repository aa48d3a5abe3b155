"""regions.csv -> the streets and communities of the demo's two districts, and how many people live in each.

Codes and names are real (National Bureau of Statistics); the numbers of residents are drawn, not real.
"""

import csv
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from gateway.demo.city.chance import Chance

DISTRICTS = ("330102", "330114")  # 上城区, 钱塘区
HOME_VISIT_STREET = "330102013"  # 闸弄口街道
TRANSPORT_STREET = "330114002"  # 白杨街道
_RESIDENTS_A_COMMUNITY = 100  # a small city has fewer communities, not emptier ones
_FEWEST_COMMUNITIES = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Community:
    """A community or village with the street and district it lies in."""

    code: str
    name: str
    street_code: str
    street_name: str
    district_code: str
    district_name: str

    @property
    def is_village(self) -> bool:
        """Villages number their houses by group, not by road."""
        return self.name.endswith(("村", "村委会"))

    @property
    def place(self) -> str:
        """The address down to the community."""
        name = self.name.removesuffix("委会") if self.is_village else self.name
        return f"杭州市{self.district_name}{self.street_name}{name}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Settlement:
    """A community with its number of residents. The first one of a street is where the demo's scenes are sure to be."""

    community: Community
    residents: int
    first_of_street: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Territory:
    """Communities of the two districts in the order of their codes, and the county codes of the prefecture."""

    communities: tuple[Community, ...]
    counties: tuple[str, ...]


def load_territory(regions: Path) -> Territory:
    """Read a file of code, name, level, parent; raises ValueError where a district or its communities are missing."""
    with regions.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    names = {row["code"]: row["name"] for row in rows}
    communities = tuple(
        Community(
            code=code,
            name=names[code],
            street_code=code[:9],
            street_name=names[code[:9]],
            district_code=code[:6],
            district_name=names[code[:6]],
        )
        for code in sorted(names)
        if len(code) == 12 and code.startswith(DISTRICTS)
    )
    for street in (HOME_VISIT_STREET, TRANSPORT_STREET):
        if not any(community.street_code == street for community in communities):
            raise ValueError(f"{regions.name} has no communities of street {street}")
    return Territory(communities=communities, counties=tuple(sorted(code for code in names if len(code) == 6)))


def settle(territory: Territory, residents: int, chance: Chance) -> tuple[Settlement, ...]:
    """Share out the residents, in the order of codes; they sum to exactly `residents`.

    A city of fewer than about 35,000 leaves communities out, never the first ones of the scenes' two streets.
    """
    chosen = _chosen(territory, residents)
    weights = [0.4 + 1.6 * chance.share() ** 2 for _ in chosen]
    whole = sum(weights)
    shares = [residents * weight / whole for weight in weights]
    numbers = [int(share) for share in shares]
    by_remainder = sorted(range(len(chosen)), key=lambda index: (numbers[index] - shares[index], index))
    for index in by_remainder[: residents - sum(numbers)]:
        numbers[index] += 1
    streets: set[str] = set()
    settlements = []
    for community, number in zip(chosen, numbers, strict=True):
        settlements.append(
            Settlement(community=community, residents=number, first_of_street=community.street_code not in streets)
        )
        streets.add(community.street_code)
    return tuple(settlements)


def _chosen(territory: Territory, residents: int) -> Sequence[Community]:
    visits = [each for each in territory.communities if each.street_code == HOME_VISIT_STREET]
    transports = [each for each in territory.communities if each.street_code == TRANSPORT_STREET]
    first = (*visits[:2], *transports[:2])
    # then one of each street, a second of each street, and so on
    turns: Counter[str] = Counter()
    rest = []
    for community in territory.communities:
        if community not in first:
            turns[community.street_code] += 1
            rest.append((turns[community.street_code], community.code, community))
    many = max(_FEWEST_COMMUNITIES, residents // _RESIDENTS_A_COMMUNITY)
    spread = (community for _, _, community in sorted(rest, key=lambda turn: turn[:2]))
    return sorted((*first, *spread)[:many], key=lambda community: community.code)
