"""Many rows of the live log at once -> those of them that are sound beyond doubt. Never names a fault.

The quick road of verification: everything that gateway.audit.rows holds against the bytes of an entry is held here as
well, by as few steps as that takes. A row of which this is not sure is left to that module, which tells what is wrong
with it, if anything is.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from pydantic import ConfigDict, TypeAdapter, ValidationError

from gateway.audit.alike import Alike
from gateway.audit.entry import BodyMalformed, Opener
from gateway.audit.facts import FactColumns, FactsSeen, Kind, kind_of
from gateway.audit.forms import Cut
from gateway.audit.grids import MOMENT_LETTERS, moments_of
from gateway.audit.merkle import leaf_hashes
from gateway.audit.private_forms import told_of
from gateway.errors import GatewayError
from gateway.store import RowBatch

_NO_LETTER = (b"\\", b"-", b"_")  # not of base64's standard alphabet, or no base64 at all
_TEXTS = TypeAdapter(list[bytes], config=ConfigDict(val_json_bytes="base64"))


class Sure(NamedTuple):
    """The leaf hashes of a batch, recomputed; the places that are left to look at; and the erased entries' keys.

    facts: what the index keeps of the entries that were looked at.
    """

    leaves: list[bytes]
    unsure: list[int]
    erased: list[tuple[int, str]]
    facts: FactColumns


def look_at(batch: RowBatch, begin: int, opener: Opener, alike: Alike) -> Sure | None:
    """What is sure of a batch that begins at entry `begin`; None: nothing is."""
    leaves = leaf_hashes(batch.bodies)
    if leaves != batch.leaves:
        return None
    seen = FactsSeen(len(leaves))
    left, opened = alike.look(batch, opener, seen)
    cuts = [alike.forms.cut(batch.bodies[place]) for place in left]
    unsure = {place for place, cut in zip(left, cuts, strict=True) if cut is None}
    places = [place for place in left if place not in unsure]
    erased: list[int] = []
    if places:
        try:
            known = [cut for cut in cuts if cut is not None]
            by_form = _by_form(batch, opener, seen, opened=opened, places=places, cuts=known)
        except (ValueError, GatewayError):
            return None
        if by_form is None:
            return None
        unsaid, erased = by_form
        unsure |= unsaid
    keys = {place: cut[0].sealed_by for place, cut in zip(left, cuts, strict=True) if cut is not None}
    return Sure(leaves, sorted(unsure), [(begin + place, keys[place]) for place in erased], seen.columns())


def _by_form(
    batch: RowBatch, opener: Opener, seen: FactsSeen, *, opened: dict[int, bytes], places: list[int], cuts: list[Cut]
) -> tuple[set[int], list[int]] | None:
    """The places that are not sure, and those that are and erased; None: nothing is sure.

    Raises ValueError, GatewayError.
    """
    letters = b"".join([cut[1] for cut in cuts])
    if len(letters) != MOMENT_LETTERS * len(cuts):
        return None
    texts = np.frombuffer(letters, dtype=np.uint8).reshape(len(cuts), MOMENT_LETTERS)
    moments = moments_of(texts)
    if moments is None:
        return None
    left = [row for row, place in enumerate(places) if place not in opened]
    plaintexts: list[bytes | None] = [opened.get(place) for place in places]
    for row, plaintext in zip(left, _opened([cuts[row] for row in left], opener), strict=True):
        plaintexts[row] = plaintext
    told = [told_of(plaintext, cut[2], cut[0].steady) for cut, plaintext in zip(cuts, plaintexts, strict=True)]
    unsaid = batch.unsaid(places, moments, texts[:, :-1], told)
    sure = [row for row, place in enumerate(places) if place not in unsaid]
    kinds: dict[tuple[str, str, str, int], int] = {}
    found: list[Kind] = []
    known: list[int] = []
    for row in sure:
        one = told[row]
        if one is None:
            continue
        key = (one[0], one[1], one[4], cuts[row][0].number)
        if key not in kinds:
            try:
                found.append(kind_of(one))
            except BodyMalformed:  # then it is not known what the index keeps of them
                continue
            kinds[key] = len(kinds)
        known.append(row)
    wanted = [(row, one) for row in known if (one := told[row]) is not None]
    seen.add(
        [places[row] for row in known],
        moments[known],
        [kinds[one[0], one[1], one[4], cuts[row][0].number] for row, one in wanted],
        [bytes.fromhex(one[3]) for _, one in wanted],
        found,
    )
    return unsaid, [places[row] for row in sure if plaintexts[row] is None]


def _opened(cuts: Sequence[Cut], opener: Opener) -> list[bytes | None]:
    """What is sealed; raises ValueError, GatewayError."""
    sealed = decode_all([cut[3] for cut in cuts]) if cuts else []
    return [opener(cut[0].sealed_by, one, cut[4]) for cut, one in zip(cuts, sealed, strict=True)]


def decode_all(texts: Sequence[bytes]) -> list[bytes]:
    """The bytes of texts (one at least) in base64, each in its one form; raises ValueError."""
    each = list(texts)
    each[0] = b'["' + each[0]
    each[-1] += b'"]'
    told = b'","'.join(each)  # once: it is long, and each copy takes its time
    # nothing in a text ends it or changes its letters, and none lacks its padding
    if (
        told.count(b'"') != 2 * len(texts)
        or any(one in told for one in _NO_LETTER)
        or any(len(one) % 4 for one in texts)
    ):
        msg = "not base64"
        raise ValueError(msg)
    try:
        return _TEXTS.validate_json(told)
    except ValidationError:
        msg = "not base64"
        raise ValueError(msg) from None
