"""An organisation's name -> its first character and its legal form."""

import re
from typing import Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from gateway.masks._names import HAN
from gateway.masks._octets import CODES, character_codes
from gateway.masks._words import Readable, assembled, put_singly, strangers, word
from gateway.spi import Mask, Offsets

LONGEST: Final = 80  # characters
_SHORTEST: Final = 4
_OTHERS: Final = "A-Za-z0-9()（）·&-"
_ORGANISATION: Final = re.compile(f"[{HAN}][{HAN}{_OTHERS}]{{{_SHORTEST - 1},{LONGEST - 1}}}")
_LEGAL_FORMS: Final = ("股份有限公司", "有限责任公司", "有限公司", "专业合作社", "事务所", "分公司")
_NAME_LEAST: Final = 3  # characters before a legal form; where fewer are, the form is not shown
_NO_FORM: Final = len(_LEGAL_FORMS)
_IS_HAN: Final = np.zeros(CODES, np.bool_)
_IS_HAN[[ord(one) for one in re.findall(f"[{HAN}]", "".join(map(chr, range(0x3000, 0xA000))))]] = True
_IS_TRIPLE: Final = _IS_HAN.copy()
_IS_TRIPLE[[ord("（"), ord("）")]] = True
_IS_SINGLE: Final = np.array([re.fullmatch(f"[{_OTHERS}]", chr(code)) is not None for code in range(128)])
_ONE: Final = np.uint64(0xFF_FFFF)  # the bytes of a character
_SHOWN: Final = [f"\0\0\0****{form}".encode() for form in (*_LEGAL_FORMS, "")]
_SHOWN_LENGTHS: Final = np.array([len(shown) for shown in _SHOWN])
_SHOWN_WORDS: Final = [
    np.array([word(shown[at : at + 8]) for shown in _SHOWN], np.uint64) for at in range(0, int(_SHOWN_LENGTHS.max()), 8)
]


def mask_organisation(text: str) -> str | None:
    """`杭****有限公司`; None for what is no name of an organisation.

    One character, not two: a small shop often begins with its owner's name.
    """
    if not _ORGANISATION.fullmatch(text):
        return None
    form = next((form for form in _LEGAL_FORMS if text.endswith(form) and len(text) >= len(form) + _NAME_LEAST), "")
    return f"{text[0]}****{form}"


def organisations_masked(array: pa.Array) -> pa.Array:
    """The same of a column: names of characters of one and three bytes by their bytes, every other text by itself."""
    texts = Readable.of(array)
    characters, fits, singly = _read(texts)
    fits &= (characters >= _SHORTEST) & (characters <= LONGEST)
    form = _forms(texts, characters)
    (leading,) = texts.words(texts.starts)
    words = [np.take(column, form, mode="clip") for column in _SHOWN_WORDS]
    words[0] |= leading & _ONE
    written = np.take(_SHOWN_LENGTHS, form, mode="clip")
    if not fits.all():
        words[0][~fits] = word(Mask.HIDDEN.encode())
        written[~fits] = len(Mask.HIDDEN)
    put_singly(texts, singly, mask_organisation, LONGEST, lengths=written, words=words)
    return assembled(written, words)


def _read(texts: Readable) -> tuple[Offsets, NDArray[np.bool_], NDArray[np.intp]]:
    """Characters of each text, whether all of them may be there, and the texts to look at by themselves."""
    lengths = texts.lengths
    fits = np.ones(len(lengths), np.bool_)
    strange = strangers(texts.written)
    if not strange.any():
        return lengths // 3, fits, np.zeros(0, np.intp)
    positions = texts.found(strange)
    owners = texts.owners(positions)
    octets = texts.octets[positions]
    singles = np.bincount(owners[octets < 0x80], minlength=len(lengths))
    fits[owners[octets < 0x80][~_IS_SINGLE[octets[octets < 0x80]]]] = False
    triples = (octets & np.uint8(0xF0)) == 0xE0
    at = positions[triples]
    codes = character_codes(np.stack([texts.octets[at], texts.octets[at + 1], texts.octets[at + 2]], axis=1))
    fits[owners[triples][~_IS_TRIPLE[codes]]] = False
    # the first character is one of three bytes
    is_first = positions == texts.starts[owners]
    fits[owners[is_first & ~triples]] = False
    fits[owners[triples][is_first[triples] & ~_IS_HAN[codes]]] = False
    # characters of two bytes, of which the interpunct may be there, and of four, which are rare
    is_odd = np.zeros(len(lengths), np.bool_)
    is_odd[owners[(octets >= 0x80) & ~triples]] = True
    fits[is_odd] = False
    return singles + (lengths - singles) // 3, fits & (lengths > 0), np.flatnonzero(is_odd)


def _forms(texts: Readable, characters: Offsets) -> NDArray[np.intp]:
    """Which legal form each text ends in, the first of the list that it does; texts may have any shape."""
    (last,) = texts.words(texts.ends - 8)
    found = np.full(len(characters), _NO_FORM)
    for number, form in reversed(list(enumerate(_LEGAL_FORMS))):
        octets = form.encode()
        may_be = np.flatnonzero(last == word(octets[-8:]))
        may_be = may_be[characters[may_be] >= len(form) + _NAME_LEAST]
        for end in range(len(octets) - 8, 0, -8):  # the eight bytes before, and what is before those
            part = octets[max(end - 8, 0) : end]
            (before,) = texts.words(texts.ends[may_be] - len(octets) + end - 8)
            may_be = may_be[before >> np.uint64(64 - 8 * len(part)) == word(part)]
        found[may_be] = number
    return found
