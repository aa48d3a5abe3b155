"""Findings in one line each."""

from gateway.spi import Finding, Outcome


def good(step: str, en: str, zh: str) -> Finding:
    """It works."""
    return Finding(step=step, outcome=Outcome.GOOD, told=(en, zh))


def doubtful(step: str, en: str, zh: str, fix_en: str, fix_zh: str) -> Finding:
    """It works, and should be mended."""
    return Finding(step=step, outcome=Outcome.DOUBTFUL, told=(en, zh), fix=(fix_en, fix_zh))


def bad(step: str, en: str, zh: str, fix_en: str, fix_zh: str) -> Finding:
    """It doesn't work."""
    return Finding(step=step, outcome=Outcome.BAD, told=(en, zh), fix=(fix_en, fix_zh))
