"""Bodies of entries -> who looked, as far as that takes them: most are like one that was read before. Pure.

Of such a body only those places are read in which it differs, and what is sealed opens only where every other byte is
as it was written. Whatever is unlikely in such a place is decoded whole: both ways say the same.
"""

from collections.abc import Sequence
from datetime import datetime
from functools import lru_cache

from gateway.audit.batches import decode_all
from gateway.audit.entry import Opener, decode_remaining, read_document, unpacked
from gateway.audit.looking import Look, Shown, look_of

_MOST = 4_096
_MOMENT_LETTERS = len("2026-11-23T08:00:00.000000Z")
_T, _Z = b"TZ"
# in a string a quote is escaped: these are members, wherever they are found
_AT, _DURATION, _ORGANISATION, _REFERS_TO, _ROWS, _SEALED = (
    b'"at":"', b'"duration_us":', b'"organisation":"', b'"refers_to":', b'"rows":', b'"sealed":"',
)  # fmt: skip
_CASE, _PRINCIPAL, _SUBJECTS = b'{"case":"', b',"principal":"', b',"subjects":"'

_Around = tuple[bytes, bytes, bytes, bytes, bytes, bytes]
_Cut = tuple[_Around, bytes, bytes, bytes, bytes, bytes]
"""What others have the same, the moment, organisation, rows, what is sealed, and the body with nothing sealed in it."""


class LookReader:
    """Knows what it has seen. Bounded; for any thread: at worst it learns the same twice."""

    def __init__(self, opener: Opener) -> None:
        self._opener = opener
        self._known: dict[_Around, tuple[str, Shown]] = {}

    def read(self, indices: Sequence[int], bodies: Sequence[bytes]) -> list[Look]:
        """The looks of entries, which are not archived; an erased one has nothing of people. Raises BodyMalformed."""
        cuts = list(map(_cut, bodies))
        sealed = iter(_decoded([cut[4] for cut in cuts if cut is not None]))
        looks = []
        for index, body, cut in zip(indices, bodies, cuts, strict=True):
            quick = None if cut is None else self._as_before(index, cut, next(sealed))
            looks.append(quick or self._whole(index, body, cut))
        return looks

    def _as_before(self, index: int, cut: _Cut, sealed: bytes | None) -> Look | None:
        around, at, organisation, rows, _, context = cut
        known = self._known.get(around)
        # a moment's parts could stand around any letter, and be in no time zone
        if known is None or sealed is None or at[10] != _T or at[-1] != _Z or not rows.isdigit():
            return None
        key, shown = known
        try:
            private = self._opener(key, sealed, context)
            if private is None or not private.startswith(_CASE):
                return None
            principal = private.rindex(_PRINCIPAL) + 14
            subjects = private.index(_SUBJECTS, principal) + 13
            return Look(
                index, datetime.fromisoformat(at.decode()),
                _text(private[principal : private.index(b'"', principal)]), _text(organisation),
                _text(private[9 : private.index(b'"', 9)]), int(rows),
                _people(private[subjects : private.index(b'"', subjects)]), shown,
            )  # fmt: skip
        except ValueError:
            return None

    def _whole(self, index: int, body: bytes, cut: _Cut | None) -> Look:
        entry, is_whole = decode_remaining(body, self._opener)
        look = look_of(index, entry)
        if cut is not None and is_whole:
            if len(self._known) >= _MOST:
                self._known.clear()
            self._known[cut[0]] = (read_document(body)["sealed_by"], look.shown)
        return look


def _cut(body: bytes) -> _Cut | None:
    """None of a body before version 3, in which nothing is sealed."""
    find = body.find
    at = find(_AT) + 6
    duration = find(_DURATION, at) + 14
    fields = find(b",", duration)
    organisation = find(_ORGANISATION, fields) + 16
    outcome = find(b'"', organisation)
    refers_to = find(_REFERS_TO, outcome) + 12
    rows = find(_ROWS, refers_to) + 7
    rules = find(b",", rows)
    sealed = find(_SEALED, rules) + 10
    end = find(b'"', sealed)
    if not 6 < at < duration < fields < organisation <= outcome < refers_to < rows < rules < sealed <= end:
        return None
    around = (
        body[:at], body[at + _MOMENT_LETTERS : duration], body[fields:organisation], body[outcome:refers_to],
        body[rules:sealed], body[end:],
    )  # fmt: skip
    moment, context = body[at : at + _MOMENT_LETTERS], body[:sealed] + body[end:]
    return (around, moment, body[organisation:outcome], body[rows:rules], body[sealed:end], context)


@lru_cache(maxsize=_MOST)
def _text(token: bytes) -> str:
    """What stands between quotes; raises ValueError where it doesn't say itself."""
    if b"\\" in token:
        msg = "an escape"
        raise ValueError(msg)
    return token.decode()


@lru_cache(maxsize=_MOST)
def _people(packed: bytes) -> tuple[str, ...]:
    """Their hashes; raises ValueError. Who is asked for is in each of them."""
    return tuple(unpacked(packed))


def _decoded(texts: Sequence[bytes]) -> Sequence[bytes | None]:
    """The bytes of base64; None where one of them is none: each has to be looked at."""
    try:
        return decode_all(texts) if texts else ()
    except ValueError:
        return (None,) * len(texts)
