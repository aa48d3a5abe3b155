"""Which names a bundle takes, for those who make one up."""

import re

from gateway.catalog._datasets import RESERVED_FIELDS
from gateway.catalog._section import FIELD, LONGEST_NAME, NAME, ROLE


def fits_name(name: str) -> bool:
    """A department's, dataset's, source's, app's or purpose's name."""
    return _fits(name, NAME)


def fits_field(name: str) -> bool:
    """A field's or a link's name."""
    return _fits(name, FIELD) and name not in RESERVED_FIELDS


def fits_role(name: str) -> bool:
    """A role's name that may be declared."""
    return _fits(name, ROLE) and name != "any"


def _fits(name: str, pattern: re.Pattern[str]) -> bool:
    return len(name) <= LONGEST_NAME and pattern.fullmatch(name) is not None


__all__ = ["LONGEST_NAME", "fits_field", "fits_name", "fits_role"]
