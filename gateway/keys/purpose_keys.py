"""The keyed functions of one purpose, under keys that belong to it: what two purposes see can't be joined."""

from collections.abc import Callable
from dataclasses import dataclass

from gateway.keys.blocks import Cipher
from gateway.keys.digests import keyed_digest
from gateway.keys.ff1 import Ff1
from gateway.model.ids import PurposeId
from gateway.model.keyed import FormatCipher, KeyedDigest


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class PurposeKeys:
    """Of the versions in force when it was made. `derive(use, info)` gives 32 bytes of that use's key.

    national: the uses whose version has SM4 where AES stands.
    """

    purpose: PurposeId
    token_version: int
    national: frozenset[str]
    derive: Callable[[str, str], bytes]

    def pseudonym(self, algorithm: str | None = None) -> KeyedDigest:
        """For pseudonyms; another algorithm has another key."""
        name = algorithm or ("sm4-cmac" if "pseudonym" in self.national else "aes-cmac")
        return keyed_digest(name, self.derive("pseudonym", f"{name}/{self.purpose}"))

    def shift(self) -> KeyedDigest:
        """For the days by which one person's dates are shifted."""
        name = "sm4-cmac" if "shift" in self.national else "aes-cmac"
        return keyed_digest(name, self.derive("shift", f"{name}/{self.purpose}"))

    def token(self, shape: str) -> FormatCipher:
        """For tokens of one shape."""
        cipher = Cipher.SM4 if "token" in self.national else Cipher.AES
        return Ff1(cipher=cipher, key=self.derive("token", f"{cipher}/{self.purpose}/{shape}"))

    def __repr__(self) -> str:
        """Never a key."""
        return "<PurposeKeys>"
