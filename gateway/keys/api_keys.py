"""API keys of apps: `lq_<key id>_<secret>`; only the SHA-256 of the secret is kept.

The secret has 256 random bits, so a plain hash can't be searched; a slow one would only slow the gateway.
"""

import hashlib
import hmac
import re
import secrets

_KEY = re.compile(r"lq_([0-9a-f]{16})_([A-Za-z0-9_-]{43})", re.ASCII)


def new_api_key() -> tuple[str, str, str]:
    """A fresh key: the text to hand over once, its id, and the digest to keep (64 hex digits)."""
    key_id, secret = secrets.token_hex(8), secrets.token_urlsafe(32)
    return f"lq_{key_id}_{secret}", key_id, hashlib.sha256(secret.encode()).hexdigest()


def read_api_key(text: str) -> tuple[str, str] | None:
    """Key id and digest of a key as it was sent; None where it has not the form of one."""
    match = _KEY.fullmatch(text)
    if match is None:
        return None
    return match.group(1), hashlib.sha256(match.group(2).encode()).hexdigest()


def same_digest(one: str, other: str) -> bool:
    """Whether two digests are equal, in a time that does not tell where they differ."""
    return hmac.compare_digest(one.encode(), other.encode())
