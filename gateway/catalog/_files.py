"""A bundle's folder -> the bytes of the files that count, and the version that names exactly these bytes."""

import hashlib
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path

from gateway.catalog._faults import Faults
from gateway.errors import BundleInvalid
from gateway.model.ids import PolicyVersion

LARGEST_FILE = 1024 * 1024
LARGEST_BUNDLE = 64 * 1024 * 1024  # of all files together: every version that ever served is kept
_PATTERNS = ("model.conf", "*.yaml", "regions.csv", "rules/*.csv", "catalog/*.yaml")
_STRAYS = ("*.yml", "catalog/*.yml", "rules/*.yaml", "rules/*.yml", "catalog/*.csv", "rules/*.CSV", "rules/.*.csv")


def read_bundle(bundle: Path, faults: Faults) -> Mapping[str, bytes]:
    """Relative path -> bytes, sorted; what can't be read is a fault. `cases/` and README are no part of the policy."""
    if not bundle.is_dir():
        faults.add(".", 0, "the bundle is no folder", "name the folder that holds model.conf")
        return {}
    contents: dict[str, bytes] = {}
    size = 0
    for path in sorted({path for pattern in _PATTERNS for path in bundle.glob(pattern)}):
        name = path.relative_to(bundle).as_posix()
        try:
            status = path.stat()
            if not stat.S_ISREG(status.st_mode):  # reading a pipe would never end
                faults.add(name, 0, "the file can't be read: it is no ordinary file", "make it a readable file")
            elif status.st_size > LARGEST_FILE:
                faults.add(name, 0, "the file is larger than 1 MB", "split it")
            elif size <= LARGEST_BUNDLE:
                contents[name] = path.read_bytes()
                size += len(contents[name])
        except OSError as error:
            faults.add(name, 0, f"the file can't be read: {error.strerror}", "make it a readable file")
    if size > LARGEST_BUNDLE:
        faults.add(".", 0, "the bundle is larger than 64 MB", "take out rules that nobody needs")
    for path in sorted({path for pattern in _STRAYS for path in bundle.glob(pattern)}):
        # a file that looks like policy and isn't read is worse than a refused one
        fix = "catalog files end in .yaml, rules in .csv"
        faults.add(path.relative_to(bundle).as_posix(), 0, "the file would not be read", fix)
    return contents


def version_of(contents: Mapping[str, bytes]) -> PolicyVersion:
    """SHA-256 over the sorted paths and bytes, each with its length before it."""
    digest = hashlib.sha256()
    for part in parts_of(contents):
        digest.update(part)
    return PolicyVersion(digest.hexdigest())


def parts_of(contents: Mapping[str, bytes]) -> Iterator[bytes]:
    """What a version is made of, piece by piece (docs: `gateway.catalog.archive`)."""
    for name in sorted(contents):
        for part in (name.encode(), contents[name]):
            yield len(part).to_bytes(8, "big")
            yield part


def bundle_version(bundle: Path) -> PolicyVersion:
    """The version of the bundle as it is on disk now: equal bytes, equal version. Raises BundleInvalid."""
    faults = Faults()
    contents = read_bundle(bundle, faults)
    if faults.found:
        raise BundleInvalid(problems=faults.sorted())
    return version_of(contents)


def text_of(name: str, contents: Mapping[str, bytes], faults: Faults) -> str | None:
    """A file's text: UTF-8 without byte order mark; anything else is a fault."""
    raw = contents.get(name)
    if raw is None:
        if not faults.blames(name):
            faults.add(name, 0, "the file is missing", "add it; the bundle that ships in policies/ shows its shape")
        return None
    if raw.startswith((b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff")):
        faults.add(name, 1, "the file begins with a byte order mark", "save it as UTF-8 without BOM")
        return None
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        faults.add(name, line, "the file is not UTF-8", "save it as UTF-8 without BOM")
        return None
