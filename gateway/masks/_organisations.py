"""An organisation's name -> its first character and its legal form."""

import re
from typing import Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from gateway.masks._names import HAN
from gateway.masks._octets import CODES, Texts, character_codes, named, numbered
from gateway.spi import Mask

LONGEST: Final = 80  # characters
_SHORTEST: Final = 4
_OTHERS: Final = "A-Za-z0-9()（）·&-"
_ORGANISATION: Final = re.compile(f"[{HAN}][{HAN}{_OTHERS}]{{{_SHORTEST - 1},{LONGEST - 1}}}")
_LEGAL_FORMS: Final = ("股份有限公司", "有限责任公司", "有限公司", "专业合作社", "事务所", "分公司")
_NAME_LEAST: Final = 3  # characters before a legal form; where fewer are, the form is not shown
_IS_HAN: Final = np.zeros(CODES, np.bool_)
_IS_HAN[[code for code in range(0x3000, 0xA000) if re.fullmatch(f"[{HAN}]", chr(code))]] = True
_IS_TRIPLE: Final = _IS_HAN.copy()
_IS_TRIPLE[[ord("（"), ord("）")]] = True
_IS_SINGLE: Final = np.array([re.fullmatch(f"[{_OTHERS}]", chr(code)) is not None for code in range(128)])


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
    texts = Texts.of(array)
    count = len(array)
    if not count:
        return pa.array([], pa.string())
    starts, lengths = texts.offsets[:-1], texts.lengths
    begun = int(starts[0])
    data = texts.data[begun : int(texts.offsets[-1])]
    starts = starts - begun
    leads = np.flatnonzero((data & np.uint8(0xC0)) != 0x80)
    is_triple = (data[leads] & np.uint8(0xF0)) == 0xE0
    triples = leads[is_triple]
    codes = character_codes(np.stack([data[triples], data[triples + 1], data[triples + 2]], axis=1))
    singles = leads[data[leads] < 0x80]
    is_odd = np.zeros(count, np.bool_)  # of other widths: two bytes (the interpunct), four (rare characters)
    is_odd[texts.owners(leads[~is_triple & (data[leads] >= 0x80)])] = True
    fits = ~is_odd
    fits[texts.owners(triples[~np.take(_IS_TRIPLE, codes)])] = False
    fits[texts.owners(singles[~np.take(_IS_SINGLE, data[singles])])] = False
    characters = np.diff(np.searchsorted(leads, np.append(starts, len(data))))
    fits &= (characters >= _SHORTEST) & (characters <= LONGEST)
    # the first character: a triple that stands where the text begins
    place = np.searchsorted(triples, starts)
    place[place == len(triples)] = 0
    first = np.zeros(count, np.uint16)
    if len(triples):
        begins = triples[place] == starts
        first[begins] = codes[place[begins]]
    fits &= np.take(_IS_HAN, first)
    form = _forms(data, starts + lengths, characters, fits)
    pairs = np.where(fits, first.astype(np.int64) * len(form_names()) + form, -1)
    odd = np.flatnonzero(is_odd & (characters >= _SHORTEST) & (characters <= LONGEST))
    pairs[odd] = -2 - np.arange(len(odd))
    present, chosen = numbered(pairs)
    by_itself = [mask_organisation(text) or Mask.HIDDEN for text in array.take(pa.array(odd)).to_pylist()]
    return named(chosen, [_written(pair, by_itself) for pair in present])


def form_names() -> tuple[str, ...]:
    """Every legal form that is shown, the last for none."""
    return (*_LEGAL_FORMS, "")


def _forms(
    data: NDArray[np.uint8], ends: NDArray[np.int64], characters: NDArray[np.int64], fits: NDArray[np.bool_]
) -> NDArray[np.int64]:
    """Which legal form each text ends in; the first of the list that it does."""
    found = np.full(len(ends), len(_LEGAL_FORMS), np.int64)
    for number, form in reversed(list(enumerate(_LEGAL_FORMS))):
        octets = form.encode()
        may = np.flatnonzero(fits & (characters >= len(form) + _NAME_LEAST))
        for back in range(1, len(octets) + 1):  # most texts are out after the first bytes
            may = may[data[ends[may] - back] == octets[-back]]
        found[may] = number
    return found


def _written(pair: int, by_itself: list[str]) -> str:
    if pair >= 0:
        return f"{chr(pair // len(form_names()))}****{form_names()[pair % len(form_names())]}"
    return Mask.HIDDEN if pair == -1 else by_itself[-2 - pair]
