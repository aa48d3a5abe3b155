"""Data keys as the gateway's database keeps them: wrapped, in versions."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum


class KeyUse(StrEnum):
    """What a data key is for; each use has keys of its own."""

    LOG = "log"  # signs the log's checkpoints
    SUBJECT = "subject"  # keyed hashes of people
    PSEUDONYM = "pseudonym"
    TOKEN = "token"  # noqa: S105 - a use's name
    SHIFT = "shift"  # days by which one person's dates are shifted
    SEAL = "seal"  # case files


ROTATING = frozenset({KeyUse.PSEUDONYM, KeyUse.TOKEN, KeyUse.SHIFT, KeyUse.SEAL})
"""The uses whose keys have more than one version: the log's name and look-ups by person hang on the others."""


class KeyState(StrEnum):
    """What a version serves for."""

    PENDING = "pending"  # made, and not in force yet
    ACTIVE = "active"  # in force: what is new is made with it
    OLD = "old"  # what was made with it can be read
    RETIRED = "retired"  # serves for nothing, and can be reinstated
    DESTROYED = "destroyed"  # its material is gone


@dataclass(frozen=True, slots=True, kw_only=True)
class DataKey:
    """One version of one use. `wrapped` is None where it is destroyed."""

    use: KeyUse
    version: int
    algorithms: str  # international, national
    wrap: str  # aes-gcm, sm4-gcm
    wrapped: bytes | None = field(repr=False)
    created_at: datetime
    active_at: datetime
    retired_at: datetime | None = None
    retired_by: str | None = None
    destroyed_at: datetime | None = None
    digest: str = ""  # how people are hashed: cmac; empty: HMAC, of rings made before there was another
