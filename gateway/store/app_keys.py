"""API keys of apps: the hash of each, and whether it was revoked. Never a key."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import insert, select, update

from gateway.store._tables import app_key
from gateway.store.state import State


@dataclass(frozen=True, slots=True, kw_only=True)
class AppKeyRecord:
    """What authentication needs of a key that is good."""

    app: str
    digest: str  # SHA-256, hex


def insert_key(state: State, *, key_id: str, app: str, digest: str, now: datetime) -> None:
    """Keep a new key's hash, durably; raises SQLAlchemyError, also where the id is taken."""
    with state.writing() as connection:
        connection.execute(insert(app_key).values(key_id=key_id, app=app, digest=digest, created_at=now))


def find_key(state: State, key_id: str) -> AppKeyRecord | None:
    """The key; None where it is unknown or revoked."""
    query = select(app_key.c.app, app_key.c.digest).where(app_key.c.key_id == key_id, app_key.c.revoked_at.is_(None))
    with state.reading() as connection:
        row = connection.execute(query).one_or_none()
    return None if row is None else AppKeyRecord(app=row.app, digest=row.digest)


def revoke_key(state: State, key_id: str, now: datetime) -> bool:
    """Revoke the key for good; False where there is none, or it was revoked before."""
    with state.writing() as connection:
        revoked = connection.execute(
            update(app_key).where(app_key.c.key_id == key_id, app_key.c.revoked_at.is_(None)).values(revoked_at=now)
        )
        return revoked.rowcount == 1
