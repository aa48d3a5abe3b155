"""Whom a segment's entries are about: every person is found where they stand, and nowhere else."""

import hashlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.audit.people import merge_people, people_postings, person_term, positions_about, positions_of_all
from gateway.audit.postings import PostingMalformed

PEOPLE = [hashlib.sha256(bytes([number])).digest()[:16] for number in range(12)]
PEOPLE += [PEOPLE[0][:8] + bytes(8), bytes(16), b"\xff" * 16]  # halves alike, and the ends of what a hash can be
ENTRIES = st.lists(st.lists(st.sampled_from(PEOPLE), unique=True, max_size=4).map(b"".join), max_size=64)
SMALL, LARGE = 1_024, 65_536


def naive(entries: list[bytes], person: bytes) -> list[int]:
    people = [{told[at : at + 16] for at in range(0, len(told), 16)} for told in entries]
    return [place for place, told in enumerate(people) if person in told]


@given(entries=ENTRIES, size=st.sampled_from([8, 256, 512, SMALL, LARGE]))
def test_a_person_is_found_in_one_posting(entries: list[bytes], size: int) -> None:
    postings = people_postings(entries, size)
    assert list(postings) == sorted(postings)
    for person in PEOPLE:
        posting = postings.get(person_term(person.hex(), size))
        found = [] if posting is None else positions_about(posting, person.hex()).tolist()
        assert found == naive(entries, person)
    assert sum(len(positions_of_all(posting)) for posting in postings.values()) == sum(map(len, entries)) // 16


@given(entries=ENTRIES)
def test_small_segments_put_together_are_the_large_one(entries: list[bytes]) -> None:
    apart = np.random.default_rng(len(entries)).permutation(64)[: len(entries)] * SMALL  # each in a segment of its own
    whole = [b""] * LARGE
    kept = []
    for first, told in zip(sorted(apart.tolist()), entries, strict=True):
        whole[first] = told
        kept += [(first, posting) for posting in people_postings([told], SMALL).values()]
    assert merge_people(kept, LARGE) == people_postings(whole, LARGE)


@pytest.mark.parametrize("posting", [b"", b"\x00", b"\x01" + bytes(18), b"\x02" + bytes(17), b"\x02" + bytes(19)])
def test_bytes_that_are_none_are_refused(posting: bytes) -> None:
    with pytest.raises(PostingMalformed):
        positions_about(posting, "00" * 16)
    with pytest.raises(PostingMalformed):
        positions_of_all(posting)
