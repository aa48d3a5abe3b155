"""Many rows of the live log at once -> those of them that are sound beyond doubt. Never names a fault.

The quick road of verification: everything that gateway.audit.rows holds against the bytes of an entry is held here as
well, by as few steps as that takes. A row of which this is not sure is left to that module, which tells what is wrong
with it, if anything is.
"""

import hashlib
from binascii import Error as NotBase64
from binascii import a2b_base64
from collections import deque
from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

import numpy as np
import orjson
from numpy.typing import NDArray
from pydantic import ConfigDict, TypeAdapter, ValidationError

from gateway.audit.entry import LONGEST_COLUMN, BodyMalformed, Opener, each_once
from gateway.audit.facts import UNKNOWN, FactColumns, Kind, nothing_of
from gateway.audit.forms import Cut, Forms
from gateway.audit.search_terms import EPOCH, facts_of
from gateway.errors import GatewayError
from gateway.keys import RetentionOpener
from gateway.store import STEADY_COLUMNS, TOLD, RowBatch, Wanted

_ZEROES = bytes(48 if 48 <= byte <= 57 else byte for byte in range(256))
_MOMENT = b"0000-00-00T00:00:00.000000Z"
_NO_LETTER = (b"\\", b"-", b"_")  # not of base64's standard alphabet, or no base64 at all
_HASH_DIGITS = 32
_TEXTS = TypeAdapter(list[bytes], config=ConfigDict(val_json_bytes="base64"))
_sha256 = hashlib.sha256


class Sure(NamedTuple):
    """The leaf hashes of a batch, recomputed; the places that are left to look at; and the erased entries' keys.

    facts: what the index keeps of the entries that were looked at.
    """

    leaves: list[bytes]
    unsure: list[int]
    erased: list[tuple[int, str]]
    facts: FactColumns


def look_at(batch: RowBatch, begin: int, opener: Opener, forms: Forms) -> Sure | None:
    """What is sure of a batch that begins at entry `begin`; None: nothing is."""
    leaves = [_sha256(b"\x00" + body).digest() for body in batch.bodies]
    if leaves != batch.leaves:
        return None
    cuts = [forms.cut(body) for body in batch.bodies]
    places = [place for place, cut in enumerate(cuts) if cut is not None]
    known = [cut for cut in cuts if cut is not None]
    unsure = [place for place, cut in enumerate(cuts) if cut is None]
    if not known:
        return Sure(leaves, unsure, [], nothing_of(len(leaves)))
    try:
        moments = _moments(known)
        if moments is None or not batch.has_moments(places, *moments):
            return None
        opened = _opened(known, opener)
    except (ValueError, GatewayError):
        return None
    told = [_told(cut, plaintext) for cut, plaintext in zip(known, opened, strict=True)]
    unsaid = batch.unsaid(places, told)
    erased = [
        (begin + place, cut[0].sealed_by)
        for place, cut, plaintext in zip(places, known, opened, strict=True)
        if plaintext is None and place not in unsaid
    ]
    try:
        facts = _facts(len(leaves), places, moments[0], told, known)
    except BodyMalformed:  # then it is not known what the index keeps of them
        facts = nothing_of(len(leaves))
    return Sure(leaves, sorted({*unsure, *unsaid}), erased, facts.without(unsaid))


def _moments(cuts: Sequence[Cut]) -> tuple[NDArray[np.int64], str] | None:
    """In microseconds since 1970, and as texts, each with a Z behind it. Raises ValueError."""
    told = b"".join([cut[1] for cut in cuts])
    # a day has no 24th hour
    if told.translate(_ZEROES) != _MOMENT * len(cuts) or b"T24" in told:
        return None
    texts = told.decode("ascii")
    each = texts[:-1].split("Z")
    deque(map(datetime.fromisoformat, each), maxlen=0)  # stricter than numpy, which knows a year 0
    return np.array(each, dtype="datetime64[us]").astype(np.int64), texts


def _facts(
    count: int, places: Sequence[int], at: NDArray[np.int64], told: Sequence[Wanted | None], cuts: Sequence[Cut]
) -> FactColumns:
    facts = nothing_of(count)
    kinds: dict[tuple[str, str, str, int], int] = {}
    found: list[Kind] = []
    people: list[bytes] = [b""] * count
    kind = [UNKNOWN] * count
    for place, one, cut in zip(places, told, cuts, strict=True):
        if one is None:
            continue
        key = (one[0], one[1], one[4], cut[0].number)
        number = kinds.get(key)
        if number is None:
            number = kinds[key] = len(found)
            found.append(_kind(one))
        kind[place] = number
        people[place] = bytes.fromhex(one[3])
    facts.at[places] = at
    return FactColumns(facts.at, np.array(kind, dtype=np.int64), people, found)


def _kind(told: Wanted) -> Kind:
    cells = dict(zip(STEADY_COLUMNS, told[5].cells, strict=True))
    cells |= {"principal": told[0], "case_id": told[1], "organisation": told[4], "subjects": ""}
    facts = facts_of([EPOCH if name == "at" else cells[name] for name in TOLD])
    return Kind(facts.principal, facts.terms)


def _opened(cuts: Sequence[Cut], opener: Opener) -> list[bytes | None]:
    """What is sealed; raises ValueError, GatewayError."""
    sealed = decode_all([cut[3] for cut in cuts])
    if isinstance(opener, RetentionOpener):
        return opener.open_all([cut[0].sealed_by for cut in cuts], sealed, [cut[4] for cut in cuts])
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


def _told(cut: Cut, plaintext: bytes | None) -> Wanted | None:
    """What the row should say; None where that is not sure."""
    if plaintext is None:
        return ("", "", "", "", cut[2], cut[0].steady)
    try:
        private = orjson.loads(plaintext)
        principal, case_id, trace_id = private["principal"], private["case"], private["trace_id"]
        told = a2b_base64(private["subjects"], strict_mode=True).hex()
        whole = principal + case_id + trace_id
    except (NotBase64, KeyError, TypeError, ValueError):
        return None
    if "\x00" in whole or len(whole) > LONGEST_COLUMN or len(told) % _HASH_DIGITS:
        return None
    if len(told) > _HASH_DIGITS:
        told = each_once(told[at : at + _HASH_DIGITS] for at in range(0, len(told), _HASH_DIGITS))
    return (principal, case_id, trace_id, told, cut[2], cut[0].steady)
