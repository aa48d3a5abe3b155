"""Watches the city being made -> the people whose stories the demo tells: the first that fit, as registers have them.

A scene's person is one about whom the registers agree where the scene needs it, and is found in the written rows, so
that what the summary names is there to be asked for.
"""

from collections import Counter

from gateway.demo.city import civil, community, health, market, police
from gateway.demo.city.people import HouseholdKind, Neighbourhood, Person, age_band
from gateway.demo.city.summary import CountedGroup, LowIncomeFamily, TellingPerson
from gateway.demo.city.tables import StoredRow, TableRows, TableSpec
from gateway.demo.city.territory import HOME_VISIT_STREET, TRANSPORT_STREET, Community

_SHANGCHENG = "330102"
_SMALL = 2


class Scout:
    """Keeps the first that fit; the fields are None until somebody does."""

    def __init__(self) -> None:
        self.lonely_elder: TellingPerson | None = None
        self.low_income: tuple[TellingPerson, LowIncomeFamily] | None = None
        self.transport: tuple[TellingPerson, str] | None = None
        self.groups: tuple[CountedGroup, CountedGroup] | None = None
        self._neighbours: list[TellingPerson] = []

    def observe(self, neighbourhood: Neighbourhood, rows: TableRows) -> None:
        """Look at one community's truth and at the rows that the departments keep of it."""
        where = neighbourhood.community
        if where.street_code == HOME_VISIT_STREET:
            self._neighbours += [_telling(home.members[0], where) for home in neighbourhood.households[:1]]
            self.lonely_elder = self.lonely_elder or _lonely_elder(neighbourhood, rows)
        if where.street_code == TRANSPORT_STREET:
            self.transport = self.transport or _passenger(neighbourhood, rows)
        if where.district_code == _SHANGCHENG:
            self.low_income = self.low_income or _family(neighbourhood, rows)
            self.groups = self.groups or _groups(neighbourhood)

    @property
    def neighbour(self) -> TellingPerson | None:
        """Somebody of the same street who does not live in the lonely elder's community."""
        elder = self.lonely_elder
        if elder is None:
            return None
        return next((each for each in self._neighbours if each.community_code != elder.community_code), None)


def _lonely_elder(neighbourhood: Neighbourhood, rows: TableRows) -> TellingPerson | None:
    needs = {row["sfz"]: row for row in _named(community.NEED, rows)}
    for home in neighbourhood.households:
        person = home.members[0]
        need = needs.get(person.id_number)
        if home.kind is HouseholdKind.ELDERLY_ALONE and need is not None and _is_clear(need, person):
            return _telling(person, neighbourhood.community)
    return None


def _is_clear(need: dict[str, object], person: Person) -> bool:
    """Whether the ledger has today's name and phone, the flag and somebody to call."""
    has_phone = person.phone is not None and need["dh"] == person.phone
    return has_phone and need["xm"] == person.name and need["duju"] == "1" and need["jjlxr_dh"] is not None


def _passenger(neighbourhood: Neighbourhood, rows: TableRows) -> tuple[TellingPerson, str] | None:
    people = {person.id_number: person for home in neighbourhood.households for person in home.members}
    for row in _named(health.APPOINTMENT, rows):
        person = people[str(row["id_card"])]
        is_booked = row["appt_st"] == health.BOOKED and row["need_car"] == "Y"
        if is_booked and row["tel"] is not None and row["tel"] == person.phone and row["pat_name"] == person.name:
            return _telling(person, neighbourhood.community), str(row["appt_id"])
    return None


def _family(neighbourhood: Neighbourhood, rows: TableRows) -> tuple[TellingPerson, LowIncomeFamily] | None:
    where = neighbourhood.community
    paid = [row for row in _named(civil.ASSISTANCE, rows) if row["zt"] == civil.PAID and row["shequ_dm"] == where.code]
    cases = {row["sfzhm"]: str(row["bh"]) for row in paid}
    listed = {row["HH"] for row in _named(police.HOUSEHOLD, rows)}
    trading = [row for row in _named(market.BUSINESS, rows) if row["entStatus"] == market.IN_BUSINESS]
    owned = {row["legalPersonIdNo"]: str(row["creditCode"]) for row in trading}
    for home in neighbourhood.households:
        head = home.members[0]
        is_known = head.id_number in cases and head.id_number in owned and home.number in listed
        if is_known and len(home.members) > 1:
            return _telling(head, where), LowIncomeFamily(
                household_no=home.number,
                member_id_numbers=tuple(person.id_number for person in home.members),
                case_no=cases[head.id_number],
                credit_code=owned[head.id_number],
            )
    return None


def _groups(neighbourhood: Neighbourhood) -> tuple[CountedGroup, CountedGroup] | None:
    """The oldest group of exactly two, and the largest of the same community."""
    counts = Counter(age_band(person.age) for home in neighbourhood.households for person in home.members)
    small = max((band for band, count in counts.items() if count == _SMALL), default=None)
    if small is None:
        return None
    large = max(counts, key=lambda band: (counts[band], band))
    return _group(neighbourhood.community, small, counts), _group(neighbourhood.community, large, counts)


def _named(table: TableSpec, rows: TableRows) -> list[dict[str, object]]:
    def named(row: StoredRow) -> dict[str, object]:
        return dict(zip(table.columns, row, strict=True))

    return [named(row) for row in rows[table.name]]


def _telling(person: Person, where: Community) -> TellingPerson:
    return TellingPerson(
        id_number=person.id_number,
        name=person.name,
        street_code=where.street_code,
        community_code=where.code,
        community_name=where.name,
    )


def _group(where: Community, band: str, counts: Counter[str]) -> CountedGroup:
    return CountedGroup(
        street_code=where.street_code,
        community_code=where.code,
        community_name=where.name,
        age_band=band,
        count=counts[band],
    )
