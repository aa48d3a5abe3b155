"""date-shift: a date moved by some days that belong to the person, so that the intervals of one person survive.

The days are a keyed function of the person's ID number under the purpose's key: nobody without the key knows them, two
purposes shift differently, and of two people's dates the distance isn't kept.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import ClassVar, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from gateway.masks._dates import FIRST_DAY, LAST_DAY
from gateway.masks._octets import Texts
from gateway.masks._reveals import Reveals
from gateway.model.catalog import FieldType
from gateway.model.sqlform import SqlForm
from gateway.spi import Mask, MaskContext

_MOST_DAYS: Final = 3_660
_BLANKS: Final = " \t\r\n"
_LONGEST_PERSON: Final = 64  # characters of an ID number


@dataclass(frozen=True, slots=True, kw_only=True)
class DateShift(Mask):
    """A date at most `days` away from the true one, and never the true one. Hidden whole where the person is unknown.

    Reveals the rough time, and the exact intervals between dates of one person. ISO 8601; of a timestamp the time of
    the day stays. Never use it for a date of which another is known for the same person: one true date gives all.
    """

    reveals: ClassVar[frozenset[Reveals]] = frozenset({Reveals.BAND, Reveals.EQUALITY})
    needs_person: ClassVar[bool] = True

    days: int = 180

    def __post_init__(self) -> None:
        """Raises ValueError with a sentence for a number of days that makes no sense."""
        if not 7 <= self.days <= _MOST_DAYS:
            msg = f"`days` is from 7 to {_MOST_DAYS}, not {self.days}"
            raise ValueError(msg)

    @property
    def columns_from(self) -> int:
        """Measured."""
        return 16

    @property
    def hides(self) -> int:
        """A little more than the year: that may be the true one or not."""
        return 45

    def apply(self, values: Sequence[object], context: MaskContext) -> list[str | None]:
        """The shifted dates; `***` without a person, or where the shift leaves the calendar."""
        if context.people is None:
            return [self.HIDDEN] * len(values)
        key = context.keys.shift()
        known: dict[str, int] = {}
        masked: list[str | None] = []
        for value, person in zip(values, context.people, strict=True):
            plain = _person(person)
            if plain is None or not isinstance(value, date):
                masked.append(self.HIDDEN)
                continue
            if plain not in known:
                known[plain] = int(self._shift(np.frombuffer(key.digest(plain.encode()), np.uint8)[None, :])[0])
            masked.append(_moved(value, known[plain]) or self.HIDDEN)
        return masked

    def apply_array(self, array: pa.Array, context: MaskContext) -> pa.Array | None:
        """The same of dates; None for timestamps."""
        if not pa.types.is_date32(array.type) or context.people is None:
            return None
        people, is_known = _people(pa.array(context.people, pa.string()))
        texts = Texts.of(people)
        days = np.asarray(array.view(pa.int32())).astype(np.int64)
        days = days + self._shift(context.keys.shift().digests(texts.data, texts.offsets))
        is_day = is_known & (days >= FIRST_DAY) & (days <= LAST_DAY)
        shown = pa.array(np.where(is_day, days, 0).astype(np.int32)).view(pa.date32()).cast(pa.string())
        return shown if is_day.all() else pc.if_else(pa.array(is_day), shown, self.HIDDEN)

    def sql_form(self) -> SqlForm | None:
        """None: keys never go to a source."""
        return None

    def accepts(self, field_type: FieldType) -> bool:
        """Dates and timestamps."""
        return field_type in {FieldType.DATE, FieldType.TIMESTAMP}

    def _shift(self, digests: NDArray[np.uint8]) -> NDArray[np.int64]:
        """-days to days, without 0, all equally likely but for one part in 2**60."""
        numbers = np.ascontiguousarray(digests[:, :8]).view("<u8")[:, 0] % np.uint64(2 * self.days)
        steps = numbers.astype(np.int64) - self.days
        return np.where(steps >= 0, steps + 1, steps)


def _person(person: str | None) -> str | None:
    """One spelling of an ID number; None for nobody."""
    if person is None:
        return None
    plain = person.strip(_BLANKS)
    return plain.upper() if 0 < len(plain) <= _LONGEST_PERSON and plain.isascii() else None


def _people(people: pa.Array) -> tuple[pa.Array, NDArray[np.bool_]]:
    """The same of a column, and which of them are known; an unknown one is empty."""
    plain = pc.ascii_upper(pc.fill_null(pc.utf8_trim(people, characters=_BLANKS), ""))
    lengths = Texts.of(plain).lengths
    return plain, np.asarray(pc.string_is_ascii(plain)) & (lengths > 0) & (lengths <= _LONGEST_PERSON)


def _moved(value: date, days: int) -> str | None:
    try:
        return (value + timedelta(days=days)).isoformat()
    except OverflowError:
        return None
