"""A witness's folder <-> what it knows: its key, the logs that it knows, and the newest checkpoint it signed of each.

The record is durable before a cosignature leaves. It is made by `create_home` only: a witness whose record is gone must
not begin anew by itself, for it would sign a fork.
"""

import fcntl
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from gateway.audit.checkpoint import Checkpoint, CheckpointInvalid, checkpoint_of
from gateway.errors import SettingsInvalid
from gateway.keys import Cosigner, NoteVerifier, split_note

_KEY, _ABOUT, _RECORD, _LOCK = "witness.key", "witness.json", "record.json", "lock"


@dataclass(frozen=True, slots=True)
class WitnessHome:
    """An open folder; no other process has it."""

    folder: Path
    cosigner: Cosigner
    logs: Mapping[str, tuple[NoteVerifier, ...]]  # by origin: the keys that it is known by
    signed: dict[str, str]  # by origin: the newest checkpoint that was signed
    _lock: int = field(repr=False)

    def newest(self, origin: str) -> Checkpoint | None:
        """The newest checkpoint that was signed of a log."""
        note = self.signed.get(origin)
        return None if note is None else checkpoint_of(split_note(note)[0])

    def keep(self, origin: str, note: str) -> None:
        """Durable when this returns; raises OSError, and then nothing may be signed."""
        _write(self.folder / _RECORD, {**self.signed, origin: note})
        self.signed[origin] = note

    def close(self) -> None:
        """Let another process have it."""
        os.close(self._lock)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def create_home(folder: Path, name: str, vkeys: Sequence[str]) -> str:
    """Make key, list of logs and an empty record; returns the witness's verifier key. Raises SettingsInvalid."""
    _verifiers(vkeys)
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if any(folder.iterdir()):
            raise SettingsInvalid(fault=f"{folder} is not empty", fix="give a new folder; a witness is made once")
        cosigner = Cosigner.open(name, folder / _KEY, create=True)
        _write(folder / _ABOUT, {"name": name, "logs": list(vkeys)})
        _write(folder / _RECORD, {})
    except ValueError:
        raise SettingsInvalid(
            fault="a witness's name has no space and no plus sign", fix="name it as witness.example/department"
        ) from None
    except OSError as error:
        raise SettingsInvalid(
            fault=f"{folder} can't be written ({type(error).__name__})", fix="give a folder that can be written"
        ) from None
    return cosigner.vkey


def trust_log(folder: Path, vkey: str) -> None:
    """Add a log, or another key of one; a witness that serves takes it at its next start. Raises SettingsInvalid."""
    _verifiers([vkey])
    name, vkeys = _about(folder)
    try:
        _write(folder / _ABOUT, {"name": name, "logs": list(dict.fromkeys([*vkeys, vkey]))})
    except OSError as error:
        raise SettingsInvalid(
            fault=f"{folder} can't be written ({type(error).__name__})", fix="give a folder that can be written"
        ) from None


def open_home(folder: Path) -> WitnessHome:
    """Read everything and keep others out; raises SettingsInvalid."""
    name, vkeys = _about(folder)
    logs: dict[str, tuple[NoteVerifier, ...]] = {}
    for verifier in _verifiers(vkeys):
        logs[verifier.name] = (*logs.get(verifier.name, ()), verifier)
    try:
        cosigner = Cosigner.open(name, folder / _KEY)
    except (OSError, ValueError):
        raise SettingsInvalid(fault=f"{folder / _KEY} can't be read", fix="restore the witness's key") from None
    lock = os.open(folder / _LOCK, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return WitnessHome(folder, cosigner, logs, _record(folder), lock)
    except OSError:
        os.close(lock)
        raise SettingsInvalid(fault=f"{folder} is in use", fix="end the witness that serves from it") from None
    except SettingsInvalid:
        os.close(lock)
        raise


def _about(folder: Path) -> tuple[str, list[str]]:
    """The witness's name, and the verifier keys of the logs that it knows."""
    try:
        about = json.loads((folder / _ABOUT).read_text(encoding="utf-8"))
        if isinstance(about["name"], str) and isinstance(about["logs"], list):
            return about["name"], [str(vkey) for vkey in about["logs"]]
    except (OSError, ValueError, KeyError, TypeError):
        pass
    raise SettingsInvalid(fault=f"{folder} is no witness's folder", fix="make one with `langqiao witness create`")


def _record(folder: Path) -> dict[str, str]:
    try:
        record = json.loads((folder / _RECORD).read_text(encoding="utf-8"))
        if all(checkpoint_of(split_note(note)[0]).origin == origin for origin, note in record.items()):
            return dict(record)
    except (OSError, ValueError, CheckpointInvalid, AttributeError, TypeError):
        pass
    raise SettingsInvalid(
        fault=f"{folder / _RECORD} can't be read: it says what was signed, and nothing may be signed without it",
        fix="restore it; if it is lost, make a new witness with a new key and name",
    )


def _verifiers(vkeys: Sequence[str]) -> list[NoteVerifier]:
    try:
        return [NoteVerifier.from_vkey(vkey) for vkey in vkeys]
    except ValueError:
        raise SettingsInvalid(
            fault="a log's public key can't be read", fix="give the vkey that `langqiao keys create` printed"
        ) from None


def _write(path: Path, document: Mapping[str, object]) -> None:
    """Whole or not at all, and durable."""
    fresh = path.with_name(path.name + ".new")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        json.dump(document, file, ensure_ascii=False, indent=1)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
