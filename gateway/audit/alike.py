"""Many entries that are alike -> those of them that are sound beyond doubt, a step for all at once. Names no fault.

Entries of one length mostly differ in a few places only. A pattern knows these, of the body, of what is sealed in it
and of the row's search columns. It is made from one entry that was read (gateway.audit.forms, private_forms). An entry
fits where all bytes are the pattern's but for these places, and where each of those holds a value of its own kind that
can't be taken for anything else: so it says what the pattern says but for these values. Sealed parts are opened each.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from gateway.audit.entry import BodyMalformed, Opener
from gateway.audit.facts import FactsSeen, Kind, kind_of
from gateway.audit.forms import Forms, Places
from gateway.audit.grids import (
    MOMENT_LETTERS,
    Grid,
    Letters,
    are_hex,
    are_numbers,
    decoded,
    look_like_moments,
    moments_of,
)
from gateway.audit.private_forms import PrivatePlaces, private_places, told_of
from gateway.errors import GatewayError
from gateway.keys import RetentionOpener
from gateway.store import Layout, RowBatch, Wanted

_FEW = 12  # of which it pays to look at them as one
_MOST_LENGTHS = 1_024
_MOST_OF_A_LENGTH = 4
_MOST_KINDS = 16_384


class _Sealed:
    """A pattern of what is sealed, with the row that belongs to it."""

    def __init__(self, template: bytes, places: PrivatePlaces, wanted: Wanted, layout: Layout) -> None:
        self.template = template
        self.places = places
        self.open = [place for place in places if place is not None]
        self.layout = layout
        self._wanted = wanted
        self._kinds: dict[bytes, Kind | None] = {}

    def kind(self, who: bytes, forms: Forms) -> Kind | None:
        """Of a principal and, right behind it, an organisation; None where they don't stand for themselves."""
        if who not in self._kinds:
            if len(self._kinds) >= _MOST_KINDS:
                self._kinds.clear()
            self._kinds[who] = self._kind(who, forms)
        return self._kinds[who]

    def _kind(self, who: bytes, forms: Forms) -> Kind | None:
        end = self.places.principal.stop - self.places.principal.start
        principal, organisation = forms.text(who[:end]), forms.text(who[end:])
        if principal is None or organisation is None:
            return None
        try:
            return kind_of((principal, *self._wanted[1:4], organisation, self._wanted[5]))
        except BodyMalformed:
            return None


class _Pattern:
    """Of bodies; and what was sealed in them, as far as it was seen."""

    def __init__(self, template: bytes, places: Places) -> None:
        self.template = template
        self.places = places
        # where it refers to nothing, all do
        self.numbers = [places.duration, places.rows]
        if template[places.refers_to] != b"null":
            self.numbers.append(places.refers_to)
        self.open = [places.at, places.organisation, places.sha256, places.sealed, *self.numbers]
        self.sealed: list[_Sealed] = []


class _Fits(NamedTuple):
    """Which of some texts have a pattern's template, which don't, and what those that do have in its open places."""

    rows: list[int]
    others: list[int]
    places: Sequence[slice]
    letters: list[Letters]

    def at(self, place: slice) -> Letters:
        return self.letters[self.places.index(place)]


class _Bodies(NamedTuple):
    """Of a pattern, in step."""

    pattern: _Pattern
    places: list[int]  # in the batch
    moments: NDArray[np.int64]
    texts: Letters  # the same as they are written
    organisations: Letters
    plaintexts: list[bytes]


class Alike:
    """Knows the patterns that it has seen. Bounded."""

    def __init__(self, forms: Forms) -> None:
        self.forms = forms
        self._patterns: dict[tuple[type, int, int], list[_Pattern]] = {}

    def look(self, batch: RowBatch, opener: Opener, seen: FactsSeen) -> tuple[list[int], dict[int, bytes]]:
        """The places of which nothing is sure, in order; and what was sealed in some of those, opened.

        Of the others it adds what is seen.
        """
        look = _Look(batch, opener, seen, self.forms)
        left: list[int] = []
        for (body, cell), places in _by_length(batch):
            if len(places) < _FEW:
                left += places
                continue
            key = (batch.__class__, body, cell)
            if key not in self._patterns and len(self._patterns) >= _MOST_LENGTHS:
                self._patterns.clear()
            left += look.take(places, self._patterns.setdefault(key, []))
        return sorted(left), look.opened


def _by_length(batch: RowBatch) -> Iterator[tuple[tuple[int, int], list[int]]]:
    """Places by the lengths of body and cell."""
    count = len(batch.bodies)
    bodies, cells = (np.fromiter(map(len, texts), np.int64, count) for texts in (batch.bodies, batch.cells))
    if (bodies == bodies[0]).all() and (cells == cells[0]).all():
        yield (int(bodies[0]), int(cells[0])), list(range(count))
        return
    order = np.lexsort((cells, bodies))
    changes = np.flatnonzero(np.diff(bodies[order]) | np.diff(cells[order])) + 1
    for places in np.split(order, changes):
        yield (int(bodies[places[0]]), int(cells[places[0]])), places.tolist()


class _Look:
    """At one batch."""

    def __init__(self, batch: RowBatch, opener: Opener, seen: FactsSeen, forms: Forms) -> None:
        self._batch = batch
        self._opener = opener
        self._seen = seen
        self._forms = forms
        self.opened: dict[int, bytes] = {}

    def take(self, places: list[int], patterns: list[_Pattern]) -> list[int]:
        """Those of the places of which nothing is sure. What can't be told by these patterns may make a new one."""
        left, unsure = places, []
        for pattern in [*patterns, None]:
            if len(left) < _FEW:
                break
            one = self._learn(left[0], patterns) if pattern is None else pattern
            if one is None:
                break
            found = _fitting(one.template, one.open, [self._batch.bodies[place] for place in left])
            fits = [left[row] for row in found.rows]
            left = [left[row] for row in found.others]
            bodies = self._bodies(one, fits, found) if len(fits) >= _FEW else None
            unsure += fits if bodies is None else self._sealed(bodies)
        return unsure + left

    def _learn(self, place: int, patterns: list[_Pattern]) -> _Pattern | None:
        body = self._batch.bodies[place]
        places = self._forms.places(body)
        if places is None:
            return None
        pattern = _Pattern(body, places)
        patterns.insert(0, pattern)
        del patterns[_MOST_OF_A_LENGTH:]
        return pattern

    def _bodies(self, pattern: _Pattern, places: list[int], found: _Fits) -> _Bodies | None:
        """None where a body has anything in an open place that doesn't belong there, or doesn't open."""
        open_ = pattern.places
        moments, sealed = moments_of(found.at(open_.at)), decoded(found.at(open_.sealed))
        if moments is None or sealed is None or not are_hex(found.at(open_.sha256)):
            return None
        if not all(are_numbers(found.at(place)) for place in pattern.numbers):
            return None
        bodies, begin, end = self._batch.bodies, open_.sealed.start, pattern.template[open_.sealed.stop :]
        plaintexts = _opened(
            self._opener,
            open_.form.sealed_by,
            _rows(sealed),
            (bodies[place][:begin] + end for place in places),  # each when it is needed: they are long
        )
        if plaintexts is None:
            return None
        texts = np.ascontiguousarray(found.at(open_.at)[:, : MOMENT_LETTERS - 1])
        return _Bodies(pattern, places, moments, texts, found.at(open_.organisation), plaintexts)

    def _sealed(self, bodies: _Bodies) -> list[int]:
        """Those of the places of which nothing is sure."""
        left, unsure = list(range(len(bodies.places))), []
        for pattern in [*bodies.pattern.sealed, None]:
            if len(left) < _FEW:
                break
            one = self._learn_sealed(bodies, left[0]) if pattern is None else pattern
            if one is None:
                break
            found = _fitting(one.template, one.open, [bodies.plaintexts[row] for row in left])
            fits = [left[row] for row in found.rows]
            left = [left[row] for row in found.others]
            if len(fits) < _FEW or not self._is_said(bodies, one, fits, found):
                unsure += fits
        unsure += left
        self.opened |= {bodies.places[row]: bodies.plaintexts[row] for row in unsure}
        return [bodies.places[row] for row in unsure]

    def _learn_sealed(self, bodies: _Bodies, row: int) -> _Sealed | None:
        plaintext = bodies.plaintexts[row]
        organisation = self._forms.text(bodies.organisations[row].tobytes())
        if organisation is None:
            return None
        told = told_of(plaintext, organisation, bodies.pattern.places.form.steady)
        places, layout = private_places(plaintext), None if told is None else self._batch.layout(told)
        if told is None or places is None or layout is None:
            return None
        pattern = _Sealed(plaintext, places, told, layout)
        bodies.pattern.sealed.insert(0, pattern)
        del bodies.pattern.sealed[_MOST_OF_A_LENGTH:]
        return pattern

    def _is_said(self, bodies: _Bodies, pattern: _Sealed, rows: list[int], found: _Fits) -> bool:
        """Whether the rows of all of these say what the entries do; then it is told of."""
        where, layout = pattern.places, pattern.layout
        principals, people = found.at(where.principal), decoded(found.at(where.people))
        trace_ids = found.at(where.trace_id)
        if people is None or not are_hex(trace_ids):
            return False
        if where.decided_at is not None and not look_like_moments(found.at(where.decided_at)):
            return False
        places = [bodies.places[row] for row in rows]
        moments, organisations = bodies.moments[rows], bodies.organisations[rows]
        if len(self._batch.cells[places[0]]) != len(layout.cell):  # all of them have one length
            return False
        cells = _fitting(layout.cell, layout[1:], [self._batch.cells[place] for place in places])
        if cells.others:
            return False
        wanted = (
            self._batch.moments_told(moments, bodies.texts[rows]), principals.tobytes(), trace_ids.tobytes(),
            people.tobytes().hex().encode(), organisations.tobytes(),
        )  # fmt: skip
        if tuple(told.tobytes() for told in cells.letters) != wanted:
            return False
        who = _rows(np.concatenate([principals, organisations], axis=1))
        kinds = {one: pattern.kind(one, self._forms) for one in dict.fromkeys(who)}
        known = [kind for kind in kinds.values() if kind is not None]
        if len(known) < len(kinds):
            return False
        numbers = {one: number for number, one in enumerate(kinds)}
        self._seen.add(places, moments, [numbers[one] for one in who], _rows(people), known)
        return True


def _fitting(template: bytes, places: Sequence[slice], texts: Sequence[bytes]) -> _Fits:
    grid = Grid(texts)
    letters = [grid.at(place) for place in places]
    others = grid.others(template, places)
    if not others:
        return _Fits(list(range(len(texts))), [], places, letters)
    gone = set(others)
    kept = [row for row in range(len(texts)) if row not in gone]
    return _Fits(kept, others, places, [told[kept] for told in letters])


def _rows(letters: Letters) -> list[bytes]:
    """The texts of a grid of letters."""
    width, whole = letters.shape[1], letters.tobytes()
    if not width:
        return [b""] * len(letters)
    return [whole[at : at + width] for at in range(0, len(whole), width)]


def _opened(opener: Opener, name: str, sealed: list[bytes], contexts: Iterable[bytes]) -> list[bytes] | None:
    """What is sealed; None where one doesn't open."""
    try:
        if isinstance(opener, RetentionOpener):
            return opener.open_alike(name, sealed, contexts)  # as long as each other, as what they were sealed in is
        found = [opener(name, one, context) for one, context in zip(sealed, contexts, strict=True)]
    except (ValueError, GatewayError):
        return None
    opened = [one for one in found if one is not None]
    return opened if len(opened) == len(found) and len({*map(len, opened)}) == 1 else None
