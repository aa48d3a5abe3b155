"""What masks are given of keys: functions of whole columns, never a key. Made by gateway.keys."""

from collections.abc import Iterable
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Octets = NDArray[np.uint8]
Offsets = NDArray[np.int64]


class KeyedDigest(Protocol):
    """A keyed one-way function bound to one use, purpose and key version (made by gateway.keys)."""

    def digest(self, value: bytes) -> bytes:
        """16 bytes; the same for the same value under the same key."""
        ...

    def of_few(self, values: Iterable[bytes]) -> list[bytes]:
        """The same of each, one by one."""
        ...

    def digests(self, data: Octets, offsets: Offsets) -> Octets:
        """The digests of a column, shape (n, 16); value i is `data[offsets[i]:offsets[i + 1]]`."""
        ...


class FormatCipher(Protocol):
    """FF1 of NIST SP 800-38G Rev. 1 under one key: a permutation of the texts of one length over an alphabet.

    Numerals have the shape (n, length), each below the radix. Raises ValueError where radix ** length is less than
    one million (the standard's least domain).
    """

    def encrypt(self, numerals: Octets, radix: int, tweak: bytes = b"") -> Octets:
        """Numerals of the same shape."""
        ...

    def decrypt(self, numerals: Octets, radix: int, tweak: bytes = b"") -> Octets:
        """What `encrypt` made these of."""
        ...


class MaskKeys(Protocol):
    """The keyed functions of one purpose, all of the key versions in force at one instant (made by gateway.keys)."""

    @property
    def token_version(self) -> int:
        """The version that `token` is of; the log keeps it, so that a token can be turned back."""
        ...

    def pseudonym(self, algorithm: str | None = None) -> KeyedDigest:
        """For pseudonyms; `aes-cmac`, `sm4-cmac`, `hmac-sha256` or `hmac-sm3`; None: the key's own."""
        ...

    def shift(self) -> KeyedDigest:
        """For the days by which one person's dates are shifted."""
        ...

    def token(self, shape: str) -> FormatCipher:
        """For tokens of one shape."""
        ...
