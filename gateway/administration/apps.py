"""Apps' keys and the daily limits of purposes, over the gateway's own database."""

from datetime import UTC, datetime

from gateway.authentication import AppKey
from gateway.keys import new_api_key
from gateway.model.ids import AppId, PrincipalId, PurposeId
from gateway.store import State, charge, find_key, insert_key

_MATCHES = "matches"


class Apps:
    """What the road asks of the database about apps and their use."""

    def __init__(self, state: State) -> None:
        self._state = state

    def create_key(self, app: str, now: datetime) -> str:
        """Make a key for the app; the text is given once and only its digest is kept."""
        text, key_id, digest = new_api_key()
        insert_key(self._state, key_id=key_id, app=app, digest=digest, now=now)
        return text

    def find_key(self, key_id: str) -> AppKey | None:
        """Whose key it is; None where it is unknown or revoked."""
        found = find_key(self._state, key_id)
        return None if found is None else AppKey(app=AppId(found.app), digest=found.digest)

    def charge_matches(
        self, principal: PrincipalId, purpose: PurposeId, now: datetime, amount: int, limit: int
    ) -> bool:
        """Count look-ups by masked fields against the purpose's daily limit (UTC day); False: used up, not counted."""
        day = now.astimezone(UTC).date().isoformat()
        return charge(
            self._state, principal=principal, purpose=purpose, day=day, what=_MATCHES, amount=amount, limit=limit
        )
