"""Who lives here, in truth: people and households, before any department has written them down."""

from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from gateway.demo.city.territory import Community

REFERENCE_DAY = date(2026, 11, 1)
"""The day that ages are counted on, so that the city does not depend on the clock."""

MALE, FEMALE = "1", "2"  # GB/T 2261.1
HAN, UYGHUR = "01", "05"  # GB/T 3304


class HouseholdKind(StrEnum):
    """Who lives together."""

    ELDERLY_ALONE = "elderly-alone"
    ELDERLY_COUPLE = "elderly-couple"
    COUPLE = "couple"
    COUPLE_ONE_CHILD = "couple-one-child"
    COUPLE_TWO_CHILDREN = "couple-two-children"
    THREE_GENERATIONS = "three-generations"
    SINGLE_PARENT = "single-parent"
    SINGLE = "single"
    FLATMATES = "flatmates"


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """A resident as they are today. Codes as in GB/T 2261.1 and GB/T 3304."""

    number: str
    id_number: str
    name: str
    sex: str
    birth: date
    age: int
    ethnicity: str
    phone: str | None
    registered: date


@dataclass(frozen=True, slots=True, kw_only=True)
class Household:
    """People of one address; the first member is its head. `former` is where they lived before."""

    number: str
    kind: HouseholdKind
    members: tuple[Person, ...]
    address: str
    former_address: str
    former_community: Community
    on_allowance: bool
    keeps_stall: bool  # a business that the family on allowance did not speak of


@dataclass(frozen=True, slots=True, kw_only=True)
class Business:
    """A registered business; its owner need not be a resident."""

    credit_code: str
    name: str
    owner_name: str
    owner_id_number: str
    owner_phone: str | None
    is_individual: bool
    industry: str
    address: str
    registered: date


@dataclass(frozen=True, slots=True, kw_only=True)
class Neighbourhood:
    """One community with all its people and businesses: the unit in which the city is made."""

    community: Community
    first_of_street: bool
    households: tuple[Household, ...]
    businesses: tuple[Business, ...]


def age_on(day: date, birth: date) -> int:
    """Full years."""
    return day.year - birth.year - ((day.month, day.day) < (birth.month, birth.day))


def age_band(age: int) -> str:
    """Five-year band as text that sorts by age: `00-04` to `90-94`, then `95+`."""
    low = age // 5 * 5
    return "95+" if low >= 95 else f"{low:02d}-{low + 4:02d}"
