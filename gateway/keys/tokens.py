"""Tokens of persons: verified against an issuer's keys (RFC 7519, RFC 8037, RFC 8725); and the demo's small issuer.

Time is an argument: expiry is judged here, not by the library's own clock.
"""

import base64
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self, cast

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from gateway.errors import PersonNotAuthenticated, TokenExpired
from gateway.keys.ring import private_key

if TYPE_CHECKING:
    import jwt  # where a token is looked at: other commands need not wait until it is loaded

# the key's own type decides the algorithm: what the token says of itself is only compared with it
_ALGORITHM_OF = {("OKP", "Ed25519"): "EdDSA", ("EC", "P-256"): "ES256", ("RSA", None): "RS256"}
_REQUIRED = ("exp", "iat", "iss", "sub", "aud", "jti")
_LONGEST = 8_192
_LEAST_RSA_BITS = 2_048
_NUMBERS = frozenset({int, float})


def verify_token(
    token: str,
    *,
    jwks: Mapping[str, object],
    issuer: str,
    audience: str,
    leeway_seconds: int,
    now: datetime,
) -> Mapping[str, object]:
    """The claims; raises TokenExpired, or PersonNotAuthenticated for everything else that is wrong with it."""
    if len(token) > _LONGEST:
        raise PersonNotAuthenticated
    import jwt

    try:
        header = jwt.get_unverified_header(token)
        key, algorithm = _key_of(jwks, header.get("kid"))
        if header.get("alg") != algorithm or "crit" in header:
            raise PersonNotAuthenticated
        claims: dict[str, Any] = jwt.decode(
            token,
            key,
            algorithms=[algorithm],
            issuer=issuer,
            audience=audience,
            options={"require": list(_REQUIRED), "verify_exp": False, "verify_nbf": False, "verify_iat": False},
        )
    except (jwt.PyJWTError, ValueError, TypeError, RecursionError):
        raise PersonNotAuthenticated from None
    judge_times(claims, leeway_seconds, now)
    if not isinstance(claims["sub"], str) or not isinstance(claims["jti"], str):
        raise PersonNotAuthenticated
    return claims


def _key_of(jwks: Mapping[str, object], kid: object) -> "tuple[jwt.PyJWK, str]":
    import jwt

    keys = jwks.get("keys")
    for entry in keys if isinstance(keys, list) else []:
        if isinstance(kid, str) and isinstance(entry, dict) and entry.get("kid") == kid:
            algorithm = _ALGORITHM_OF.get((str(entry.get("kty")), entry.get("crv")))
            if algorithm is not None and entry.get("use", "sig") == "sig":
                key = jwt.PyJWK(entry, algorithm=algorithm)
                if algorithm != "RS256" or key.key.key_size >= _LEAST_RSA_BITS:
                    return key, algorithm
    raise PersonNotAuthenticated


def judge_times(claims: Mapping[str, object], leeway: int, now: datetime) -> None:
    """Return where the token is in its time; raises TokenExpired, PersonNotAuthenticated."""
    moment = now.timestamp()
    expires, issued, begins = cast("tuple[float, float, float]", (claims["exp"], claims["iat"], claims.get("nbf", 0)))
    if not _NUMBERS.issuperset((type(expires), type(issued), type(begins))):
        raise PersonNotAuthenticated
    if issued > moment + leeway or begins > moment + leeway:
        raise PersonNotAuthenticated
    if not expires > moment - leeway:
        raise TokenExpired


def times_of(claims: Mapping[str, object], leeway: int) -> tuple[float, float]:
    """Since when and until when (not then any more) `judge_times` returns, of claims that it has judged."""
    expires, issued, begins = cast("tuple[float, float, float]", (claims["exp"], claims["iat"], claims.get("nbf", 0)))
    return max(issued, begins) - leeway, expires + leeway


@dataclass(frozen=True, slots=True, repr=False)
class Issuer:
    """A small issuer with one Ed25519 key: what the demo signs its people in with."""

    issuer: str
    _key: Ed25519PrivateKey = field(repr=False)

    @classmethod
    def create(cls, folder: Path, issuer: str) -> Self:
        """Open the issuer in `folder`, making its key where there is none."""
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        return cls(issuer, private_key(folder / "issuer.key", create=True))

    @classmethod
    def open(cls, folder: Path, issuer: str) -> Self:
        """Open an issuer that was made before; raises SettingsInvalid where there is none."""
        return cls(issuer, private_key(folder / "issuer.key", create=False))

    def _public(self) -> bytes:
        return self._key.public_key().public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)

    @property
    def _kid(self) -> str:
        return hashlib.sha256(self._public()).hexdigest()[:16]

    def jwks(self) -> dict[str, list[dict[str, str]]]:
        """The public keys as a JWK set (RFC 7517, RFC 8037)."""
        x = base64.urlsafe_b64encode(self._public()).rstrip(b"=").decode()
        return {"keys": [{"kty": "OKP", "crv": "Ed25519", "use": "sig", "alg": "EdDSA", "kid": self._kid, "x": x}]}

    def sign(self, claims: Mapping[str, object], *, lifetime_seconds: int, now: datetime) -> str:
        """A signed token with `iss`, `iat` and `exp` added."""
        issued = int(now.timestamp())
        payload = dict(claims) | {"iss": self.issuer, "iat": issued, "exp": issued + lifetime_seconds}
        import jwt

        return jwt.encode(payload, self._key, "EdDSA", headers={"kid": self._kid})

    def __repr__(self) -> str:
        """Never the key."""
        return f"<Issuer {self.issuer}>"
