"""Text -> whether it is a Chinese national identifier, by its published check characters.

Standards: GB 11643-1999 (citizen identity number), GB 32100-2015 (unified social credit code), GB 11714-1997
(organisation code). ASCII only: full-width digits, a lower-case x and look-alike letters are refused, not folded.
Nothing here says that a number was ever issued, or that its area code exists (abolished areas stay valid for life).
"""

import re
from datetime import date

_ID_SHAPE = re.compile(r"[1-9][0-9]{16}[0-9X]")
_ID_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_ID_CHECKS = "10X98765432"

_USCC_ALPHABET = "0123456789ABCDEFGHJKLMNPQRTUWXY"  # without I, O, S, V, Z
_USCC_SHAPE = re.compile(f"[{_USCC_ALPHABET}]{{2}}[0-9]{{6}}[{_USCC_ALPHABET}]{{10}}")
_USCC_VALUES = {character: value for value, character in enumerate(_USCC_ALPHABET)}
_USCC_WEIGHTS = (1, 3, 9, 27, 19, 26, 16, 17, 20, 29, 25, 13, 8, 24, 10, 30, 28)

_ORGANISATION_ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_ORGANISATION_VALUES = {character: value for value, character in enumerate(_ORGANISATION_ALPHABET)}
_ORGANISATION_WEIGHTS = (3, 7, 9, 10, 5, 8, 4, 2)


def gb11643_check(body17: str) -> str:
    """Check character of an identity number's first 17 digits (ISO 7064 MOD 11-2); raises ValueError for other text."""
    if len(body17) != 17 or not (body17.isascii() and body17.isdigit()):
        raise ValueError("an identity number's body is 17 ASCII digits")
    return _ID_CHECKS[sum(map(int.__mul__, map(int, body17), _ID_WEIGHTS)) % 11]


def is_gb11643(text: str) -> bool:
    """Whether text is an 18-character identity number: digits, a day that exists, the right check character."""
    if _ID_SHAPE.fullmatch(text) is None:
        return False
    try:
        date(int(text[6:10]), int(text[10:12]), int(text[12:14]))
    except ValueError:
        return False
    return gb11643_check(text[:17]) == text[17]


def gb11714_check(body8: str) -> str:
    """Check character of an organisation code's first 8 characters (0-9, A-Z); raises ValueError for other text."""
    try:
        values = [_ORGANISATION_VALUES[character] for character in body8]
    except KeyError:
        values = []
    if len(values) != 8:
        raise ValueError("an organisation code's body is 8 of 0-9 and A-Z")
    rest = 11 - sum(map(int.__mul__, values, _ORGANISATION_WEIGHTS)) % 11
    return {10: "X", 11: "0"}.get(rest, str(rest))


def gb32100_check(body17: str) -> str:
    """Check character of a credit code's first 17 characters; raises ValueError for text outside its alphabet."""
    try:
        values = [_USCC_VALUES[character] for character in body17]
    except KeyError:
        values = []
    if len(values) != 17:
        raise ValueError("a credit code's body is 17 of 0-9 and A-Z without I, O, S, V, Z")
    return _USCC_ALPHABET[-sum(map(int.__mul__, values, _USCC_WEIGHTS)) % 31]


def is_gb32100(text: str) -> bool:
    """Whether text is an 18-character credit code by shape and check character.

    The organisation code inside (characters 9 to 17) is not checked: older registers hold codes whose GB 11714 check
    is wrong while the whole is right.
    """
    return _USCC_SHAPE.fullmatch(text) is not None and gb32100_check(text[:17]) == text[17]
