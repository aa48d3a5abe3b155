"""The high-water mark: a small local file with the size and root that the log had reached, so that an older log shows.

It stands on another disk than the database if it is to help against a restored one. It lags by up to a second.
"""

import fcntl
import json
import os
from dataclasses import dataclass
from pathlib import Path

from gateway.errors import SettingsInvalid


@dataclass(frozen=True, slots=True)
class Mark:
    """What the log must still hold."""

    origin: str
    size: int
    root: bytes


def read_mark(path: Path) -> Mark | None:
    """The mark; None where none was written yet. Raises SettingsInvalid for one that can't be read."""
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        mark = Mark(str(document["origin"]), int(document["size"]), bytes.fromhex(document["root"]))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError):
        raise SettingsInvalid(
            fault=f"`high_water`: {path} can't be read",
            fix="verify the log with `langqiao audit verify`; only where it is sound and whole, move the file away",
        ) from None
    return mark


def write_mark(path: Path, mark: Mark) -> None:
    """Replace the mark in one step, durably, never by a lower one; raises OSError, SettingsInvalid.

    Several processes of one machine share the file: who writes holds the lock beside it.
    """
    lock = os.open(path.with_name(f"{path.name}.lock"), os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        kept = read_mark(path)
        if kept is None or kept.origin != mark.origin or kept.size < mark.size:
            _replace(path, mark)
    finally:
        os.close(lock)


def _replace(path: Path, mark: Mark) -> None:
    document = {"origin": mark.origin, "size": mark.size, "root": mark.root.hex()}
    fresh = path.with_name(f"{path.name}.{os.getpid()}.new")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        json.dump(document, file)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
