"""Words for an administrator: findings in one line each, and names of the department's within them."""

from typing import Final

from gateway.spi import Finding, Outcome

SEE_CODE: Final = ("see docs/errors.md for the code", "请查阅 docs/errors.md")


def good(step: str, en: str, zh: str) -> Finding:
    """It works."""
    return Finding(step=step, outcome=Outcome.GOOD, told=(en, zh))


def doubtful(step: str, en: str, zh: str, fix_en: str, fix_zh: str) -> Finding:
    """It works, and should be mended."""
    return Finding(step=step, outcome=Outcome.DOUBTFUL, told=(en, zh), fix=(fix_en, fix_zh))


def bad(step: str, en: str, zh: str, fix_en: str, fix_zh: str) -> Finding:
    """It doesn't work."""
    return Finding(step=step, outcome=Outcome.BAD, told=(en, zh), fix=(fix_en, fix_zh))


def named(text: str) -> str:
    """A name of the department's in the operator's text: one line, not too long."""
    return "`" + "".join(sign if sign.isprintable() else "?" for sign in text[:60]) + "`"
