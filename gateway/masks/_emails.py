"""A mail address -> its first character and its domain."""

import re
from typing import Final

import numpy as np
import pyarrow as pa

from gateway.masks._octets import Texts, named, numbered, pieces_of
from gateway.spi import Mask

LONGEST: Final = 254  # characters, RFC 5321
_LABEL: Final = "[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_FIRST: Final = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_LOCAL: Final = re.compile("[A-Za-z0-9][A-Za-z0-9._%+-]{1,63}")
_DOMAIN: Final = re.compile(f"@(?:{_LABEL}\\.){{1,8}}[A-Za-z]{{2,24}}")
_AT: Final = ord("@")
_IS_LOCAL: Final = np.zeros(256, np.bool_)
_IS_LOCAL[np.frombuffer(f"{_FIRST}._%+-".encode(), np.uint8)] = True
_FIRST_PLACE: Final = np.full(256, -1, np.int64)
_FIRST_PLACE[np.frombuffer(_FIRST.encode(), np.uint8)] = np.arange(len(_FIRST))


def mask_email(text: str) -> str | None:
    """`z***@example.org`; None for what is no mail address."""
    local, at, domain = text.partition("@")
    if not at or not _LOCAL.fullmatch(local) or not _DOMAIN.fullmatch(f"@{domain}"):
        return None
    return f"{text[0]}***@{domain}"


def emails_masked(array: pa.Array) -> pa.Array:
    """The same of a column. Many people share few domains: each domain is looked at once, all else byte by byte."""
    texts = Texts.of(array)
    lengths, count = texts.lengths, len(array)
    if not count:
        return pa.array([], pa.string())
    begun = int(texts.offsets[0])
    data = texts.data[begun : int(texts.offsets[-1])]
    starts = texts.offsets[:-1] - begun
    ats = np.flatnonzero(data == _AT)
    owners = texts.owners(ats)
    at = np.zeros(count, np.int64)
    at[owners] = ats - starts[owners]  # of several the last, and none is a mail address
    fits = (np.bincount(owners, minlength=count) == 1) & (at >= 2) & (at <= 64) & (lengths <= LONGEST)
    leading = np.zeros(count, np.uint8)
    leading[fits] = data[starts[fits]]
    first = np.take(_FIRST_PLACE, leading)
    fits &= first >= 0
    if not fits.any():
        return pa.repeat(pa.scalar(Mask.HIDDEN), count)
    places = np.flatnonzero(fits)
    strange = np.flatnonzero(~np.take(_IS_LOCAL, data))  # in a domain, "@" itself; in what stands before it, a fault
    of = texts.owners(strange)
    fits[of[strange - starts[of] < at[of]]] = False
    domains = pieces_of(texts, at, lengths).take(pa.array(places)).dictionary_encode()
    shown = np.zeros(count, np.int64)
    shown[places] = np.asarray(domains.indices)
    known = [_DOMAIN.fullmatch(domain) is not None for domain in domains.dictionary.to_pylist()]
    fits[places[~np.array(known, np.bool_)[shown[places]]]] = False
    # few are the pairs of a first character and a domain: each is written once
    pairs = np.where(fits, shown * len(_FIRST) + first, -1)
    present, chosen = numbered(pairs)
    names = domains.dictionary.to_pylist()
    written = [
        Mask.HIDDEN if pair < 0 else f"{_FIRST[pair % len(_FIRST)]}***{names[pair // len(_FIRST)]}" for pair in present
    ]
    return named(chosen, written)
