"""RESULTS.md: one section a benchmark, each written by its own run."""

import platform
import re
from importlib.metadata import version
from pathlib import Path

from gateway.app import utc_now

RESULTS = Path(__file__).parent / "RESULTS.md"


def write_section(title: str, command: str, text: str, *, libraries: tuple[str, ...] = ()) -> str:
    """Put a section in place of the one of the same title; the others stay."""
    made = ", ".join((f"Python {platform.python_version()}", *(f"{name} {version(name)}" for name in libraries)))
    section = (
        f"## {title}\n\n`{command}`, {utc_now():%Y-%m-%d}, {platform.machine()}, {cores()} cores, {made}.\n\n{text}\n"
    )
    kept = re.split(r"(?m)^(?=## )", RESULTS.read_text(encoding="utf-8")) if RESULTS.exists() else []
    sections = {part.partition("\n")[0]: part for part in kept if part.startswith("## ")}
    sections[f"## {title}"] = section
    body = "\n".join(part.rstrip() + "\n" for part in sections.values())
    RESULTS.write_text(f"# Results\n\n{body}", encoding="utf-8")
    return section


def cores() -> int:
    """Processors that this process may use."""
    import os

    return len(os.sched_getaffinity(0))
