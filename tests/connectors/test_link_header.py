"""Link headers by RFC 8288: the target of `next`, or none; never another, however it is written."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors._cells import NotPromised
from connectors._rest_pages import read_next_link


@pytest.mark.parametrize(
    ("header", "target"),
    [
        ("", None),
        ('<https://a/?page=2>; rel="next"', "https://a/?page=2"),
        ("</a?x=1,2>; rel=next", "/a?x=1,2"),
        ('</p>; rel="prev", </n>; rel="next", </l>; rel="last"', "/n"),
        ('</n>; title="x, <http://evil/>; rel=\\"next\\""; rel="prev"', None),
        ('</n>; title="a \\" b"; rel="last next"', "/n"),
        ('</n>; rel="prev"; rel="next"', None),
        ('</n> ; REL = "NEXT"', "/n"),
        ("</n>; rel=nextish", None),
        ("</n>; nofollow; rel=next", "/n"),
        ("</n>; title*=UTF-8'de'n%c3%a4chstes; rel=next", "/n"),
    ],
)
def test_the_next_link(header: str, target: str | None) -> None:
    assert read_next_link(header) == target


@pytest.mark.parametrize("header", ["next", "</n", "</n>; rel=next junk", '</n>; title="open', "x" * 5_000])
def test_what_is_no_list_of_links_is_refused(header: str) -> None:
    with pytest.raises(NotPromised):
        read_next_link(header)


@given(st.text(st.sampled_from('<>;,="\\ relnxt/'), max_size=200))
def test_nothing_hangs_or_breaks(header: str) -> None:
    with contextlib.suppress(NotPromised):
        read_next_link(header)
