"""Words: read at any position of any column, put together to texts, compared, and told apart."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.masks import _words
from gateway.masks._words import (
    HIGH,
    MOST,
    Readable,
    WordSet,
    alike,
    among,
    assembled,
    both,
    cut,
    strangers,
    within,
    word,
)

columns = st.lists(st.text(max_size=20), max_size=12)


@given(columns, st.integers(0, 3), st.sampled_from([pa.string(), pa.large_string()]))
def test_words_at_every_position_of_a_text_are_its_bytes(values: list[str], skipped: int, kind: pa.DataType) -> None:
    texts = Readable.of(pa.array(values, kind)[skipped:])
    whole = b"".join(value.encode() for value in values[skipped:])
    assert texts.written.tobytes() == whole
    surrounded = bytes(32) + whole + bytes(8 * MOST + 16)
    positions = np.arange(len(whole) + 33)  # from 32 bytes before the first text to the end of the last
    for number, column in enumerate(texts.words(positions, MOST)):
        expected = [word(surrounded[at + 8 * number : at + 8 * number + 8]) for at in positions.tolist()]
        assert column.tolist() == expected


def test_nothing_outside_the_buffer_is_read() -> None:
    texts = Readable.of(pa.array(["a"]))
    far = np.array([0, len(texts.octets), 10**9], np.int64)
    assert len(texts.words(far, MOST)[-1]) == 3


@given(columns)
def test_pieces_are_alike_where_the_texts_are(values: list[str]) -> None:
    texts = Readable.of(pa.array([value[:16] for value in values], pa.string()))
    like = alike(texts.pieces(texts.starts, texts.lengths))
    for one, (at, value) in enumerate(zip(like.tolist(), values, strict=True)):
        assert values[at][:16] == value[:16]
        assert at == like[[other[:16] for other in values].index(value[:16])], one


@pytest.mark.parametrize("seeds", [(0, 0, 0), (2**63, 1, 2**63), _words._SEEDS])
def test_rows_are_told_apart_under_the_worst_seeds(seeds: tuple[int, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_words, "_SEEDS", seeds)
    numbers = np.random.default_rng(7).integers(0, 40, (500, 2)).astype(np.uint64)
    like = alike([numbers[:, 0].copy(), numbers[:, 1].copy()])
    assert (numbers[like] == numbers).all()
    assert (like[like] == like).all()
    assert len(np.unique(like)) == len(np.unique(numbers, axis=0))


@given(st.lists(st.binary(max_size=60).map(lambda octets: bytes(one & 0x7F for one in octets)), max_size=30))
def test_texts_are_assembled_of_their_words(values: list[bytes]) -> None:
    lengths = np.array([len(value) for value in values], np.int64)
    # what is after a text's end may be anything
    filled = [value + b"\xff" * (60 - len(value)) for value in values]
    words = [np.array([word(value[at : at + 8]) for value in filled], np.uint64) for at in range(0, 60, 8)]
    array = assembled(lengths, words)
    array.validate(full=True)
    assert array.to_pylist() == [value.decode() for value in values]


@pytest.mark.parametrize("width", [1, 5, 8, 9, 16, 17])
def test_texts_of_one_width_are_assembled_in_strides(width: int) -> None:
    texts = [f"{number:0{width}d}"[-width:] for number in range(1_000)]
    filled = [text.encode() + b"\xff" * 24 for text in texts]
    words = [np.array([word(text[at : at + 8]) for text in filled], np.uint64) for at in (0, 8, 16)]
    assert assembled(np.full(1_000, width), words).to_pylist() == texts


@given(st.binary(min_size=8, max_size=8).map(lambda octets: bytes(one & 0x7F for one in octets)))
def test_ranges_of_each_byte(octets: bytes) -> None:
    one = np.array([word(octets)], np.uint64)
    for first, last in ("09", "AZ", "II", "\x01\x7f"):
        marks = int((within(one, first, last) & HIGH)[0]).to_bytes(8, "little")
        assert [mark == 0x80 for mark in marks] == [ord(first) <= octet <= ord(last) for octet in octets]


@given(st.binary(min_size=8, max_size=8), st.integers(-3, 12))
def test_a_cut_word_ends_in_zeros(octets: bytes, count: int) -> None:
    kept = octets[: max(count, 0)]
    assert cut(np.array([word(octets)], np.uint64), np.array([count])).tolist() == [word(kept)]


@given(st.sets(st.text(min_size=1, max_size=2), max_size=30), st.text(max_size=2))
def test_a_set_of_words(members: set[str], asked: str) -> None:
    members = {member for member in members if member.strip("\0")}
    if members:
        known = WordSet(members).has(np.array([word(asked.encode())], np.uint64))
        assert known.tolist() == [asked.rstrip("\0") in {member.rstrip("\0") for member in members} and bool(asked)]


@given(st.text(max_size=60))
def test_strangers_are_what_is_no_common_chinese_character(text: str) -> None:
    octets = np.frombuffer(text.encode(), np.uint8)
    marks = strangers(octets)
    at = 0
    for character in text:
        size = len(character.encode())
        assert marks[at : at + size].any() == (not "\u4e00" <= character <= "\u9fff")
        at += size


@given(st.binary(max_size=50))
def test_bytes_among_ranges_and_pairs_of_bytes(octets: bytes) -> None:
    array = np.frombuffer(octets, np.uint8)
    assert among(array, ("a", "z"), ("0", "0")).tolist() == [97 <= one <= 122 or one == 48 for one in octets]
    padded = octets + b"\x01" * 8
    expected = [
        at + 5 < len(octets) and padded[at + 2] == 0 and padded[at + 5] == 0 for at in range(len(octets))
    ]  # fmt: skip
    assert both(array, (2, 0), (5, 0)).tolist() == expected
