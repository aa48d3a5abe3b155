"""Truth -> what a department was told: the small disagreements that separate registers have.

The shares are named here; a test holds that they are neither nil nor large. The identity number is never wrong:
registers that disagree on it are another trouble, and not the demo's.
"""

from dataclasses import dataclass

from gateway.demo.city import contacts, names
from gateway.demo.city.chance import Chance
from gateway.demo.city.people import Household, Person
from gateway.demo.city.territory import Community

OLD_PHONE = 0.07
MALFORMED_PHONE = 0.015
FORGOTTEN_PHONE = 0.025
FORMER_ADDRESS = 0.04
MISTYPED_NAME = 0.012
MISSING_ROW = 0.02


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """A person as one register has them."""

    name: str
    phone: str | None
    address: str
    community: Community


def told(person: Person, home: Household, community: Community, chance: Chance) -> Told:
    """The person as they told a department, perhaps years ago. A former address comes with its community."""
    moved = chance.happens(FORMER_ADDRESS)
    return Told(
        name=told_name(person.name, chance),
        phone=told_phone(person.phone, chance),
        address=home.former_address if moved else home.address,
        community=home.former_community if moved else community,
    )


def told_name(name: str, chance: Chance) -> str:
    """The name, rarely mistyped."""
    return names.mistyped(name, chance) if chance.happens(MISTYPED_NAME) else name


def told_phone(number: str | None, chance: Chance) -> str | None:
    """The number today, or an old one, a badly typed one, or none."""
    if number is None:
        return None
    draw = chance.share()
    if draw < OLD_PHONE:
        return contacts.mobile(chance)
    if draw < OLD_PHONE + MALFORMED_PHONE:
        return contacts.malformed(number, chance)
    if draw < OLD_PHONE + MALFORMED_PHONE + FORGOTTEN_PHONE:
        return None
    return number
