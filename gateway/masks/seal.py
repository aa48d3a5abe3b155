"""seal: the value itself, enciphered to the key that the asker's terminal registered (JWE of RFC 7516, ECDH-ES).

What stands between the gateway and the terminal - an app's servers, proxies, caches, logs - carries it and can't read
it. It hides the least of all kinds: whoever holds the terminal reads everything.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import ClassVar, Final

from gateway.masks._reveals import Reveals
from gateway.model.catalog import FieldType
from gateway.model.sqlform import SqlForm
from gateway.model.value_text import write_value
from gateway.spi import Mask, MaskContext

_LONGEST: Final = 4_096  # octets; a longer value is hidden


@dataclass(frozen=True, slots=True, kw_only=True)
class Seal(Mask):
    """A compact JWE. Without a terminal's key the value is hidden whole.

    To everybody but the terminal it reveals how long a long value is, in steps (see gateway.keys.jwe), and nothing
    else: the same value is sealed differently each time.
    """

    reveals: ClassVar[frozenset[Reveals]] = frozenset({Reveals.LENGTH})

    @property
    def hides(self) -> int:
        """Nothing from the terminal."""
        return 10

    def apply(self, values: Sequence[object], context: MaskContext) -> list[str | None]:
        """A JWE for each; `***` without a terminal, for over 4,096 octets and for no valid Unicode."""
        masked: list[str | None] = [self.HIDDEN] * len(values)
        if context.terminal is None:
            return masked
        plain = [_plain(value) for value in values]
        known = [(at, octets) for at, octets in enumerate(plain) if octets is not None]
        sealed = context.terminal.seal([octets for _, octets in known])
        for (at, _), text in zip(known, sealed, strict=True):
            masked[at] = text
        return masked

    def sql_form(self) -> SqlForm | None:
        """None: it is different each time."""
        return None

    def accepts(self, field_type: FieldType) -> bool:
        """Every plain type."""
        return field_type.is_scalar


def _plain(value: object) -> bytes | None:
    """The value as text, in UTF-8."""
    if not isinstance(value, str | int | Decimal | date):
        return None
    try:
        octets = write_value(value).encode()
    except UnicodeEncodeError:
        return None
    return octets if len(octets) <= _LONGEST else None
