"""token: a stand-in of the same form, by FF1 (NIST SP 800-38G Rev. 1), that an approved re-identification turns back.

| parameter | for | gives |
| --- | --- | --- |
| `shape: id_number` | 18 characters or 15 digits | as many; no region or birth date is kept |
| `shape: mobile` | mobile numbers | another mobile number |
| `shape: bank_card` | 15 to 19 digits | as many |
| `shape: uscc` | unified social credit codes | a code over their alphabet |
| `shape: passport` | passports of the People's Republic | the same letters, other digits |
| `alphabet`, `shortest`, `longest` | any text over an alphabet | one as long over the same |

`check: invalid` (the default) makes a check character that is wrong, so that no token can pass for a number that was
issued; `check: valid` makes it right, for systems that test it.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from gateway.masks._octets import Texts, is_text, pieced, text_array
from gateway.masks._reveals import Reveals
from gateway.masks._token_shapes import TOKEN_SHAPES, Plain, TokenShape
from gateway.model.catalog import FieldType
from gateway.model.sqlform import SqlForm
from gateway.spi import FormatCipher, Mask, MaskContext, Octets

LEAST_DOMAIN: Final = 1_000_000
"""How many texts of one length there must be (SP 800-38G Rev. 1): of fewer, trying them out would tell which."""

_OFFSETS: Final[Mapping[str, int]] = {"valid": 0, "invalid": 1}
_MOST_CHARACTERS: Final = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Token(Mask):
    """A text of the same form and length. Reveals equality and length within one purpose; order and prefix not.

    Under one purpose and key version a value has one token. An ID number's check character may be `x` or `X`: both are
    one person, and have one token, which turns back into the one with `X`.
    """

    reveals: ClassVar[frozenset[Reveals]] = frozenset({Reveals.EQUALITY, Reveals.LENGTH, Reveals.SHAPE})

    shape: str | None = None
    alphabet: str | None = None
    shortest: int | None = None
    longest: int | None = None
    check: str | None = None

    def __post_init__(self) -> None:
        """Raises ValueError with a sentence for what can't be a token, a domain under a million included."""
        if (self.shape is None) == (self.alphabet is None):
            raise ValueError("`token` takes either `shape` or `alphabet`")
        if self.shape is not None and self.shape not in TOKEN_SHAPES:
            msg = f"`shape` is one of {', '.join(f'`{name}`' for name in TOKEN_SHAPES)}, not `{self.shape}`"
            raise ValueError(msg)
        if self.shape is not None and (self.shortest is not None or self.longest is not None):
            raise ValueError("`shortest` and `longest` go with `alphabet` only")
        if self.check is not None and (self.shape is None or not TOKEN_SHAPES[self.shape].has_check):
            raise ValueError("`check` goes with a shape that has a check character: id_number, bank_card, uscc")
        if self.check is not None and self.check not in _OFFSETS:
            msg = f"`check` is `valid` or `invalid`, not `{self.check}`"
            raise ValueError(msg)
        if self.alphabet is not None:
            self._check_alphabet(self.alphabet)

    def _check_alphabet(self, alphabet: str) -> None:
        if not (alphabet.isascii() and alphabet.isprintable()) or len(set(alphabet)) != len(alphabet):
            raise ValueError("`alphabet` is made of distinct printable ASCII characters")
        if self.shortest is None or self.longest is None or not 1 <= self.shortest <= self.longest <= _MOST_CHARACTERS:
            msg = f"`alphabet` needs `shortest` and `longest`, from 1 to {_MOST_CHARACTERS} characters"
            raise ValueError(msg)
        if len(alphabet) < 2 or len(alphabet) ** self.shortest < LEAST_DOMAIN:
            msg = (
                f"texts of {self.shortest} characters over {len(alphabet)} are fewer than a million, too few to hide in"
            )
            raise ValueError(msg)

    @property
    def columns_from(self) -> int:
        """Measured."""
        return 256

    @property
    def hides(self) -> int:
        """Who sees the token alone learns equality only; but it can be turned back."""
        return 55

    def apply(self, values: Sequence[object], context: MaskContext) -> list[str | None]:
        """A token for each; `***` for what hasn't the shape."""
        crypt, shape = context.keys.token(self._use).encrypt, self._token_shape
        masked: list[str | None] = [self.HIDDEN] * len(values)
        by_length: dict[int, list[int]] = {}
        for at, value in enumerate(values):
            if isinstance(value, str) and len(value) in shape.lengths and value.isascii():
                by_length.setdefault(len(value), []).append(at)
        for length, places in by_length.items():
            whole = "".join(str(values[at]) for at in places).encode()
            rows = np.frombuffer(whole, np.uint8).reshape(-1, length)
            fits = shape.recognise(rows, offset=0)
            tokens = shape.crypt(rows[fits], crypt, offset=self._offset).tobytes().decode() if fits.any() else ""
            for number, at in enumerate(np.array(places)[fits].tolist()):
                masked[at] = tokens[number * length : (number + 1) * length]
        return masked

    def apply_array(self, array: pa.Array, context: MaskContext) -> pa.Array | None:
        """The same."""
        if not is_text(array):
            return None
        texts = Texts.of(array)
        lengths = texts.lengths
        crypt, shape = context.keys.token(self._use).encrypt, self._token_shape
        pieces: list[tuple[NDArray[np.int64] | None, pa.Array]] = []
        for length in sorted(shape.lengths):
            has_length = lengths == length
            if not has_length.any():
                continue
            if has_length.all():
                places, rows = None, texts.of_length(length)
            else:
                places = np.flatnonzero(has_length)
                rows = Texts.of(array.take(pa.array(places))).of_length(length)
            fits = shape.recognise(rows, offset=0)
            if not fits.all():
                places = np.flatnonzero(fits) if places is None else places[fits]
                rows = rows[fits]
            if len(rows):
                pieces.append((places, text_array(shape.crypt(rows, crypt, offset=self._offset))))
        return pieced(len(lengths), pieces, self.HIDDEN)

    def turn_back(self, token: str, keys: Callable[[str], FormatCipher]) -> str | None:
        """What `apply` made the token of, under the key that it was made with; None for what is no token of this mask.

        `keys(use)` gives the cipher. Under another key it gives another text, or none: that isn't noticed.
        """
        shape = self._token_shape
        if not token.isascii() or len(token) not in shape.lengths:
            return None
        row = _row(token)
        if not shape.recognise(row, offset=self._offset)[0]:
            return None
        return shape.crypt(row, keys(self._use).decrypt, offset=0).tobytes().decode()

    def sql_form(self) -> SqlForm | None:
        """None: keys never go to a source."""
        return None

    def accepts(self, field_type: FieldType) -> bool:
        """Text."""
        return field_type is FieldType.TEXT

    @property
    def _use(self) -> str:
        """What the key is derived for; texts over different alphabets have different keys."""
        return self.shape or f"alphabet/{self.alphabet}"

    @property
    def _offset(self) -> int:
        return _OFFSETS[self.check or "invalid"]

    @property
    def _token_shape(self) -> TokenShape:
        if self.shape is not None:
            return TOKEN_SHAPES[self.shape]
        # __post_init__ saw to it that these are given
        return Plain(self.alphabet or "", frozenset(range(self.shortest or 0, (self.longest or 0) + 1)))


def _row(text: str) -> Octets:
    return np.frombuffer(text.encode(), np.uint8).reshape(1, -1)
