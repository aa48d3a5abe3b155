"""Policy versions, kept: each bundle that ever serves is in the gateway's database before it serves.

Content-addressed: a version is the SHA-256 of the archive that is kept under its name, and is held against it whenever
it is taken out. Nothing is ever deleted or written over.
"""

import tempfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from gateway.administration.policy import build_engine
from gateway.catalog import (
    LARGEST_BUNDLE,
    ArchiveMalformed,
    archive_bundle,
    load_catalog,
    version_of_archive,
    write_archive,
)
from gateway.decision import PolicyEngine
from gateway.errors import BundleInvalid, BundleProblem, PolicyNotKept, PolicyVersionUnknown, SettingsInvalid
from gateway.model.catalog import Catalog
from gateway.store import (
    PolicyVersionRow,
    State,
    StoreFailed,
    insert_policy_version,
    read_policy_version,
    read_policy_versions,
)

_LARGEST_ARCHIVE = 2 * LARGEST_BUNDLE  # names and lengths are small beside the files
_HARDEST = 9


class PolicyVersions:
    """The kept versions of one gateway. Blocking."""

    def __init__(self, state: State) -> None:
        self._state = state

    def keep(self, bundle: Path, engine: PolicyEngine, now: datetime) -> None:
        """Keep the bundle that the engine was loaded from; returns when it is durable and could be taken out again.

        Raises BundleInvalid where the files are no longer those that were loaded, PolicyNotKept where the database
        did not keep them.
        """
        archive = archive_bundle(bundle)
        if version_of_archive(archive) != engine.version:
            raise BundleInvalid(problems=(_CHANGED,))
        try:
            insert_policy_version(
                self._state,
                version=engine.version,
                stored_at=now,
                size=len(archive),
                content=zlib.compress(archive, _HARDEST),
            )
            self._archive(engine.version)
        except (StoreFailed, PolicyVersionUnknown) as error:
            raise PolicyNotKept(version=engine.version, operator=type(error).__name__) from None

    def listed(self) -> tuple[PolicyVersionRow, ...]:
        """Every kept version, newest first; raises SettingsInvalid where the database can't be read."""
        try:
            return read_policy_versions(self._state)
        except StoreFailed as error:
            raise _unreadable(error) from None

    def export(self, version: str, folder: Path) -> None:
        """Write a version's files into a new or empty folder; loaded from there it is the same version.

        Raises PolicyVersionUnknown, SettingsInvalid. `cases/` and README are no part of a policy and were not kept.
        """
        try:
            write_archive(self._archive(version), folder)
        except StoreFailed as error:
            raise _unreadable(error) from None
        except ArchiveMalformed:
            raise PolicyVersionUnknown(version=version[:100]) from None
        except OSError as error:
            raise SettingsInvalid(
                fault=f"the folder {folder} can't be used ({type(error).__name__})", fix="name a new or empty folder"
            ) from None

    def engine(self, version: str) -> PolicyEngine:
        """The engine of a kept version; raises as `export`, and BundleInvalid where this gateway can't load it."""
        with self._unpacked(version) as bundle:
            return build_engine(bundle)

    def catalog(self, version: str) -> Catalog:
        """The catalogue alone of a kept version: its rules are not looked at. Raises as `engine`."""
        with self._unpacked(version) as bundle:
            return load_catalog(bundle)

    @contextmanager
    def _unpacked(self, version: str) -> Iterator[Path]:
        with tempfile.TemporaryDirectory(prefix="langqiao-policy-") as folder:
            self.export(version, Path(folder))
            yield Path(folder)

    def _archive(self, version: str) -> bytes:
        content = read_policy_version(self._state, version)
        try:
            # bounded: what is kept may have been swapped for something that unpacks to any size
            archive = zlib.decompressobj().decompress(content or b"", _LARGEST_ARCHIVE)
        except zlib.error:
            archive = b""
        if content is None or version_of_archive(archive) != version:
            raise PolicyVersionUnknown(version=version[:100])
        return archive


def keeping(versions: PolicyVersions, clock: Callable[[], datetime]) -> Callable[[Path, PolicyEngine], None]:
    """`keep` at the time of the clock, for the holder of the policy that serves."""
    return lambda bundle, engine: versions.keep(bundle, engine, clock())


_CHANGED = BundleProblem(
    file=".", line=0, fault="the files changed while they were read", fix="take the bundle again when it is complete"
)


def _unreadable(error: StoreFailed) -> SettingsInvalid:
    return SettingsInvalid(
        fault=f"`state_url`: the kept policy versions can't be read ({error})",
        fix="start this gateway once on the database: that makes the table",
    )
