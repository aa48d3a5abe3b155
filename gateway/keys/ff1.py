"""FF1 of NIST SP 800-38G Rev. 1: format-preserving encryption, with AES-256 or SM4 as its block cipher.

A column takes its ten Feistel rounds together, one call of the cipher a round, where the numbers of a round fit 64 bits
and what a round hashes fits one block (18 digits do); longer texts and large alphabets are done one by one.
"""

from dataclasses import dataclass, field
from typing import Final

import numpy as np
from cryptography.hazmat.primitives import ciphers
from cryptography.hazmat.primitives.ciphers import modes
from numpy.typing import NDArray

from gateway.keys.blocks import BLOCK, BlockCipher, Cipher
from gateway.model.keyed import Octets

LEAST_DOMAIN: Final = 1_000_000
_ROUNDS: Final = 10
_TOGETHER: Final = 16_384  # texts whose blocks stay in the processor's cache
_FEW: Final = 8  # texts that are done sooner one by one (measured)
_WORD: Final = np.dtype("<u8")
# how eight numerals become one number: scale of the first of two neighbours, bits of each, where firsts stand
_JOINS: Final = (
    (10, 8, 0x00FF_00FF_00FF_00FF),
    (100, 16, 0x0000_FFFF_0000_FFFF),
    (10_000, 32, 0x0000_0000_FFFF_FFFF),
)
# and back: scale, bits, where quotients stand, factor and shift that divide by the scale what is below its square
_SPLITS: Final = (
    (10_000, 32, 0xFFFF_FFFF, 109_951_163, 40),
    (100, 16, 0x0000_007F_0000_007F, 10_486, 20),
    (10, 8, 0x000F_000F_000F_000F, 103, 10),
)
Numbers = NDArray[np.uint64]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Form:
    """What depends on radix, length and tweak alone; names are the standard's."""

    radix: int
    u: int
    v: int
    b: int
    d: int
    head: bytes  # P
    tweak: bytes

    @property
    def padding(self) -> bytes:
        """What of Q stands before the round's number."""
        return self.tweak + bytes(-(len(self.tweak) + self.b + 1) % BLOCK)

    @property
    def fits_columns(self) -> bool:
        """Whether Q is one block, and what a round computes fits 64 bits."""
        return len(self.tweak) + 1 + self.b <= BLOCK and self.radix**self.v <= 2**32


def _form(radix: int, length: int, tweak: bytes) -> _Form:
    u = length // 2
    v = length - u
    b = ((radix**v - 1).bit_length() + 7) // 8
    head = bytes([1, 2, 1]) + radix.to_bytes(3, "big") + bytes([_ROUNDS, u % 256])
    head += length.to_bytes(4, "big") + len(tweak).to_bytes(4, "big")
    return _Form(radix=radix, u=u, v=v, b=b, d=4 * ((b + 3) // 4) + 4, head=head, tweak=tweak)


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Ff1:
    """Under one key: of AES 16, 24 or 32 bytes; of SM4 the first 16 are taken."""

    cipher: Cipher
    key: bytes
    few: int = _FEW
    _blocks: BlockCipher = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_blocks", BlockCipher(cipher=self.cipher, key=self.key))

    def encrypt(self, numerals: Octets, radix: int, tweak: bytes = b"") -> Octets:
        """Numerals of the same shape; raises ValueError for a domain under one million, or a numeral over the radix."""
        return self._crypt(numerals, radix, tweak, decrypts=False)

    def decrypt(self, numerals: Octets, radix: int, tweak: bytes = b"") -> Octets:
        """What `encrypt` made these of; raises as it does."""
        return self._crypt(numerals, radix, tweak, decrypts=True)

    def _crypt(self, numerals: Octets, radix: int, tweak: bytes, *, decrypts: bool) -> Octets:
        count, length = numerals.shape
        if not 2 <= radix <= 256 or radix**length < LEAST_DOMAIN:
            raise ValueError("FF1 needs an alphabet of 2 to 256 characters and a domain of at least one million")
        if count and int(numerals.max()) >= radix:
            raise ValueError("a numeral is not below the radix")
        form = _form(radix, length, tweak)
        if count < self.few or not form.fits_columns:
            rows = [self._one(row, form, decrypts=decrypts) for row in numerals.tolist()]
            return np.array(rows, dtype=np.uint8).reshape(-1, length)
        numerals = np.ascontiguousarray(numerals)
        found = np.empty((count, length), np.uint8)
        for start in range(0, count, _TOGETHER):
            part, made = numerals[start : start + _TOGETHER], found[start : start + _TOGETHER]
            left, right = _numbers(part, 0, form.u, radix), _numbers(part, form.u, length, radix)
            left, right = self._rounds(left, right, form, decrypts=decrypts)
            _write(left, radix, made, 0, form.u)
            _write(right, radix, made, form.u, length)
        return found

    # ------------------------------------------------------------------ by column
    def _rounds(self, left: Numbers, right: Numbers, form: _Form, *, decrypts: bool) -> tuple[Numbers, Numbers]:
        # P is one block, the same for all: its cipher text is what every round begins with
        begun = np.frombuffer(self._blocks.encipher_one(form.head), np.uint8)
        encipher = self._blocks.enciphering(len(left))
        blocks = np.empty((len(left), BLOCK), np.uint8)
        halves = blocks.view(_WORD)
        for i in range(_ROUNDS - 1, -1, -1) if decrypts else range(_ROUNDS):
            modulus = np.uint64(form.radix ** (form.u if i % 2 == 0 else form.v))
            known = left if decrypts else right
            fixed = (np.frombuffer(form.padding + bytes([i]) + bytes(form.b), np.uint8) ^ begun).view(_WORD)
            if i in {0, _ROUNDS - 1}:
                halves[:, 0] = fixed[0]
            # fits_columns: the number of the round and b, at most 4 bytes, are in the second half
            np.bitwise_xor(known.byteswap(), fixed[1], out=halves[:, 1])
            y = encipher(blocks).view(_WORD)[:, 0].byteswap()  # fits_columns: d is 8
            y -= y // modulus * modulus  # a remainder would be divided for each value; a quotient by a constant isn't
            if decrypts:
                np.subtract(modulus, y, out=y)
                y += right
            else:
                y += left
            np.minimum(y, y - modulus, out=y)  # below the modulus the difference wraps, and is the greater
            left, right = (y, left) if decrypts else (right, y)
        return left, right

    # ------------------------------------------------------------------ one by one
    def _one(self, row: list[int], form: _Form, *, decrypts: bool) -> list[int]:
        made = ciphers.Cipher(self._blocks.algorithm(), modes.ECB())  # noqa: S305 - single blocks of a keyed function
        encipher = made.encryptor().update
        radix, padding = form.radix, form.padding
        begun = int.from_bytes(encipher(form.head), "big")
        left, right = _number(row[: form.u], radix), _number(row[form.u :], radix)
        for i in range(_ROUNDS - 1, -1, -1) if decrypts else range(_ROUNDS):
            modulus = radix ** (form.u if i % 2 == 0 else form.v)
            message = padding + bytes([i]) + (left if decrypts else right).to_bytes(form.b, "big")
            mac = begun
            for at in range(0, len(message), BLOCK):
                mixed = mac ^ int.from_bytes(message[at : at + BLOCK], "big")
                mac = int.from_bytes(encipher(mixed.to_bytes(BLOCK, "big")), "big")
            stretched = mac.to_bytes(BLOCK, "big")
            for at in range(1, (form.d + BLOCK - 1) // BLOCK):
                stretched += encipher((mac ^ at).to_bytes(BLOCK, "big"))
            y = int.from_bytes(stretched[: form.d], "big")
            if decrypts:
                left, right = (right - y) % modulus, left
            else:
                left, right = right, (left + y) % modulus
        return [*_numerals(left, radix, form.u), *_numerals(right, radix, form.v)]

    def __repr__(self) -> str:
        """Never the key."""
        return "<Ff1>"


def _numbers(numerals: Octets, begin: int, end: int, radix: int) -> Numbers:
    """The numbers that columns `begin` to `end` of adjacent rows are."""
    eight = radix == 10 and end - begin >= 8  # whose last eight are read together
    found = np.zeros(len(numerals), np.uint64)
    for at in range(begin, end - 8 if eight else end):
        found *= np.uint64(radix)
        found += numerals[:, at]
    if eight:
        found *= np.uint64(10**8)
        found += _eight_read(_word_of_each(numerals, end - 8).copy())
    return found


def _write(numbers: Numbers, radix: int, numerals: Octets, begin: int, end: int) -> None:
    """The other way round."""
    rest = numbers
    if radix == 10 and end - begin >= 8:
        rest = numbers // np.uint64(10**8)
        _word_of_each(numerals, end - 8)[:] = _eight_written(numbers - rest * np.uint64(10**8))
        end -= 8
    rest = rest.astype(np.uint32)  # fits_columns: they are below 2**32
    for at in range(end - 1, begin - 1, -1):
        above = rest // np.uint32(radix)
        numerals[:, at] = rest - above * np.uint32(radix)
        rest = above


def _word_of_each(numerals: Octets, at: int) -> Numbers:
    """Eight columns of adjacent rows as one number each, the first of them lowest; a view."""
    count, length = numerals.shape
    return np.ndarray(count, _WORD, numerals.data, at, (length,))


def _eight_read(words: Numbers) -> Numbers:
    """Eight decimal numerals, a byte each, first lowest -> their number: neighbours are joined three times."""
    for scale, bits, mask in _JOINS:
        high = words & np.uint64(mask)
        high *= np.uint64(scale)
        words >>= np.uint64(bits)
        words &= np.uint64(mask)
        words += high
    return words


def _eight_written(numbers: Numbers) -> Numbers:
    """A number below 10**8 -> eight decimal numerals: it is split three times, the quotients found by a product."""
    words = numbers
    for scale, bits, mask, factor, shift in _SPLITS:
        high = words * np.uint64(factor)
        high >>= np.uint64(shift)
        high &= np.uint64(mask)
        words = words - high * np.uint64(scale)
        words <<= np.uint64(bits)
        words |= high
    return words


def _number(numerals: list[int], radix: int) -> int:
    number = 0
    for numeral in numerals:
        number = number * radix + numeral
    return number


def _numerals(number: int, radix: int, count: int) -> list[int]:
    found = []
    for _ in range(count):
        number, numeral = divmod(number, radix)
        found.append(numeral)
    return found[::-1]
