"""Folder and pattern -> the files to read, with the columns each really has.

Nothing outside the folder is listed, however it is reached (absolute path, `..`, symbolic link), and nothing that is
still being written (`*.tmp`, `*.part`, hidden files). A file's columns come from its own header, never from a guess.
"""

import csv
import stat
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from connectors._cells import NotPromised

KINDS = (".csv", ".parquet")
HEADER_BYTES = 1_000_000
_UNFINISHED = (".tmp", ".part", ".partial", ".crdownload", ".filepart")
_WILD = set("*?[]{}")


class NoFiles(Exception):
    """Nothing to read: the folder or the files are not there. The text holds no path."""


@dataclass(frozen=True, slots=True)
class Dialect:
    """How the CSV files of a source are written. An unquoted `null` is NULL; a quoted one is a text."""

    delimiter: str
    quote: str
    null: str


@dataclass(frozen=True, slots=True)
class Listed:
    """One file as it was when its columns were read."""

    path: Path
    signature: tuple[int, int, int, int]
    columns: Mapping[str, str]  # name -> the file's own type; every CSV column is VARCHAR

    def is_unchanged(self) -> bool:
        """Whether it is still that file: columns that moved under our feet would be columns mixed up."""
        try:
            return signature(self.path) == self.signature
        except OSError:
            return False


def signature(path: Path) -> tuple[int, int, int, int]:
    """What changes when a file is replaced or written to."""
    found = path.stat()
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns


def list_files(
    folder: Path, pattern: str, dialect: Dialect, parquet_columns: Callable[[Path], Mapping[str, str]]
) -> list[Listed]:
    """The files of a table, sorted by name. Raises NoFiles or NotPromised."""
    listed = []
    for path in paths(folder, pattern):
        before = signature(path)
        columns = csv_header(path, dialect) if path.suffix.lower() == ".csv" else parquet_columns(path)
        listed.append(Listed(path, before, columns))
    return listed


def paths(folder: Path, pattern: str) -> list[Path]:
    """Real paths of the finished files that match; raises NoFiles where there is none."""
    relative = PurePosixPath(pattern)
    if not pattern or relative.is_absolute() or ".." in relative.parts or "\\" in pattern or "\x00" in pattern:
        raise NotPromised("a table's pattern leads out of the folder")
    home = folder.resolve()
    found: list[Path] = []
    try:
        for path in sorted(home.glob(pattern)):
            if path.name.startswith((".", "~$")) or path.name.lower().endswith(_UNFINISHED):
                continue
            if path.suffix.lower() not in KINDS:
                continue
            real = path.resolve()
            if not real.is_relative_to(home):
                raise NotPromised("a file leads out of the folder")
            if not stat.S_ISREG(real.stat().st_mode):
                raise NotPromised("a file is no regular file")
            if real.suffix.lower() != path.suffix.lower() or _WILD & set(str(real)):
                raise NotPromised("a file's name can't be used")
            found.append(real)
    except (OSError, ValueError, RuntimeError) as error:
        raise NoFiles(type(error).__name__) from None
    if not found:
        raise NoFiles("no file matches")
    return found


def csv_header(path: Path, dialect: Dialect) -> dict[str, str]:
    """The names of a CSV file's columns, in order; raises NotPromised."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            lines = iter(lambda: file.readline(HEADER_BYTES), "")
            names = next(csv.reader(lines, delimiter=dialect.delimiter, quotechar=dialect.quote, strict=True), None)
    except (UnicodeDecodeError, csv.Error):
        raise NotPromised("a file's header can't be read as UTF-8 CSV") from None
    except OSError as error:
        raise NoFiles(type(error).__name__) from None
    if not names or len(set(names)) != len(names):
        raise NotPromised("a file has no header, or one with a name twice")
    return dict.fromkeys(names, "VARCHAR")


def tables_in(
    home: Path, suffix: str, columns_of: Callable[[Path], Mapping[str, str]]
) -> Iterator[tuple[str, Mapping[str, str]]]:
    """(pattern, columns) of the files of one kind: one for a whole folder whose files are alike, else one a file."""
    for folder in sorted({path.parent for path in home.rglob(f"*.{suffix}")}):
        pattern = f"{folder.relative_to(home).as_posix()}/*.{suffix}".removeprefix("./")
        found = {path: columns_of(path) for path in paths(home, pattern)}
        alike = {tuple(columns.items()) for columns in found.values()}
        if len(alike) == 1:
            yield pattern, next(iter(found.values()))
        else:
            for path, columns in found.items():
                yield path.relative_to(home).as_posix(), columns
