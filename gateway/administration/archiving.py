"""Moving old entries' bytes out of the database into an archive, and back. For the operator, with settings and root.

Written and verified first; then an entry of the log names the archive; only then bytes go, step by step. Whatever a
crash left undone is done by the same command again.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Final

from gateway.audit import AuditLog
from gateway.audit.archive import Manifest, entries_of, read_manifest, verify_archive, write_archive
from gateway.audit.erasure import archive_text
from gateway.audit.merkle import leaf_hash
from gateway.audit.opening import open_ring, open_seals
from gateway.audit.probe import probe_entry
from gateway.errors import ArchiveRefused, AuditUnavailable
from gateway.model.audit import EntryKind
from gateway.settings import Settings
from gateway.store import (
    STEP,
    ArchiveRecord,
    State,
    StoreFailed,
    bring_bodies_back,
    first_index_at,
    forget_journal,
    mark_archived,
    open_state,
    read_archives,
    read_positions,
    settle_archive,
    take_bodies_out,
)

_ROWS: Final = 512


@dataclass(frozen=True, slots=True, kw_only=True)
class Moved:
    """What was done, for people."""

    manifest: Manifest
    receipt: str  # of the entry that says so; empty where nothing left the database


def archive(
    settings: Settings, folder: Path, before: int | datetime, clock: Callable[[], datetime], *, removes: bool
) -> Moved:
    """Archive what no archive has yet, up to `before`; with `removes` take its bytes out of the database.

    A folder that holds an archive already is verified and taken up where it was left. Raises ArchiveRefused,
    AuditUnavailable, SettingsInvalid, KeysUnreadable.
    """
    state = open_state(settings.state_url)
    try:
        vkey = open_ring(settings.keys, state, clock).log_signer(settings.audit.origin).vkey
        _refuse_unforwarded(settings, state, before)
        if not (folder / "archive.json").exists():
            first, end = _range(state, before)
            write_archive(state, folder, first, end, now=clock())
        manifest = verify_archive(folder, vkey)
        if not removes:
            return Moved(manifest=manifest, receipt="")
        receipt = _say(settings, state, clock, archive_text_of(manifest))
        mark_archived(
            state,
            ArchiveRecord(
                name=manifest.name,
                first=manifest.first,
                end=manifest.end,
                folder=str(folder.resolve()),
                archived_at=clock(),
            ),
        )
        for begin in range(manifest.first, manifest.end, STEP):
            take_bodies_out(state, begin, min(begin + STEP, manifest.end))
        settle_archive(state, manifest.name, removed_at=clock())
        forget_journal(state)
        return Moved(manifest=manifest, receipt=receipt)
    except StoreFailed as error:
        raise AuditUnavailable(operator=str(error)) from None
    finally:
        state.close()


def restore(settings: Settings, folder: Path, clock: Callable[[], datetime]) -> Moved:
    """Bring an archive's bytes back into the database; raises as `archive`."""
    state = open_state(settings.state_url)
    try:
        vkey = open_ring(settings.keys, state, clock).log_signer(settings.audit.origin).vkey
        manifest = verify_archive(folder, vkey)
        rows: list[tuple[int, bytes, bytes]] = []
        for index, body in entries_of(folder, manifest):
            rows.append((index, leaf_hash(body), body))
            if len(rows) == _ROWS:
                bring_bodies_back(state, rows)
                rows = []
        bring_bodies_back(state, rows)
        settle_archive(state, manifest.name, restored_at=clock())
        text = f"restored entries {manifest.first}-{manifest.end - 1} from {manifest.name}"
        return Moved(manifest=manifest, receipt=_say(settings, state, clock, text))
    except StoreFailed as error:
        raise AuditUnavailable(operator=str(error)) from None
    finally:
        state.close()


def archive_text_of(manifest: Manifest) -> str:
    """The detail of the entry that names the archive."""
    return archive_text(manifest.first, manifest.end, manifest.name, manifest.sha256)


def _refuse_unforwarded(settings: Settings, state: State, before: int | datetime) -> None:
    """What a SIEM hasn't got stays where it is forwarded from."""
    positions = read_positions(state)
    end = before if isinstance(before, int) else first_index_at(state, before)
    late = next((name for name in settings.forwarding if positions.get(name, 0) < (end or 0)), None)
    if late is not None:
        raise ArchiveRefused(why=(f"{late} has not got all of it yet", f"尚未全部转发至 {late}"))


def _range(state: State, before: int | datetime) -> tuple[int, int]:
    first = max((one.end for one in read_archives(state) if one.restored_at is None), default=0)
    end = before if isinstance(before, int) else first_index_at(state, before)
    if end is None or end <= first:
        raise ArchiveRefused(why=("nothing before that is left to archive", "此前已无可归档的条目"))
    return first, end


def _say(settings: Settings, state: State, clock: Callable[[], datetime], detail: str) -> str:
    """An entry of the operator's, as another replica of the log; its receipt."""
    return asyncio.run(_append(settings, state, clock, detail))


async def _append(settings: Settings, state: State, clock: Callable[[], datetime], detail: str) -> str:
    log = AuditLog.open(
        state,
        open_ring(settings.keys, state, clock).log_signer(settings.audit.origin),
        settings.audit,
        seals=open_seals(settings.keys, state, clock),
        deadline_seconds=settings.timeouts.audit,
        high_water=settings.high_water,
        clock=clock,
    )
    try:
        await log.start()
        return str(await log.append(replace(probe_entry(clock()), kind=EntryKind.ARCHIVE, detail=detail)))
    finally:
        await log.close()


__all__ = ["Moved", "archive", "read_manifest", "restore"]
