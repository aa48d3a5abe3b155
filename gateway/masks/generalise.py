"""generalise: a value becomes the coarser one that holds it. Takes exactly one of four parameters.

| parameter | for | gives |
| --- | --- | --- |
| `to: year` | dates | 1961 |
| `to: month` | dates | 1961-07 |
| `to: five_year_band` | dates | 1960-1964 |
| `to: decade` | dates | 1960-1969 |
| `to: age` | birth dates | 63 |
| `to: age_band` | birth dates | 60-64 |
| `bucket: "0, 500, 1000"` | numbers | <0, [0,500), [500,1000), >=1000 |
| `region_level: street` | region codes (also `county`, `prefecture`, `province`) | 330102001 |
| `address_to: community` | addresses (also `street`) | 杭州市上城区清波街道清波门社区*** |
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import ClassVar, Final

import pyarrow as pa

from gateway.masks._addresses import LEVELS
from gateway.masks._bands import REGION_DIGITS, REGION_HIDES, Buckets, region_form
from gateway.masks._columns import columns_of
from gateway.masks._dates import DATE_BANDS, bands_of, days_of
from gateway.masks._formula import kernel_of
from gateway.masks._octets import is_text
from gateway.masks._reveals import Reveals
from gateway.masks._shapes import ADDRESS_TO_COMMUNITY, SHAPES, PartialShape
from gateway.model.catalog import FieldType
from gateway.model.sqlform import SqlForm
from gateway.spi import Mask, MaskContext

_LONGEST_CODE: Final = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Generalise(Mask):
    """A band. Reveals the band and its order; two values in one band can't be told apart. Hides length.

    The year of a timestamp is that of UTC, an age that of today in UTC. The one value that
    may come out as it went in is a region code that is no finer than the level: it shows no more than the level would.
    """

    reveals: ClassVar[frozenset[Reveals]] = frozenset({Reveals.BAND, Reveals.PREFIX, Reveals.SHAPE})

    to: str | None = None
    bucket: str | None = None
    region_level: str | None = None
    address_to: str | None = None

    def __post_init__(self) -> None:
        """Raises ValueError with a sentence unless exactly one parameter is given, and its value is known."""
        given = [self.to, self.bucket, self.region_level, self.address_to]
        if sum(value is not None for value in given) != 1:
            msg = "`generalise` takes exactly one of `to`, `bucket`, `region_level`, `address_to`"
            raise ValueError(msg)
        if self.bucket is not None:
            Buckets.read(self.bucket)
        for name, value, known in (
            ("to", self.to, tuple(DATE_BANDS)),
            ("region_level", self.region_level, tuple(REGION_DIGITS)),
            ("address_to", self.address_to, LEVELS),
        ):
            if value is not None and value not in known:
                msg = f"`{name}` is one of {', '.join(f'`{one}`' for one in known)}, not `{value}`"
                raise ValueError(msg)

    @property
    def columns_from(self) -> int:
        """Measured."""
        return 400

    @property
    def hides(self) -> int:
        """The more the coarser the bands are."""
        if self.to is not None:
            return DATE_BANDS[self.to].hides
        if self.bucket is not None:
            return 60 - min(len(Buckets.read(self.bucket).edges), 30)
        if self.region_level is not None:
            return REGION_HIDES[self.region_level]
        return self._address().hides

    def apply(self, values: Sequence[object], context: MaskContext) -> list[str | None]:
        """The band of each; `***` for what is no date, number, region code or address."""
        band = self._band(context)
        return [band(value) or self.HIDDEN for value in values]

    def apply_array(self, array: pa.Array, context: MaskContext) -> pa.Array | None:
        """The same; None for numbers that aren't whole or decimal."""
        if self.to is not None:
            days = days_of(array)
            return None if days is None else bands_of(days, DATE_BANDS[self.to], context.today)
        if self.bucket is not None:
            return Buckets.read(self.bucket).names_of(array)
        if self.region_level is not None:
            columns = columns_of(region_form(self.region_level))
            return None if columns is None or not is_text(array) else columns(array)
        address = self._address().columns
        return None if address is None or not is_text(array) else address(array)

    def sql_form(self) -> SqlForm | None:
        """The form for region codes; the others aren't text, or aren't ASCII."""
        return None if self.region_level is None else region_form(self.region_level)

    def accepts(self, field_type: FieldType) -> bool:
        """Dates and timestamps, numbers, or text, as the parameter says."""
        if self.to is not None:
            return field_type in {FieldType.DATE, FieldType.TIMESTAMP}
        if self.bucket is not None:
            return field_type in {FieldType.INTEGER, FieldType.NUMERIC}
        return field_type is FieldType.TEXT

    def _band(self, context: MaskContext) -> Callable[[object], str | None]:
        if self.to is not None:
            band, today = DATE_BANDS[self.to], context.today

            def of_day(value: object) -> str | None:
                number = band.number(value, today) if isinstance(value, date) else None
                return None if number is None else band.name(number)

            return of_day
        if self.bucket is not None:
            return Buckets.read(self.bucket).name_of
        if self.region_level is not None:
            return _of_text(kernel_of(region_form(self.region_level)), _LONGEST_CODE)
        address = self._address()
        return _of_text(address.kernel, address.longest)

    def _address(self) -> PartialShape:
        return ADDRESS_TO_COMMUNITY if self.address_to == "community" else SHAPES["address"]


def _of_text(kernel: Callable[[str], str | None], longest: int) -> Callable[[object], str | None]:
    return lambda value: kernel(value) if isinstance(value, str) and len(value) <= longest else None
