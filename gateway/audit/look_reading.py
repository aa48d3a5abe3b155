"""Bodies of entries -> who looked, as far as that takes them: most are like one that was read before. Pure.

Of such a body only those places are read in which it differs. That is enough, for what is sealed opens only where every
other byte is as it was written. What is erased, older, or has an escape in such a place is decoded whole: both ways say
the same.
"""

from collections.abc import Callable, Sequence
from datetime import datetime
from functools import cache

from gateway.audit.batches import decode_all
from gateway.audit.entry import Opener, decode_remaining, unpacked
from gateway.audit.looking import Look, Shown, look_of

_MOST = 4_096
_MOMENT_LETTERS = len("2026-11-23T08:00:00.000000Z")
# in a string a quote is escaped: these are members, wherever they are found
_AT, _DURATION, _ORGANISATION, _POLICY, _PURPOSE, _REFERS_TO, _ROWS, _SEALED = (
    b'"at":"', b'"duration_us":', b'"organisation":"', b'"policy_version":', b'"purpose":', b'"refers_to":', b'"rows":',
    b'"sealed":"',
)  # fmt: skip
_SEALED_BY, _END = b'","sealed_by":"', b'"v":3}'
_CASE, _PRINCIPAL, _SUBJECTS = b'{"case":"', b',"principal":"', b',"subjects":"'

_Shared = tuple[bytes, bytes, bytes, bytes, bytes]
_Cut = tuple[_Shared, bytes, bytes, bytes, bytes, bytes, bytes]
"""What it shares with others, moment, organisation, rows, what is sealed, the key's name, and the rest of the body."""


class LookReader:
    """Knows what it has seen. Bounded; for any thread: at worst it learns the same twice."""

    def __init__(self, opener: Opener) -> None:
        self._opener = opener
        self._known: dict[_Shared, Shown] = {}

    def read(self, indices: Sequence[int], bodies: Sequence[bytes]) -> list[Look]:
        """The looks of entries, which are not archived; an erased one has nothing of people. Raises BodyMalformed."""
        cuts = list(map(_cut, bodies))
        sealed = iter(_decoded([cut[4] for cut in cuts if cut is not None]))
        people = cache(_people)  # whom all are about is in each; nothing of people is remembered beyond this call
        looks = []
        for index, body, cut in zip(indices, bodies, cuts, strict=True):
            quick = None if cut is None else self._as_before(index, cut, next(sealed), people)
            looks.append(quick or self._whole(index, body, cut))
        return looks

    def _as_before(
        self, index: int, cut: _Cut, sealed: bytes | None, people: Callable[[bytes], tuple[str, ...]]
    ) -> Look | None:
        shared, at, organisation, rows, _, key, context = cut
        shown = self._known.get(shared)
        if shown is None or sealed is None:
            return None
        try:
            private = self._opener(_text(key), sealed, context)
            if private is None or not private.startswith(_CASE):
                return None
            principal = private.rindex(_PRINCIPAL) + 14
            subjects = private.index(_SUBJECTS, principal) + 13
            return Look(
                index, datetime.fromisoformat(at.decode()),
                _text(private[principal : private.index(b'"', principal)]), _text(organisation),
                _text(private[9 : private.index(b'"', 9)]), int(rows),
                people(private[subjects : private.index(b'"', subjects)]), shown,
            )  # fmt: skip
        except ValueError:
            return None

    def _whole(self, index: int, body: bytes, cut: _Cut | None) -> Look:
        entry, is_whole = decode_remaining(body, self._opener)
        look = look_of(index, entry)
        if cut is not None and is_whole:
            if len(self._known) >= _MOST:
                self._known.clear()
            self._known[cut[0]] = look.shown
        return look


def _cut(body: bytes) -> _Cut | None:
    """None of a body before version 3, in which nothing is sealed."""
    find = body.find
    at = find(_AT) + 6
    duration = find(_DURATION, at)
    fields = find(b",", duration + 14)
    organisation = find(_ORGANISATION, fields) + 16
    outcome = find(b'"', organisation)
    policy = find(_POLICY, outcome)
    purpose = find(_PURPOSE, policy)
    refers_to = find(_REFERS_TO, purpose)
    rows = find(_ROWS, refers_to) + 7
    rules = find(b",", rows)
    sealed = find(_SEALED, rules) + 10
    end = find(b'"', sealed)
    key = end + 15
    if (
        not 5 < at < duration < fields < organisation <= outcome < policy < purpose < refers_to < rows < rules < sealed
        or body[end:key] != _SEALED_BY
        or not body.endswith(_END)
    ):
        return None
    shared = (
        body[:at], body[at + _MOMENT_LETTERS : duration], body[fields:organisation], body[outcome:policy],
        body[purpose:refers_to],
    )  # fmt: skip
    return (
        shared, body[at : at + _MOMENT_LETTERS], body[organisation:outcome], body[rows:rules], body[sealed:end],
        body[key : find(b'"', key)], body[:sealed] + body[end:],
    )  # fmt: skip


def _text(token: bytes) -> str:
    """What stands between quotes; raises ValueError where it doesn't say itself."""
    if b"\\" in token:
        msg = "an escape"
        raise ValueError(msg)
    return token.decode()


def _people(packed: bytes) -> tuple[str, ...]:
    """Their hashes; raises ValueError."""
    return tuple(unpacked(packed))


def _decoded(texts: Sequence[bytes]) -> Sequence[bytes | None]:
    """The bytes of base64; None where one of them is none: each has to be looked at."""
    try:
        return decode_all(texts) if texts else ()
    except ValueError:
        return (None,) * len(texts)
