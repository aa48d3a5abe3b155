"""AES and SM4 on many single blocks at once: what CMAC and FF1 of a whole column are made of."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import numpy as np
from cryptography.hazmat.primitives import ciphers
from cryptography.hazmat.primitives.ciphers import algorithms, modes

from gateway.model.keyed import Octets

BLOCK: Final = 16


class Cipher(StrEnum):
    """A block cipher of 128-bit blocks."""

    AES = "aes"  # FIPS 197
    SM4 = "sm4"  # GB/T 32907


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class BlockCipher:
    """Under one key: of AES 16, 24 or 32 bytes; of SM4 the first 16 are taken."""

    cipher: Cipher
    key: bytes

    def encipher(self, blocks: Octets) -> Octets:
        """Each of the rows of 16 bytes by itself; a new array. Not a mode of encryption: callers build those."""
        return self.enciphering(len(blocks))(np.ascontiguousarray(blocks))

    def enciphering(self, count: int) -> Callable[[Octets], Octets]:
        """The same for always `count` adjacent rows; each call writes over what the last one gave. Of one thread."""
        made = ciphers.Cipher(self.algorithm(), modes.ECB()).encryptor()  # noqa: S305 - blocks of a keyed function
        room = np.empty(count * BLOCK + BLOCK - 1, np.uint8)  # the library asks for room for one block more
        written = room[: count * BLOCK].reshape(count, BLOCK)

        def encipher(blocks: Octets) -> Octets:
            made.update_into(blocks.data.cast("B"), room.data)
            return written

        return encipher

    def encipher_one(self, block: bytes) -> bytes:
        """One block."""
        made = ciphers.Cipher(self.algorithm(), modes.ECB())  # noqa: S305 - as above
        return made.encryptor().update(block)

    def algorithm(self) -> algorithms.AES | algorithms.SM4:
        """The cipher with its key, as the library takes it."""
        return algorithms.AES(self.key) if self.cipher is Cipher.AES else algorithms.SM4(self.key[:16])

    def __repr__(self) -> str:
        """Never the key."""
        return "<BlockCipher>"
