"""Keyed digests of 16 bytes: CMAC (NIST SP 800-38B) with AES-256 or SM4, HMAC (RFC 2104) with SHA-256 or SM3.

CMAC of a column takes the first block of all its values, enciphers them in one call, then the second block of all: a
chain of as many calls as the longest value has blocks. The values of one length are a matrix.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from types import MappingProxyType
from typing import Final

import numpy as np
from cryptography.hazmat.primitives import cmac, hashes, hmac
from numpy.typing import NDArray

from gateway.keys.blocks import BLOCK, BlockCipher, Cipher
from gateway.model.keyed import KeyedDigest, Octets, Offsets

DIGEST_BYTES: Final = 16
_TOGETHER: Final = 16_384  # values whose blocks stay in the processor's cache
_LONGEST_TOGETHER: Final = 1_024  # bytes; longer values are few, and done one by one
_WORD: Final = np.dtype("<u8")
_FEW: Final = 24  # values that are done sooner one by one (measured)


@dataclass(frozen=True, slots=True, repr=False)
class _Cmac:
    """CMAC under one key."""

    cipher: BlockCipher
    _keyed: cmac.CMAC = field(init=False)  # copied for each value, so that the key is read once
    _subkeys: tuple[Octets, Octets] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_keyed", cmac.CMAC(self.cipher.algorithm()))
        whole = int.from_bytes(self.cipher.encipher(np.zeros((1, BLOCK), np.uint8)).tobytes(), "big")
        first = _doubled(whole)
        object.__setattr__(self, "_subkeys", (_block(first), _block(_doubled(first))))

    def digest(self, value: bytes) -> bytes:
        """16 bytes."""
        mac = self._keyed.copy()
        mac.update(value)
        return mac.finalize()

    def of_few(self, values: Iterable[bytes]) -> list[bytes]:
        """16 bytes of each, one by one."""
        return _of_few(self._keyed, values)

    def digests(self, data: Octets, offsets: Offsets) -> Octets:
        """A row of 16 bytes for each value."""
        count = len(offsets) - 1
        if count < _FEW:
            return _one_by_one(self, data, offsets)
        lengths = np.diff(offsets)
        first = int(lengths[0])
        if (lengths == first).all() and first <= _LONGEST_TOGETHER:
            start = int(offsets[0])
            return self._of_length(data[start : start + first * count].reshape(count, first))
        found = np.empty((count, DIGEST_BYTES), np.uint8)
        for length in np.unique(lengths).tolist():
            places = np.flatnonzero(lengths == length)
            if length > _LONGEST_TOGETHER or len(places) < _FEW:
                for at in places.tolist():
                    value = data[offsets[at] : offsets[at + 1]].tobytes()
                    found[at] = np.frombuffer(self.digest(value), np.uint8)
            else:
                rows = data[offsets[places][:, None] + np.arange(length)]
                found[places] = self._of_length(rows)
        return found

    def _of_length(self, rows: Octets) -> Octets:
        count, length = rows.shape
        found = np.empty((count, DIGEST_BYTES), np.uint8)
        last = max(length - 1, 0) // BLOCK  # the last block's number
        # the bit that ends a shorter message, and the subkey
        ending = np.zeros(BLOCK, np.uint8)
        if length - last * BLOCK < BLOCK:
            ending[length - last * BLOCK] = 0x80
        ending ^= self._subkeys[0 if length - last * BLOCK == BLOCK else 1]
        for start in range(0, count, _TOGETHER):
            part = rows[start : start + _TOGETHER]
            encipher = self.cipher.enciphering(len(part))
            blocks = np.empty((len(part), BLOCK), np.uint8)
            words, chain = blocks.view(_WORD), np.zeros((1, BLOCK), np.uint8)
            for number in range(last + 1):
                for half in (0, 1):
                    message = _word_of_each(part, number * BLOCK + half * _WORD.itemsize)
                    np.bitwise_xor(chain.view(_WORD)[:, half], message, out=words[:, half])
                if number == last:
                    words ^= ending.view(_WORD)
                chain = encipher(blocks)
            found[start : start + len(part)] = chain
        return found

    def __repr__(self) -> str:
        """Never the key."""
        return "<keyed digest>"


@dataclass(frozen=True, slots=True, repr=False)
class _Hmac:
    """HMAC under one key, cut to 128 bits."""

    _keyed: hmac.HMAC  # copied for each value, so that the key is read once

    def digest(self, value: bytes) -> bytes:
        """16 bytes."""
        mac = self._keyed.copy()
        mac.update(value)
        return mac.finalize()[:DIGEST_BYTES]

    def of_few(self, values: Iterable[bytes]) -> list[bytes]:
        """16 bytes of each, one by one."""
        return [mac[:DIGEST_BYTES] for mac in _of_few(self._keyed, values)]

    def digests(self, data: Octets, offsets: Offsets) -> Octets:
        """A row of 16 bytes for each value."""
        return _one_by_one(self, data, offsets)

    def __repr__(self) -> str:
        """Never the key."""
        return "<keyed digest>"


def _of_few(keyed: cmac.CMAC | hmac.HMAC, values: Iterable[bytes]) -> list[bytes]:
    found = []
    for value in values:
        mac = keyed.copy()
        mac.update(value)
        found.append(mac.finalize())
    return found


def _doubled(number: int) -> int:
    """Times x in GF(2**128), as SP 800-38B makes subkeys."""
    return ((number << 1) & (2**128 - 1)) ^ (0x87 if number >> 127 else 0)


def _block(number: int) -> Octets:
    return np.frombuffer(number.to_bytes(BLOCK, "big"), np.uint8)


def _word_of_each(rows: Octets, at: int) -> NDArray[np.uint64]:
    """Eight bytes of each of adjacent rows, as one number; zeros for what is after the row's end."""
    count, length = rows.shape
    size = _WORD.itemsize
    if at + size <= length:
        return np.ndarray(count, _WORD, rows.data, at, (length,))
    if at >= length:
        return np.zeros(count, _WORD)
    if length >= size:  # the row's last eight, so that nothing after the last row is read
        return np.ndarray(count, _WORD, rows.data, length - size, (length,)) >> np.uint64(8 * (at + size - length))
    padded = np.zeros((count, size), np.uint8)
    padded[:, :length] = rows
    return padded.view(_WORD)[:, 0]


def _one_by_one(function: KeyedDigest, data: Octets, offsets: Offsets) -> Octets:
    start = int(offsets[0])
    whole = data[start : int(offsets[-1])].tobytes()
    digests = [function.digest(whole[begin - start : end - start]) for begin, end in pairwise(offsets.tolist())]
    return np.frombuffer(b"".join(digests), dtype=np.uint8).reshape(-1, DIGEST_BYTES)


_MADE: Final[Mapping[str, Callable[[bytes], KeyedDigest]]] = MappingProxyType(
    {
        "aes-cmac": lambda key: _Cmac(BlockCipher(cipher=Cipher.AES, key=key)),
        "hmac-sha256": lambda key: _Hmac(hmac.HMAC(key, hashes.SHA256())),
        "hmac-sm3": lambda key: _Hmac(hmac.HMAC(key, hashes.SM3())),
        "sm4-cmac": lambda key: _Cmac(BlockCipher(cipher=Cipher.SM4, key=key)),
    }
)


def keyed_digest(algorithm: str, key: bytes) -> KeyedDigest:
    """`aes-cmac`, `sm4-cmac`, `hmac-sha256` or `hmac-sm3` under a key of 32 bytes; raises ValueError for another."""
    if algorithm not in _MADE:
        msg = f"no keyed digest `{algorithm}`"
        raise ValueError(msg)
    return _MADE[algorithm](key)
