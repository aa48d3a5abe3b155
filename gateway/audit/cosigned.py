"""A checkpoint and its witnesses' keys -> who of them signed it, and when. Trusts nothing but the keys."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from gateway.errors import SettingsInvalid
from gateway.keys import CosignatureVerifier


@dataclass(frozen=True, slots=True)
class Cosigned:
    """One witness: when it signed, or None where it did not."""

    witness: str
    at: datetime | None


def read_witness_key(vkey: str) -> CosignatureVerifier:
    """Raises SettingsInvalid."""
    try:
        return CosignatureVerifier.from_vkey(vkey)
    except ValueError:
        raise SettingsInvalid(
            fault="a witness's public key can't be read", fix="give the vkey that `langqiao witness create` printed"
        ) from None


def cosigned_by(note: str, witnesses: Iterable[CosignatureVerifier]) -> tuple[Cosigned, ...]:
    """What each witness signed; a signature that does not fit counts as none."""
    return tuple(Cosigned(witness.name, _when(note, witness)) for witness in witnesses)


def _when(note: str, witness: CosignatureVerifier) -> datetime | None:
    try:
        return datetime.fromtimestamp(witness.verify(note), UTC)
    except (ValueError, OverflowError, OSError):  # no date holds every moment that a signature can name
        return None
