"""The shapes that `partial` knows: what each recognises, what it shows of it, and what that reveals.

A shape is a function of one text that gives None for what it doesn't recognise. Those that SQL can decide exactly are
written as a form, and the function is compiled from it. Recognising is by form alone: no shape asks whether an ID
number was ever issued, and a well-formed number in the wrong column is shown as far as this shape shows one.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

import pyarrow as pa

from gateway.masks._addresses import LONGEST as LONGEST_ADDRESS
from gateway.masks._addresses import addresses_masked, mask_address
from gateway.masks._columns import columns_of
from gateway.masks._emails import LONGEST as LONGEST_EMAIL
from gateway.masks._emails import emails_masked, mask_email
from gateway.masks._formula import DIGIT, Together, digits, kernel_of, together_of
from gateway.masks._name_columns import names_masked
from gateway.masks._names import mask_name, mask_names
from gateway.masks._organisations import LONGEST as LONGEST_ORGANISATION
from gateway.masks._organisations import mask_organisation, organisations_masked
from gateway.masks._plates import mask_plate, plates_masked
from gateway.masks._reveals import Reveals
from gateway.model.sqlform import Concat, Constant, IfShape, Left, Right, Shape, SqlForm
from gateway.spi import Mask


@dataclass(frozen=True, slots=True, kw_only=True)
class PartialShape:
    """One shape. `longest_run`: the most characters in a row that its output shares with the value."""

    kernel: Callable[[str], str | None]
    form: SqlForm | None
    columns: Callable[[pa.Array], pa.Array] | None  # the same of a whole column, where there is such a way
    together: Together | None  # the same of a list, where there is such a way and all are of one kind
    hides: int  # of 100; see Mask.hides
    longest: int  # characters; a longer text is hidden without being looked at
    longest_run: int
    reveals: frozenset[Reveals]


def _of_form(form: SqlForm, *, hides: int, longest: int, longest_run: int, reveals: frozenset[Reveals]) -> PartialShape:
    return PartialShape(
        kernel=kernel_of(form),
        form=form,
        columns=columns_of(form),
        together=together_of(form),
        hides=hides,
        longest=longest,
        longest_run=longest_run,
        reveals=reveals | {Reveals.SHAPE},
    )


def _of_kernel(
    kernel: Callable[[str], str | None],
    columns: Callable[[pa.Array], pa.Array] | None = None,
    together: Together | None = None,
    *,
    hides: int,
    longest: int,
    longest_run: int,
    reveals: frozenset[Reveals],
) -> PartialShape:
    return PartialShape(
        kernel=kernel,
        form=None,
        columns=columns,
        together=together,
        hides=hides,
        longest=longest,
        longest_run=longest_run,
        reveals=reveals | {Reveals.SHAPE},
    )


_HIDDEN: Final = Constant(Mask.HIDDEN)
_ONE_TO_NINE: Final = "123456789"

# ID numbers (GB 11643): the first four digits (prefecture of first registration) and the check character. Not the
# usual "first six, last four": beside a clear birth date those leave nothing to guess, and the last but one tells sex.
_MONTHS: Final = (("0", _ONE_TO_NINE), ("1", "012"))
_DAYS: Final = (("0", _ONE_TO_NINE), ("12", DIGIT), ("3", "01"))
_AREA: Final = (_ONE_TO_NINE, *digits(5))
_ID_18: Final = tuple(
    Shape((*_AREA, "12", "089", *digits(2), *month, *day, *digits(3), DIGIT + "Xx"))
    for month in _MONTHS
    for day in _DAYS
)
_ID_15: Final = tuple(Shape((*_AREA, *digits(2), *month, *day, *digits(3))) for month in _MONTHS for day in _DAYS)
_ID_FORM: Final = IfShape(
    _ID_18,
    Concat((Left(4), Constant("*" * 13), Right(1))),
    IfShape(_ID_15, Concat((Left(4), Constant("*" * 11))), _HIDDEN),
)

# Telephones: a mobile shows its first three and last four digits; a landline its area code and last two.
_TWO_TO_NINE: Final = "23456789"
_MOBILE: Final = Shape(("1", "3456789", *digits(9)))
_AREAS_OF_3: Final = (("0", "1", "0"), ("0", "2", DIGIT))
_AREAS_OF_4: Final = (("0", "3456789", *digits(2)),)
_LOCAL_OF_8: Final = (_TWO_TO_NINE, *digits(7))
_LOCAL_OF_7: Final = (_TWO_TO_NINE, *digits(6))


def _landlines(areas: tuple[tuple[str, ...], ...], locals_: tuple[tuple[str, ...], ...]) -> tuple[Shape, ...]:
    return tuple(Shape((*area, *dash, *local)) for area in areas for dash in ((), ("-",)) for local in locals_)


_PHONE_FORM: Final = IfShape(
    (_MOBILE,),
    Concat((Left(3), Constant("****"), Right(4))),
    IfShape(
        _landlines(_AREAS_OF_4, (_LOCAL_OF_7, _LOCAL_OF_8)),
        Concat((Left(4), Constant("-******"), Right(2))),
        IfShape(
            _landlines(_AREAS_OF_3, (_LOCAL_OF_8,)),
            Concat((Left(3), Constant("-******"), Right(2))),
            _HIDDEN,
        ),
    ),
)

_CARD_FORM: Final = IfShape(
    tuple(Shape(digits(length)) for length in range(15, 20)), Concat((Constant("*" * 12), Right(4))), _HIDDEN
)

# Passports of the People's Republic: a letter of the kind and eight digits, of late E, a letter and seven digits.
_PASSPORT_FORM: Final = IfShape(
    (Shape(("DEGHPS", *digits(8))), Shape(("E", "ABCDEFGHJKLMNPQRSTUVWXYZ", *digits(7)))),
    Concat((Left(1), Constant("*" * 6), Right(2))),
    _HIDDEN,
)

# USCC (GB 32100): authority, category and region are shown; the organisation's own code and the check are not.
_USCC_ALPHABET: Final = "0123456789ABCDEFGHJKLMNPQRTUWXY"
_USCC_FORM: Final = IfShape(
    (Shape((*(_USCC_ALPHABET,) * 2, *digits(6), *(_USCC_ALPHABET,) * 10)),),
    Concat((Left(8), Constant("*" * 10))),
    _HIDDEN,
)


def _address_keeping(level: str, hides: int) -> PartialShape:
    return _of_kernel(
        lambda text: mask_address(text, level),
        lambda array: addresses_masked(array, level),
        hides=hides,
        longest=LONGEST_ADDRESS,
        longest_run=64,
        reveals=frozenset({Reveals.PREFIX, Reveals.BAND}),
    )


_ENDS: Final = frozenset({Reveals.PREFIX, Reveals.SUFFIX})
_START: Final = frozenset({Reveals.PREFIX})

SHAPES: Final[Mapping[str, PartialShape]] = MappingProxyType(
    {
        "address": _address_keeping("street", 40),
        "bank_card": _of_form(_CARD_FORM, hides=40, longest=19, longest_run=4, reveals=frozenset({Reveals.SUFFIX})),
        "email": _of_kernel(mask_email, emails_masked, hides=25, longest=LONGEST_EMAIL, longest_run=190, reveals=_ENDS),
        "id_number": _of_form(_ID_FORM, hides=45, longest=18, longest_run=4, reveals=_ENDS),
        "mobile": _of_form(_PHONE_FORM, hides=30, longest=13, longest_run=5, reveals=_ENDS),
        "name": _of_kernel(mask_name, names_masked, mask_names, hides=40, longest=80, longest_run=2, reveals=_START),
        "organisation": _of_kernel(
            mask_organisation,
            organisations_masked,
            hides=35,
            longest=LONGEST_ORGANISATION,
            longest_run=6,
            reveals=_ENDS,
        ),
        "passport": _of_form(_PASSPORT_FORM, hides=40, longest=9, longest_run=2, reveals=_ENDS),
        "plate": _of_kernel(mask_plate, plates_masked, hides=35, longest=9, longest_run=2, reveals=_ENDS),
        "uscc": _of_form(_USCC_FORM, hides=25, longest=18, longest_run=8, reveals=_START),
    }
)
"""Every shape by the name that masks.yaml uses; `address` keeps to the street."""

ADDRESS_TO_COMMUNITY: Final = _address_keeping("community", 30)
