"""Names of a source -> names that the catalogue takes; the same description always gives the same names."""

import re
import unicodedata
from collections.abc import Callable, Iterable

from gateway.catalog.spelling import LONGEST_NAME

_ODD = re.compile(r"[^a-z0-9_-]+")


def spell(
    names: Iterable[str], fits: Callable[[str], bool], stand_in: str, taken: frozenset[str] = frozenset()
) -> dict[str, str]:
    """Each name with one of ours, all different; a name that fits stays.

    Of names that fall together, later ones get a number. `stand_in` is for names of which no letter is left.
    """
    names = tuple(names)
    spelled = {name: name for name in names if fits(name) and name not in taken}
    used = taken | spelled.keys()
    for name in names:
        if name not in spelled:
            spelled[name] = _first_free(_near(name, fits, stand_in), used)
            used |= {spelled[name]}
    return {name: spelled[name] for name in names}


def _near(name: str, fits: Callable[[str], bool], stand_in: str) -> str:
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    near = _ODD.sub("_", plain).strip("_-")[:LONGEST_NAME]
    if not near:
        return stand_in
    if fits(near):
        return near
    return f"{near}_"[:LONGEST_NAME] if fits(f"{near}_") else f"{stand_in}_{near}"[:LONGEST_NAME]


def _first_free(wanted: str, used: frozenset[str]) -> str:
    name, number = wanted, 1
    while name in used:
        number += 1
        ending = f"_{number}"
        name = wanted[: LONGEST_NAME - len(ending)] + ending
    return name
