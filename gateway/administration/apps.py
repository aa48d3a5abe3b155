"""Apps' keys and the daily limits of purposes, over the gateway's own database."""

from datetime import UTC, datetime

from gateway.authentication import AppKey
from gateway.errors import LimitReached, Words
from gateway.keys import new_api_key
from gateway.model.catalog import Purpose
from gateway.model.ids import AppId, PrincipalId
from gateway.store import State, charge, charge_release, find_key, insert_key

_MATCHES = "matches"
_WORDS: dict[str, Words] = {
    _MATCHES: ("look-ups by a masked field", "脱敏字段匹配查询"),
    "rows": ("rows", "返回行数"),
    "subjects": ("different people", "查询人数"),
}


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

    def charge_matches(self, principal: PrincipalId, purpose: Purpose, now: datetime, amount: int) -> None:
        """Count look-ups by masked fields on the UTC day; raises LimitReached, and then counted nothing."""
        limit = purpose.matches_per_day
        if limit is None or amount == 0:
            return
        day = now.astimezone(UTC).date().isoformat()
        if not charge(
            self._state, principal=principal, purpose=purpose.id, day=day, what=_MATCHES, amount=amount, limit=limit
        ):
            raise LimitReached(what=_WORDS[_MATCHES], limit=limit, flag="matches-limit")

    def charge_release(
        self, principal: PrincipalId, purpose: Purpose, now: datetime, rows: int, subjects: tuple[str, ...]
    ) -> None:
        """Count what an answer holds (subjects as keyed hashes); raises LimitReached, and then counted nothing."""
        if not purpose.limits_release:
            return
        limits = {"rows": purpose.rows_per_day, "subjects": purpose.subjects_per_day}
        over = charge_release(
            self._state,
            principal=principal,
            purpose=purpose.id,
            day=now.astimezone(UTC).date().isoformat(),
            rows=rows,
            rows_limit=purpose.rows_per_day,
            subjects=subjects,
            subjects_limit=purpose.subjects_per_day,
        )
        if over is not None:
            raise LimitReached(what=_WORDS[over], limit=limits[over] or 0)
