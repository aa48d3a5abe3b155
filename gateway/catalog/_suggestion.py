"""An unknown name -> the fix that a person reads: what was probably meant. For officers, never for askers."""

import difflib
from collections.abc import Iterable


def meant(name: str, known: Iterable[str]) -> str:
    """`probably meant: x, y`, or some of what is known."""
    names = sorted(set(known))
    # names of officers' files are short; comparing a huge text with thousands of names would be slow
    cutoff = 0.5 if len(name) <= 3 else 0.6
    close = difflib.get_close_matches(name, names, n=3, cutoff=cutoff) if len(name) <= 80 else []
    if close:
        return "probably meant: " + ", ".join(close)
    if not names:
        return "none is declared"
    return "known: " + ", ".join(names[:12]) + (", …" if len(names) > 12 else "")
