"""Folder and pattern -> the files to read, with the columns each really has.

Nothing outside the folder is listed, however it is reached (absolute path, `..`, symbolic link), and nothing that is
still being written (`*.tmp`, `*.part`, lock and hidden files; a file that just changed is waited for, and one without
its end is refused). A file's columns come from its own header, never from a guess. A fault names the file.
"""

import stat
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

import pyarrow as pa

from connectors._cells import NotPromised
from connectors._files_dialect import Dialect
from connectors._files_held import header_of, read_gb18030, read_sheet
from connectors._told import named

CSV, PARQUET, EXCEL = ".csv", ".parquet", ".xlsx"
KINDS = (CSV, PARQUET, EXCEL)
HEADER_BYTES = 1_000_000
_UNFINISHED = (".tmp", ".part", ".partial", ".crdownload", ".filepart")
_WILD = set("*?[]{}")
_MARK = b"PAR1"


class NoFiles(Exception):
    """Nothing to read: the folder or the files are not there. The text holds no path."""


@dataclass(frozen=True, slots=True)
class Listed:
    """One file as it was when its columns were read."""

    path: Path
    name: str  # below the folder, as an operator may be told it
    signature: tuple[int, int, int, int]
    columns: Mapping[str, str]  # name -> the file's own type; every CSV and Excel column is VARCHAR
    held: pa.Table | None = field(default=None, repr=False)  # of files that are read here: texts under c0, c1, ...

    @property
    def kind(self) -> str:
        """Its suffix."""
        return self.path.suffix.lower()

    def is_unchanged(self) -> bool:
        """Whether it is still that file: columns that moved under our feet would be columns mixed up."""
        try:
            return signature(self.path) == self.signature
        except OSError:
            return False


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """How files are looked at: `parquet_columns` asks DuckDB, `wait` sleeps and tells whether it was interrupted."""

    dialect: Dialect
    most_bytes: int
    parquet_columns: Callable[[Path], Mapping[str, str]]
    wait: Callable[[float], bool]


def signature(path: Path) -> tuple[int, int, int, int]:
    """What changes when a file is replaced or written to."""
    found = path.stat()
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns


def list_files(folder: Path, pattern: str, reading: Reading) -> list[Listed]:
    """The files of a table, sorted by name. Raises NoFiles or NotPromised."""
    home = folder.resolve()
    return [look_at(home, path, reading) for path in paths(folder, pattern)]


def look_at(home: Path, path: Path, reading: Reading) -> Listed:
    """One file; raises NoFiles or NotPromised that names it."""
    name = path.relative_to(home).as_posix()
    with told_of(name):
        before = _settled(path, reading)
        columns, held = _columns(path, reading)
    return Listed(path, name, before, columns, held)


@contextmanager
def told_of(name: str) -> Iterator[None]:
    """A fault of the block names the file."""
    try:
        yield
    except NotPromised as fault:
        raise NotPromised(f"file {named(name)}: {fault}") from None
    except OSError as error:
        raise NoFiles(f"file {named(name)}: {type(error).__name__}") from None


def _columns(path: Path, reading: Reading) -> tuple[Mapping[str, str], pa.Table | None]:
    dialect, held = reading.dialect, None
    if path.suffix.lower() == PARQUET:
        with path.open("rb") as file:
            begins = file.read(4)
            file.seek(max(0, path.stat().st_size - 4))
            if begins != _MARK or file.read(4) != _MARK:
                raise NotPromised("it is cut short, or no Parquet file")
        return reading.parquet_columns(path), None
    if path.suffix.lower() == EXCEL:
        names, held = read_sheet(path, dialect, reading.most_bytes)
    elif dialect.encoding == "gb18030":
        names, held = read_gb18030(path, dialect, reading.most_bytes)
    else:
        names = csv_header(path, dialect)
    return dict.fromkeys(names, "VARCHAR"), held


def _settled(path: Path, reading: Reading) -> tuple[int, int, int, int]:
    """Its signature, once it has not changed for a while; raises NotPromised where it goes on changing."""
    found = signature(path)
    left = reading.dialect.settle_seconds - (time.time() - path.stat().st_mtime)
    # a clock that runs ahead of ours is no reason to wait longer
    left = min(left, reading.dialect.settle_seconds)
    if left > 0 and (reading.wait(left) or signature(path) != found):
        raise NotPromised("it is still being written")
    return found


def paths(folder: Path, pattern: str) -> list[Path]:
    """Real paths of the finished files that match; raises NoFiles or NotPromised where there is none."""
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
        if not home.is_dir():
            raise NoFiles("the folder is not there")
        raise NotPromised("no file matches the dataset's `table`")  # the folder is well: others may find theirs
    return found


def csv_header(path: Path, dialect: Dialect) -> list[str]:
    """The names of a CSV file's columns, in order; raises NotPromised, OSError."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            return header_of(iter(lambda: file.readline(HEADER_BYTES), ""), dialect)
    except UnicodeDecodeError:
        raise NotPromised("its header can't be read as UTF-8 (see the option `encoding`)") from None


def tables_in(
    home: Path, suffix: str, columns_of: Callable[[Path], Mapping[str, str]]
) -> Iterator[tuple[str, Mapping[str, str]]]:
    """(pattern, columns) of the files of one kind: one for a whole folder whose files are alike, else one a file."""
    for folder in sorted({path.parent for path in home.rglob(f"*{suffix}")}):
        pattern = f"{folder.relative_to(home).as_posix()}/*{suffix}".removeprefix("./")
        found = {path: columns_of(path) for path in paths(home, pattern)}
        alike = {tuple(columns.items()) for columns in found.values()}
        if len(alike) == 1:
            yield pattern, next(iter(found.values()))
        else:
            for path, columns in found.items():
                yield path.relative_to(home).as_posix(), columns
