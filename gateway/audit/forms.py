"""Bodies of entries -> what they say, without reading each: most differ from others in a few places only. Pure.

A form is a canonical body with six places left open: `at`, `duration_us`, `organisation`, the three from `refers_to`
to `rows`, and `sealed`. It is made from a body that was read as JSON, and only where that body is the very encoding of
what was read. Another body with the same pieces around what is a lone JSON value in each place is therefore the
encoding of the same document but for those values. A body that has no form is no fault: it has to be read.
"""

import re
from typing import Any, NamedTuple

import orjson

from gateway.audit.entry import LONGEST_COLUMN, VERSION, BodyMalformed, read_document, steady_columns
from gateway.store import STEADY_COLUMNS, Steady

Pieces = tuple[bytes, bytes, bytes, bytes, bytes, bytes]
_KEYS = (
    "app", "at", "code", "dataset", "detail", "duration_us", "fields", "kind", "legal_basis", "needs_review",
    "organisation", "outcome", "policy_version", "purpose", "refers_to", "response_sha256", "rows", "rules", "sealed",
    "sealed_by", "stage", "v",
)  # fmt: skip
_MOMENT_LETTERS = len("2026-11-23T08:00:00.000000Z")
_AT, _DURATION, _ORGANISATION, _REFERS_TO, _SEALED = (
    b'"at":"', b'"duration_us":', b'"organisation":"', b'"refers_to":', b'"sealed":"',
)  # fmt: skip
_NUMBER = rb"(?:0|[1-9][0-9]{0,14})"
_ANSWERED = re.compile(rb'(null|%b),"response_sha256":"([0-9a-f]*)","rows":(%b)(?=,)' % (_NUMBER, _NUMBER))
_TELLS = frozenset({"archive", "erasure"})  # what they say of others is read
_MOST = 4_096
_MOST_PLAIN = 65_536


class Form(NamedTuple):
    """What all bodies of a form say; `number` tells it from others of the same `Forms`."""

    sealed_by: str
    steady: Steady
    number: int


Cut = tuple[Form, bytes, str, bytes, bytes]
"""What one body says: its form, `at`, `organisation`, `sealed`, and the body with nothing sealed in it."""


class Places(NamedTuple):
    """Where in a body stands what its form leaves open."""

    form: Form
    at: slice
    duration: slice
    organisation: slice
    refers_to: slice
    sha256: slice
    rows: slice
    sealed: slice


class Forms:
    """Knows the forms that it has seen. Bounded."""

    def __init__(self) -> None:
        self._forms: dict[Pieces, Form | None] = {}
        self._plain: dict[bytes, str | None] = {}
        self._newest: tuple[Form, Pieces, tuple[int, ...]] | None = None  # with the lengths of its pieces
        self._count = 0

    def cut(self, body: bytes) -> Cut | None:
        """What a body says; None where it has to be read. `at` and `sealed` are not looked at here."""
        return self._cut_as_the_newest(body) or self._cut(body)

    def places(self, body: bytes) -> Places | None:
        """Where in a body it says what; None where it has to be read. What `cut` looks at is looked at."""
        cut = self._cut(body)
        if cut is None or self._newest is None:
            return None
        form, _, lengths = self._newest
        at = lengths[0]
        duration = at + lengths[1]
        fields = body.index(b",", duration)
        organisation = fields + lengths[2]
        outcome = body.index(b'"', organisation)
        answered = _ANSWERED.match(body, outcome + lengths[3])
        if answered is None:
            return None
        return Places(
            form,
            slice(at, at + _MOMENT_LETTERS),
            slice(duration, fields),
            slice(organisation, outcome),
            slice(*answered.span(1)),
            slice(*answered.span(2)),
            slice(*answered.span(3)),
            slice(answered.end() + lengths[4], len(body) - lengths[5]),
        )

    def text(self, token: bytes) -> str | None:
        """The same as `plain_text`; most come again."""
        name = self._plain.get(token, ...)
        return self._look(token) if name is ... else name

    def _cut_as_the_newest(self, body: bytes) -> Cut | None:
        """Most bodies have the form of the one before them: its pieces are where they must be, or it has another."""
        if self._newest is None:
            return None
        form, (first, second, third, fourth, fifth, last), lengths = self._newest
        at = lengths[0]
        duration = at + lengths[1]
        starts = body.startswith
        if not (starts(first) and starts(second, at + _MOMENT_LETTERS) and body.endswith(last)):
            return None
        fields = body.find(b",", duration)
        organisation = fields + lengths[2]
        if fields < 0 or not starts(third, fields):
            return None
        outcome = body.find(b'"', organisation)
        if outcome < 0 or not starts(fourth, outcome):
            return None
        answered = _ANSWERED.match(body, outcome + lengths[3])
        if answered is None:
            return None
        rules = answered.end()
        sealed, sealed_by = rules + lengths[4], len(body) - lengths[5]
        if sealed > sealed_by or not starts(fifth, rules):
            return None
        name = self.text(body[organisation:outcome])
        took = body[duration:fields]
        if name is None or not took.isdigit() or len(took) > 15 or (took[0] == 48 and len(took) > 1):
            return None
        return (form, body[at : at + _MOMENT_LETTERS], name, body[sealed:sealed_by], body[:sealed] + last)

    def _cut(self, body: bytes) -> Cut | None:
        find = body.find
        at = find(_AT) + 6
        duration = find(_DURATION, at) + 14
        fields = find(b",", duration)
        organisation = find(_ORGANISATION, fields) + 16
        outcome = find(b'"', organisation)
        refers_to = find(_REFERS_TO, outcome) + 12
        answered = _ANSWERED.match(body, refers_to)
        if answered is None:
            return None
        rules = answered.end()
        sealed = find(_SEALED, rules) + 10
        sealed_by = find(b'"', sealed)
        # the positions rise, or the pieces are none that a form has
        pieces = (
            body[:at], body[at + _MOMENT_LETTERS : duration], body[fields:organisation], body[outcome:refers_to],
            body[rules:sealed], body[sealed_by:],
        )  # fmt: skip
        form = self._forms.get(pieces, ...)
        if form is ...:
            form = self._learn(pieces, body)
        name = self.text(body[organisation:outcome])
        took = body[duration:fields]
        if form is None or name is None or not took.isdigit() or len(took) > 15 or (took[0] == 48 and len(took) > 1):
            return None
        lengths = list(map(len, pieces))
        lengths[1] += _MOMENT_LETTERS
        self._newest = (form, pieces, tuple(lengths))
        return (form, body[at : at + _MOMENT_LETTERS], name, body[sealed:sealed_by], body[:sealed] + body[sealed_by:])

    def _learn(self, pieces: Pieces, body: bytes) -> Form | None:
        if len(self._forms) >= _MOST:
            self._forms.clear()
        self._count += 1
        form = self._forms[pieces] = _form(pieces, body, self._count)
        return form

    def _look(self, token: bytes) -> str | None:
        if len(self._plain) >= _MOST_PLAIN:
            self._plain.clear()
        name = self._plain[token] = plain_text(token)
        return name


def _form(pieces: Pieces, body: bytes, number: int) -> Form | None:
    try:
        document = read_document(body)
        if document["v"] != VERSION or tuple(document) != _KEYS or document["kind"] in _TELLS:
            return None
        if pieces != _pieces(document) or b"".join(pieces).count(_SEALED) != 1:
            return None
        columns = steady_columns(document)._asdict()
    except (BodyMalformed, KeyError, TypeError, ValueError):
        return None
    steady = Steady(columns["needs_review"], tuple(columns[name] for name in STEADY_COLUMNS))
    return Form(document["sealed_by"], steady, number)


def _pieces(document: dict[str, Any]) -> Pieces:
    """The encoding of a document, without the values that are left open."""

    def encoded(first: str, last: str) -> bytes:
        keys = _KEYS[_KEYS.index(first) : _KEYS.index(last) + 1]
        return orjson.dumps({key: document[key] for key in keys})[1:-1]

    return (
        b"{" + encoded("app", "app") + b"," + _AT,
        b'",' + encoded("code", "detail") + b"," + _DURATION,
        b"," + encoded("fields", "needs_review") + b"," + _ORGANISATION,
        b'",' + encoded("outcome", "purpose") + b"," + _REFERS_TO,
        b"," + encoded("rules", "rules") + b"," + _SEALED,
        b'",' + encoded("sealed_by", "v") + b"}",
    )


def plain_text(token: bytes) -> str | None:
    """The text whose JSON is these bytes between quotes, where it says itself and fits a search column; else None."""
    try:
        text = token.decode()
    except UnicodeDecodeError:
        return None
    is_plain = min(text, default=" ") >= " " and not any(one in text for one in '"\\')
    return text if is_plain and len(text) <= LONGEST_COLUMN else None
