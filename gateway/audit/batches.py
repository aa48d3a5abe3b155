"""Many rows of the live log at once -> those of them that are sound beyond doubt. Never names a fault.

The quick road of verification: everything that gateway.audit.rows holds against the bytes of an entry is held here as
well, by as few steps as that takes. A row of which this is not sure is left to that module, which tells what is wrong
with it, if anything is.
"""

import hashlib
from binascii import Error as NotBase64
from binascii import a2b_base64
from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

import orjson
from pydantic import ConfigDict, TypeAdapter, ValidationError

from gateway.audit.entry import LONGEST_COLUMN, Opener, each_once
from gateway.audit.forms import Cut, Forms
from gateway.errors import GatewayError
from gateway.keys import RetentionOpener
from gateway.store import RowBatch

_ZEROES = bytes(48 if 48 <= byte <= 57 else byte for byte in range(256))
_MOMENT = b"0000-00-00T00:00:00.000000Z"
_NO_LETTER = (b"\\", b"-", b"_")  # not of base64's standard alphabet, or no base64 at all
_HASH_DIGITS = 32
_TEXTS = TypeAdapter(list[bytes], config=ConfigDict(val_json_bytes="base64"))
_sha256 = hashlib.sha256


class Sure(NamedTuple):
    """The leaf hashes of a batch, recomputed; the places that are left to look at; and the erased entries' keys."""

    leaves: list[bytes]
    unsure: list[int]
    erased: list[tuple[int, str]]


def look_at(batch: RowBatch, begin: int, opener: Opener, forms: Forms) -> Sure | None:
    """What is sure of a batch that begins at entry `begin`; None: nothing is."""
    leaves = [_sha256(b"\x00" + body).digest() for body in batch.bodies]
    if leaves != batch.leaves:
        return None
    cuts = [forms.cut(body) for body in batch.bodies]
    places = [place for place, cut in enumerate(cuts) if cut is not None]
    known = [cut for cut in cuts if cut is not None]
    unsure = [place for place, cut in enumerate(cuts) if cut is None]
    erased: list[tuple[int, str]] = []
    if known:
        try:
            if not _have_moments(batch, places, known):
                return None
            opened = _opened(known, opener)
        except (ValueError, GatewayError):
            return None
        for place, cut, plaintext in zip(places, known, opened, strict=True):
            if not _is_sound(batch, place, cut, plaintext):
                unsure.append(place)
            elif plaintext is None:
                erased.append((begin + place, cut[0][0]))
    return Sure(leaves, sorted(unsure), erased)


def _have_moments(batch: RowBatch, places: Sequence[int], cuts: Sequence[Cut]) -> bool:
    """Raises ValueError."""
    told = b"".join([cut[1] for cut in cuts])
    # a day has no 24th hour
    if told.translate(_ZEROES) != _MOMENT * len(cuts) or b"T24" in told:
        return False
    texts = told.decode("ascii")
    moments = list(map(datetime.fromisoformat, texts[:-1].split("Z")))
    return batch.has_moments(places, moments, texts)


def _opened(cuts: Sequence[Cut], opener: Opener) -> list[bytes | None]:
    """What is sealed; raises ValueError, GatewayError."""
    sealed = decode_all([cut[3] for cut in cuts])
    if isinstance(opener, RetentionOpener):
        return opener.open_all([cut[0][0] for cut in cuts], sealed, [cut[4] for cut in cuts])
    return [opener(cut[0][0], one, cut[4]) for cut, one in zip(cuts, sealed, strict=True)]


def decode_all(texts: Sequence[bytes]) -> list[bytes]:
    """The bytes of texts (one at least) in base64, each in its one form; raises ValueError."""
    told = b'["' + b'","'.join(texts) + b'"]'
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


def _is_sound(batch: RowBatch, place: int, cut: Cut, plaintext: bytes | None) -> bool:
    if plaintext is None:
        return batch.says(place, ("", "", "", "", cut[2], cut[0][1]))
    try:
        private = orjson.loads(plaintext)
        principal, case_id, trace_id = private["principal"], private["case"], private["trace_id"]
        told = a2b_base64(private["subjects"], strict_mode=True).hex()
        whole = principal + case_id + trace_id
    except (NotBase64, KeyError, TypeError, ValueError):
        return False
    if "\x00" in whole or len(whole) > LONGEST_COLUMN:
        return False
    if len(told) % _HASH_DIGITS:
        return False
    if len(told) > _HASH_DIGITS:
        told = each_once(told[at : at + _HASH_DIGITS] for at in range(0, len(told), _HASH_DIGITS))
    return batch.says(place, (principal, case_id, trace_id, told, cut[2], cut[0][1]))
