"""A bundle's files <-> one canonical archive, so that a policy version can be kept and be taken out again.

The archive is each file's path and bytes in path order, each with its length (8 bytes, big-endian) before it: exactly
what a version is the SHA-256 of. So an archive tells its own version, and equal bundles have equal archives.
"""

import hashlib
from collections.abc import Mapping
from pathlib import Path

from gateway.catalog._faults import Faults
from gateway.catalog._files import parts_of, read_bundle
from gateway.errors import BundleInvalid
from gateway.model.ids import PolicyVersion

_LENGTH_BYTES = 8
_FOLDERS = frozenset({"rules", "catalog"})


class ArchiveMalformed(ValueError):
    """Bytes that are no archive of a bundle."""


def archive_bundle(bundle: Path) -> bytes:
    """The archive of a bundle as it is on disk now; raises BundleInvalid."""
    faults = Faults()
    contents = read_bundle(bundle, faults)
    if faults.found:
        raise BundleInvalid(problems=faults.sorted())
    return b"".join(parts_of(contents))


def version_of_archive(archive: bytes) -> PolicyVersion:
    """The version of the bundle that an archive holds."""
    return PolicyVersion(hashlib.sha256(archive).hexdigest())


def write_archive(archive: bytes, folder: Path) -> None:
    """Write the files into a folder that is new or empty; it then has the archive's version.

    Raises ArchiveMalformed, before anything is written, for bytes that are no archive or that name a file which no
    bundle has, and OSError where the folder isn't empty or can't be written.
    """
    contents = _read(archive)
    folder.mkdir(parents=True, exist_ok=True)
    if any(folder.iterdir()):
        raise FileExistsError(folder)
    for name, content in contents.items():
        path = folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content)


def _read(archive: bytes) -> Mapping[str, bytes]:
    parts: list[bytes] = []
    at = 0
    while at < len(archive):
        begin = at + _LENGTH_BYTES
        at = begin + int.from_bytes(archive[at:begin], "big")
        parts.append(archive[begin:at])
    if at != len(archive) or len(parts) % 2:
        raise ArchiveMalformed("the archive is cut short")
    contents: dict[str, bytes] = {}
    for name, content in zip(parts[::2], parts[1::2], strict=True):
        contents[_name(name)] = content
    return contents


def _name(raw: bytes) -> str:
    """A path that stays in the folder: a file of the bundle, or of one of its two rooms."""
    try:
        name = raw.decode()
    except UnicodeDecodeError:
        raise ArchiveMalformed("a path that is no text") from None
    folder, _, file = name.rpartition("/")
    if folder not in {"", *_FOLDERS} or not file or file.startswith(".") or "\\" in file or "\x00" in file:
        raise ArchiveMalformed("a path that no bundle has")
    return name
