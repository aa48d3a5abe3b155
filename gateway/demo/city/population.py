"""Settlement -> Neighbourhood: people in plausible households, and their businesses."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta

from gateway.demo.city import contacts, names
from gateway.demo.city.chance import Chance, Weighted
from gateway.demo.city.enterprise import businesses_of
from gateway.demo.city.people import (
    FEMALE,
    HAN,
    MALE,
    REFERENCE_DAY,
    UYGHUR,
    Household,
    HouseholdKind,
    Neighbourhood,
    Person,
    age_on,
)
from gateway.demo.city.registry import CompanyRegistry, IdentityOffice
from gateway.demo.city.territory import Settlement, Territory

_Kind = HouseholdKind
_KINDS = Weighted(
    {
        _Kind.ELDERLY_ALONE: 8.0,
        _Kind.ELDERLY_COUPLE: 12.0,
        _Kind.COUPLE: 14.0,
        _Kind.COUPLE_ONE_CHILD: 27.0,
        _Kind.COUPLE_TWO_CHILDREN: 9.0,
        _Kind.THREE_GENERATIONS: 11.0,
        _Kind.SINGLE_PARENT: 4.0,
        _Kind.SINGLE: 11.0,
        _Kind.FLATMATES: 4.0,
    }
)
_SIZES = {
    _Kind.ELDERLY_ALONE: 1,
    _Kind.ELDERLY_COUPLE: 2,
    _Kind.COUPLE: 2,
    _Kind.COUPLE_ONE_CHILD: 3,
    _Kind.COUPLE_TWO_CHILDREN: 4,
    _Kind.THREE_GENERATIONS: 5,
    _Kind.SINGLE_PARENT: 2,
    _Kind.SINGLE: 1,
    _Kind.FLATMATES: 2,
}
_OPENING = (_Kind.ELDERLY_ALONE, _Kind.COUPLE_ONE_CHILD)  # every street has at least these
_ALLOWANCE = {_Kind.SINGLE_PARENT: 0.10, _Kind.ELDERLY_ALONE: 0.06, _Kind.COUPLE_ONE_CHILD: 0.015, _Kind.SINGLE: 0.01}
_STALL = 0.06  # share of families on allowance that keep a business quiet
_MINORITIES = Weighted(
    {HAN: 970.0, "02": 2.0, "03": 4.0, UYGHUR: 3.0, "06": 4.0, "08": 4.0, "11": 3.0, "15": 5.0, "22": 5.0}
)


@dataclass(frozen=True, slots=True)
class _Seat:
    """A place in a household: who sits there."""

    sex: str
    age: int
    is_child: bool = False
    is_elder: bool = False


def neighbourhoods(territory: Territory, settlements: tuple[Settlement, ...], seed: int) -> Iterator[Neighbourhood]:
    """Make the city community by community; only one is held at a time, and the numbers already issued."""
    office = IdentityOffice(territory.counties)
    registry = CompanyRegistry()
    for settlement in settlements:
        chance = Chance(seed, int(settlement.community.code))
        households = tuple(_households(settlement, territory, office, chance))
        yield Neighbourhood(
            community=settlement.community,
            first_of_street=settlement.first_of_street,
            households=households,
            businesses=businesses_of(settlement.community, households, office, registry, chance),
        )


def _households(
    settlement: Settlement, territory: Territory, office: IdentityOffice, chance: Chance
) -> Iterator[Household]:
    community = settlement.community
    its_roads = contacts.roads(community, chance)
    left = settlement.residents
    people = 0
    serial = 0
    stall_due = settlement.first_of_street
    while left > 0:
        is_opening = settlement.first_of_street and serial < len(_OPENING)
        kind = _kind(serial, left, chance, opening=settlement.first_of_street)
        seats = _seats(kind, chance)
        members = _members(
            kind, seats, f"{community.code}{{:06d}}", people, office=office, chance=chance, reachable=is_opening
        )
        on_allowance = chance.happens(_ALLOWANCE.get(kind, 0.0))
        is_family = kind in {_Kind.COUPLE_ONE_CHILD, _Kind.SINGLE_PARENT}
        if stall_due and is_family:
            on_allowance, keeps_stall, stall_due = True, True, False
        else:
            keeps_stall = on_allowance and is_family and chance.happens(_STALL)
        former = chance.pick(territory.communities)
        yield Household(
            number=f"{community.code}{serial + 1:05d}",
            kind=kind,
            members=members,
            address=contacts.home_address(community, its_roads, serial),
            former_address=contacts.home_address(former, contacts.roads(former, chance), chance.below(300)),
            former_community=former,
            on_allowance=on_allowance,
            keeps_stall=keeps_stall,
        )
        left -= len(members)
        people += len(members)
        serial += 1


def _kind(serial: int, left: int, chance: Chance, *, opening: bool) -> HouseholdKind:
    kind = _OPENING[serial] if opening and serial < len(_OPENING) else chance.weighted(_KINDS)
    if _SIZES[kind] <= left:
        return kind
    return _Kind.COUPLE if left >= 2 else _Kind.SINGLE


def _seats(kind: HouseholdKind, chance: Chance) -> tuple[_Seat, ...]:
    if kind in {_Kind.ELDERLY_ALONE, _Kind.ELDERLY_COUPLE}:
        return _elders(chance, alone=kind is _Kind.ELDERLY_ALONE)
    if kind is _Kind.SINGLE:
        return (_Seat(_sex(chance), chance.between(19, 58)),)
    if kind is _Kind.FLATMATES:
        sex = _sex(chance)
        return tuple(_Seat(sex, chance.between(19, 34)) for _ in range(2))
    if kind is _Kind.COUPLE:
        age = chance.between(24, 68)
        return (_Seat(MALE, age), _Seat(FEMALE, max(22, age - chance.between(-2, 5))))
    mother = chance.between(25, 54)
    father = max(24, mother + chance.between(-2, 6))
    youngest = _child(mother, chance)
    if kind is _Kind.SINGLE_PARENT:
        parent = _Seat(FEMALE, mother) if chance.happens(0.75) else _Seat(MALE, max(father, youngest.age + 22))
        return (parent, youngest)
    parents = (_Seat(MALE, max(father, youngest.age + 22)), _Seat(FEMALE, mother))
    if kind is _Kind.COUPLE_ONE_CHILD:
        return (*parents, youngest)
    if kind is _Kind.COUPLE_TWO_CHILDREN:
        return (*parents, youngest, _child(mother, chance))
    grandmother = mother + chance.between(23, 32)
    elders = (
        _Seat(MALE, max(parents[0].age + 21, grandmother + chance.between(-1, 5)), is_elder=True),
        _Seat(FEMALE, grandmother, is_elder=True),
    )
    return (*parents, youngest, *elders)


def _elders(chance: Chance, *, alone: bool) -> tuple[_Seat, ...]:
    # two draws multiplied: many in their sixties, few in their nineties
    age = min(103, 62 + int(40 * chance.share() * chance.share()) + (chance.below(8) if alone else 0))
    if alone:
        return (_Seat(FEMALE if chance.happens(0.64) else MALE, age),)
    return (_Seat(MALE, age), _Seat(FEMALE, max(60, age - chance.between(-2, 5))))


def _child(mother: int, chance: Chance) -> _Seat:
    return _Seat(_sex(chance), max(0, min(24, mother - chance.between(22, 36))), is_child=True)


def _sex(chance: Chance) -> str:
    return MALE if chance.happens(0.512) else FEMALE


def _members(
    kind: HouseholdKind,
    seats: tuple[_Seat, ...],
    number: str,
    before: int,
    *,
    office: IdentityOffice,
    chance: Chance,
    reachable: bool,
) -> tuple[Person, ...]:
    ethnicity = chance.weighted(_MINORITIES)
    is_native = chance.happens(0.62)
    family = names.surname(chance)
    members: list[Person] = []
    for seat in seats:
        birth = REFERENCE_DAY - timedelta(days=int(seat.age * 365.2425) + chance.below(364) + 1)
        own_surname = family if seat.is_child or not members or _is_fathers(seat) else names.surname(chance)
        if kind is _Kind.SINGLE_PARENT and seat.is_child and chance.happens(0.3):
            own_surname = names.surname(chance)
        if ethnicity == UYGHUR:
            father = members[0].name.split("·")[0] if seat.is_child and members[0].sex == MALE else None
            name = names.uyghur_name(chance, is_male=seat.sex == MALE, father=father)
        else:
            name = own_surname + names.given_name(chance, is_male=seat.sex == MALE, born=birth.year)
        is_local = is_native or (seat.is_child and chance.happens(0.6))
        phone = _phone(seat.age, chance)
        if reachable and not members and phone is None:
            phone = contacts.mobile(chance)
        area = office.local_area(chance) if is_local else office.any_area(chance)
        members.append(
            Person(
                number=number.format(before + len(members) + 1),
                id_number=office.issue(area, birth, seat.sex, chance),
                name=name,
                sex=seat.sex,
                birth=birth,
                age=age_on(REFERENCE_DAY, birth),
                ethnicity=ethnicity,
                phone=phone,
                registered=_registered(birth, chance),
            )
        )
    return tuple(members)


def _is_fathers(seat: _Seat) -> bool:
    """Grandparents who live in are the father's: the grandfather has the family's surname."""
    return seat.is_elder and seat.sex == MALE


def _phone(age: int, chance: Chance) -> str | None:
    if age < 12 or chance.happens(0.12 if age >= 75 else 0.015):
        return None
    return contacts.landline(chance) if chance.happens(0.22 if age >= 68 else 0.004) else contacts.mobile(chance)


def _registered(birth: date, chance: Chance) -> date:
    """A day since birth or since 1985, when registers were put on cards."""
    first = max(birth, date(1985, 1, 1))
    return first + timedelta(days=chance.below(max(1, (REFERENCE_DAY - first).days)))
