"""A mail address -> its first character and its domain."""

import re
from typing import Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from gateway.masks._words import Readable, alike, among, assembled, cut, put_singly, word
from gateway.spi import Mask, Offsets

LONGEST: Final = 254  # characters, RFC 5321
_LONGEST_LOCAL: Final = 64
_LABEL: Final = "[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_FIRST: Final = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_LOCAL: Final = re.compile("[A-Za-z0-9][A-Za-z0-9._%+-]{1,63}")
_DOMAIN: Final = re.compile(f"@(?:{_LABEL}\\.){{1,8}}[A-Za-z]{{2,24}}")
_AT: Final = ord("@")
_IS_FIRST: Final = np.zeros(256, np.bool_)
_IS_FIRST[np.frombuffer(_FIRST.encode(), np.uint8)] = True
_IS_LOCAL: Final = _IS_FIRST.copy()
_IS_LOCAL[np.frombuffer(b"._%+-", np.uint8)] = True
_MOST_WORDS: Final = 4  # a mail address of which more is shown is looked at by itself
_STARS: Final = np.uint64(word(b"\0***"))
_LOW_HALF: Final = np.uint64(0xFFFF_FFFF)


def mask_email(text: str) -> str | None:
    """`z***@example.org`; None for what is no mail address."""
    local, at, domain = text.partition("@")
    if not at or not _LOCAL.fullmatch(local) or not _DOMAIN.fullmatch(f"@{domain}"):
        return None
    return f"{text[0]}***@{domain}"


def emails_masked(array: pa.Array) -> pa.Array:
    """The same of a column. Many people share few domains: each domain is looked at once, all else as bytes."""
    texts = Readable.of(array)
    ats, fits = _ats(texts)
    local = ats - texts.starts
    fits &= (local >= 2) & (local <= _LONGEST_LOCAL)
    common = among(texts.written, ("a", "z"), ("@", "Z"), ("0", "9"), ("-", "."))
    if not common.all():
        strange = texts.found(~common)
        strange = strange[~np.take(_IS_LOCAL, texts.octets[strange])]
        owners = texts.owners(strange)
        fits[owners[strange < ats[owners]]] = False
    leading = np.take(texts.octets, texts.starts, mode="clip")
    fits &= np.take(_IS_FIRST, leading, mode="clip")
    # what is shown is the domain and the four bytes before it, over which the first character and stars are written
    written = texts.ends - ats + 4
    is_short = fits & (written <= 8 * _MOST_WORDS)
    most = int(written.max(where=is_short, initial=8))
    words = texts.words(ats - 4, (most + 7) // 8)
    singly = np.flatnonzero(fits & ~is_short)
    hidden = np.flatnonzero(~is_short)
    domains = [cut(column, written - 8 * number) for number, column in enumerate(words)]
    domains[0] &= ~_LOW_HALF
    for column in domains:
        column[hidden] = 0
    hidden = np.concatenate([hidden, _without_domain(texts, ats, alike(domains), is_short)])
    words[0] &= ~_LOW_HALF
    words[0] |= leading.astype(np.uint64) | _STARS
    words[0][hidden] = word(Mask.HIDDEN.encode())
    written[hidden] = len(Mask.HIDDEN)
    put_singly(texts, singly, mask_email, LONGEST, lengths=written, words=words)
    return assembled(written, words)


def _ats(texts: Readable) -> tuple[Offsets, NDArray[np.bool_]]:
    """Where the one @ of each text is, and which texts have one."""
    positions = texts.found(texts.written == _AT)
    owners = texts.owners(positions)
    count = len(texts.starts)
    if len(positions) == count and (owners == np.arange(count)).all():
        return positions, np.ones(count, np.bool_)
    ats = texts.starts.copy()
    ats[owners] = positions
    return ats, np.bincount(owners, minlength=count) == 1


def _without_domain(texts: Readable, ats: Offsets, like: NDArray[np.intp], fits: NDArray[np.bool_]) -> NDArray[np.intp]:
    """Which of those that fit have after the @ no domain; of texts whose rest is alike, one is looked at."""
    is_domain = np.zeros(len(like), np.bool_)
    for one in np.flatnonzero((like == np.arange(len(like))) & fits).tolist():
        rest = texts.octets[ats[one] : texts.ends[one]].tobytes()
        is_domain[one] = _DOMAIN.fullmatch(rest.decode()) is not None
    return np.flatnonzero(fits & ~np.take(is_domain, like, mode="clip"))
