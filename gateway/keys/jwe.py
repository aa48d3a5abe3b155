"""Values enciphered to the key that a terminal registered: JWE compact (RFC 7516), ECDH-ES with A256GCM (RFC 7518).

What a terminal gets back when it opens one is the value in UTF-8, a byte 0x80, and zeros up to a multiple of 64 bytes
(the padding of ISO/IEC 7816-4): so that the length of a short value isn't told. To have the value, take the zeros off
the end, then one byte.
"""

import base64
import hashlib
import json
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Self

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, x25519
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.concatkdf import ConcatKDFHash
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

PADDED_TO: Final = 64
_ALGORITHM: Final = "A256GCM"
_KEY_BYTES: Final = 32
_NONCE_BYTES: Final = 12
_TAG_BYTES: Final = 16
_COORDINATE_BYTES: Final = 32
_MEMBERS: Final[Mapping[tuple[object, object], tuple[str, ...]]] = {
    ("EC", "P-256"): ("crv", "kty", "x", "y"),
    ("OKP", "X25519"): ("crv", "kty", "x"),
}
_Public = ec.EllipticCurvePublicKey | x25519.X25519PublicKey


@dataclass(frozen=True, slots=True)
class TerminalPublicKey:
    """A public key of P-256 or X25519."""

    _key: _Public
    thumbprint: str  # RFC 7638 with SHA-256, base64url

    @classmethod
    def read(cls, jwk: Mapping[str, object]) -> Self:
        """Read a JWK (RFC 7517); raises ValueError with a sentence for anything but a public key of the two kinds."""
        members = _MEMBERS.get((jwk.get("kty"), jwk.get("crv")))
        if members is None:
            raise ValueError("a terminal's key is a JWK of kty EC with crv P-256, or of kty OKP with crv X25519")
        if "d" in jwk:
            raise ValueError("this is a private key: it must not leave the terminal; make a new one")
        x = _coordinate(jwk.get("x"))
        y = _coordinate(jwk.get("y")) if "y" in members else b""
        try:
            if jwk["kty"] == "EC":
                key: _Public = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), b"\x04" + x + y)
            else:
                key = x25519.X25519PublicKey.from_public_bytes(x)
                x25519.X25519PrivateKey.generate().exchange(key)  # refuses a point of small order
        except ValueError:
            raise ValueError("the terminal's key is no point of its curve") from None
        canonical = json.dumps({name: jwk[name] for name in members}, sort_keys=True, separators=(",", ":"))
        return cls(key, _encoded(hashlib.sha256(canonical.encode()).digest()))

    def seal(self, values: Sequence[bytes]) -> list[str]:
        """Each as a compact JWE: one ephemeral key for all of them, a nonce for each."""
        if not values:
            return []
        secret, ephemeral = _agreed(self._key)
        header = {"alg": "ECDH-ES", "enc": _ALGORITHM, "epk": ephemeral, "kid": self.thumbprint}
        protected = _encoded(json.dumps(header, separators=(",", ":")).encode())
        cipher = AESGCM(derived_key(secret, _ALGORITHM, b"", b"", _KEY_BYTES))
        return [_sealed(cipher, protected, value) for value in values]


def derived_key(secret: bytes, algorithm: str, party_u: bytes, party_v: bytes, count: int) -> bytes:
    """The Concat KDF as RFC 7518, 4.6.2 has it for direct agreement; `count` bytes."""
    other = b"".join(len(part).to_bytes(4, "big") + part for part in (algorithm.encode(), party_u, party_v))
    other += (count * 8).to_bytes(4, "big")
    return ConcatKDFHash(algorithm=hashes.SHA256(), length=count, otherinfo=other).derive(secret)


def padded(value: bytes) -> bytes:
    """The value, 0x80, and zeros up to a multiple of 64 bytes."""
    return value + b"\x80" + bytes(-(len(value) + 1) % PADDED_TO)


def _sealed(cipher: AESGCM, protected: str, value: bytes) -> str:
    nonce = secrets.token_bytes(_NONCE_BYTES)
    sealed = cipher.encrypt(nonce, padded(value), protected.encode())
    body, tag = sealed[:-_TAG_BYTES], sealed[-_TAG_BYTES:]
    return f"{protected}..{_encoded(nonce)}.{_encoded(body)}.{_encoded(tag)}"


def _agreed(key: _Public) -> tuple[bytes, dict[str, str]]:
    """The shared secret with a new ephemeral key, and that key's public JWK."""
    if isinstance(key, x25519.X25519PublicKey):
        own = x25519.X25519PrivateKey.generate()
        public = own.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        return own.exchange(key), {"kty": "OKP", "crv": "X25519", "x": _encoded(public)}
    made = ec.generate_private_key(ec.SECP256R1())
    point = made.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    x, y = point[1 : 1 + _COORDINATE_BYTES], point[1 + _COORDINATE_BYTES :]
    return made.exchange(ec.ECDH(), key), {"kty": "EC", "crv": "P-256", "x": _encoded(x), "y": _encoded(y)}


def _encoded(octets: bytes) -> str:
    return base64.urlsafe_b64encode(octets).decode("ascii").rstrip("=")


def _coordinate(member: object) -> bytes:
    if isinstance(member, str):
        try:
            octets = base64.b64decode(member + "=" * (-len(member) % 4), altchars=b"-_", validate=True)
        except ValueError:
            octets = b""
        # one spelling only: else one key would have several thumbprints
        if len(octets) == _COORDINATE_BYTES and _encoded(octets) == member:
            return octets
    raise ValueError("the terminal's key lacks a coordinate of 32 bytes in base64url")
