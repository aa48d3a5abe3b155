"""Many texts of one length looked at as one: held against what tells the same of each alone."""

import base64
import re
from datetime import UTC, datetime

import numpy as np
import orjson
from hypothesis import given
from hypothesis import strategies as st

from gateway.audit.grids import Grid, are_hex, are_numbers, decoded, moments_of
from gateway.audit.private_forms import PrivatePlaces, private_places
from gateway.audit.search_terms import microseconds

SOUND = st.datetimes(min_value=datetime(1, 1, 1)).map(lambda one: one.isoformat(timespec="microseconds"))  # noqa: DTZ001
ODD = st.sampled_from(
    (
        "2026-02-30T04:00:00.123456", "0000-11-23T04:00:00.123456", "2026-11-23T24:00:00.000000",
        "2024-02-29T23:59:59.999999", "2026-11-23T04:60:00.000000", "2026-11-23T04:00:60.000000",
        "2026-13-01T04:00:00.000000", "2026-00-01T04:00:00.000000", "2026-11-00T04:00:00.000000",
        "2026-11-23 04:00:00.123456", "2026-11-23T04:00:00,123456", "2100-02-29T00:00:00.000000",
    )
)  # fmt: skip


def letters(*texts: bytes) -> np.ndarray:
    return Grid(texts).at(slice(0, len(texts[0])))


@given(st.lists(st.one_of(SOUND, SOUND, ODD), min_size=1, max_size=5))
def test_moments_are_those_of_the_calendar(texts: list[str]) -> None:
    def alone(text: str) -> int | None:
        if not re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}", text, re.ASCII) or "T24" in text:
            return None
        try:
            return microseconds(datetime.fromisoformat(text).replace(tzinfo=UTC))
        except ValueError:
            return None

    wanted = list(map(alone, texts))
    found = moments_of(letters(*(f"{text}Z".encode() for text in texts)))
    assert (None if found is None else found.tolist()) == (None if None in wanted else wanted)


@given(st.data(), st.integers(0, 40), st.integers(1, 5))
def test_base64_is_read_in_its_one_form_only(draw: st.DataObject, size: int, count: int) -> None:
    texts = [base64.b64encode(draw.draw(st.binary(min_size=size, max_size=size))) for _ in range(count)]
    if texts[0] and draw.draw(st.booleans()):
        row, at = draw.draw(st.integers(0, count - 1)), draw.draw(st.integers(0, len(texts[0]) - 1))
        texts[row] = texts[row][:at] + draw.draw(st.binary(min_size=1, max_size=1)) + texts[row][at + 1 :]

    def alone(text: bytes) -> bytes | None:
        try:
            data = base64.b64decode(text, validate=True)
        except ValueError:
            return None
        return data if base64.b64encode(data) == text else None

    found = decoded(letters(*texts))
    wanted = list(map(alone, texts))
    is_even = len({text.count(b"=") for text in texts}) == 1
    if found is None:
        assert None in wanted or not is_even
    else:
        assert [row.tobytes() for row in found] == wanted


@given(st.lists(st.text("0123456789abcdefAF-+ .e٣", min_size=3, max_size=3).map(str.encode), min_size=1, max_size=3))
def test_numbers_and_hexadecimal_digits_are_told_from_all_else(texts: list[bytes]) -> None:
    texts = [text for text in texts if len(text) == len(texts[0])]
    grid = letters(*texts)
    assert are_numbers(grid) is all(re.fullmatch(rb"[1-9][0-9]*", text) is not None for text in texts)
    assert are_hex(grid) is all(re.fullmatch(rb"[0-9a-f]*", text) is not None for text in texts)


def test_what_stood_in_a_place_stays_when_the_texts_are_made_even() -> None:
    for texts in ([b"abXcd"], [b"abXcd", b"abYcd", b"aeZcd"]):
        grid = Grid(texts)
        told, whole = grid.at(slice(2, 3)), grid.at(slice(0, 5))
        assert grid.others(b"ab0cd", [slice(2, 3)]) == [2][: len(texts) // 3]
        assert told.tobytes() == b"XYZ"[: len(texts)]
        assert whole.tobytes() == b"".join(texts)


@given(st.integers(1, 200), st.sets(st.integers(0, 199), max_size=4), st.integers(0, 3))
def test_of_many_texts_those_that_differ_are_told_wherever_they_stand(count: int, odd: set[int], at: int) -> None:
    odd = {row for row in odd if row < count}
    texts = [b"ab%dcd" % (row % 10) for row in range(count)]
    for row in odd:
        place = at if at < 2 else at + 1  # not the open one
        texts[row] = texts[row][:place] + b"!" + texts[row][place + 1 :]
    assert Grid(texts).others(b"ab0cd", [slice(2, 3)]) == sorted(odd)


TEXTS = st.text(max_size=6)
HASH = st.binary(min_size=16, max_size=16).map(lambda one: base64.b64encode(one).decode())
PRIVATE = st.fixed_dictionaries(
    {
        "case": TEXTS,
        "decision": st.one_of(
            st.none(),
            st.fixed_dictionaries({"assurance": TEXTS, "decided_at": SOUND.map(lambda one: f"{one}Z"), "z": TEXTS}),
        ),
        "detail": TEXTS,
        "filter_shape": TEXTS,
        "justification": TEXTS,
        "principal": TEXTS,
        "roles": st.lists(TEXTS, max_size=2),
        "subjects": st.one_of(st.just(""), HASH),
        "trace_id": st.text("0123456789abcdef", max_size=6),
    }
)


@given(PRIVATE)
def test_the_places_of_a_private_part_are_where_its_values_stand(private: dict[str, object]) -> None:
    plaintext = orjson.dumps(private, option=orjson.OPT_SORT_KEYS)
    places = private_places(plaintext)
    principal = private["principal"]
    is_plain = orjson.dumps(principal) == b'"%b"' % str(principal).encode()
    assert (places is not None) is is_plain
    if places is not None:
        decision = private["decision"]
        decided_at = None if not isinstance(decision, dict) else decision["decided_at"]
        told = [None if place is None else plaintext[place].decode() for place in places]
        assert PrivatePlaces(*told) == (decided_at, principal, private["subjects"], private["trace_id"])  # type: ignore[arg-type]


def test_a_private_part_that_is_not_its_own_encoding_has_no_places() -> None:
    private: dict[str, object] = {
        "case": "", "decision": None, "detail": "", "filter_shape": "", "justification": "", "principal": "x",
        "roles": [], "subjects": "", "trace_id": "",
    }  # fmt: skip
    plaintext = orjson.dumps(private)
    assert private_places(plaintext) is not None
    for changed in (
        plaintext.replace(b'"x"', b'"\\u0078"'), plaintext.replace(b":", b": "), plaintext.replace(b'"x"', b"1"),
        plaintext[:-1] + b',"trace_id":""}', b'{"case":"","case":"",' + plaintext[1:], b"[]", b"", b"\xff",
        plaintext.replace(b'"subjects":""', b'"subjects":"%b"' % (b"A" * 64)),
        plaintext.replace(b'"trace_id":""', b'"trace_id":"G"'),
    ):  # fmt: skip
        assert private_places(changed) is None, changed
