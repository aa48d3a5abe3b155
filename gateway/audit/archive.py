"""Entries -> a folder of Parquet files with the tree beside them, and back; it verifies on its own.

checkpoint, tile/<level>/…       as in an export: the hashes of the whole log at that moment
entries/<first>-<last>.parquet   index, leaf hash, bytes as hashed, and the search columns that tell of nobody
archive.json                     origin, range, size, and each file's SHA-256; written last
"""

import hashlib
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq

from gateway.audit.checkpoint import CheckpointInvalid, read_checkpoint
from gateway.audit.entry import PRIVATE_COLUMNS, BodyMalformed, project_public
from gateway.audit.export import export_hashes, put
from gateway.audit.merkle import HASH_BYTES, TILE_WIDTH, Frontier, leaf_hash
from gateway.audit.tiles import split_tile, tile_path
from gateway.errors import ArchiveRefused, Words
from gateway.keys import NoteVerifier
from gateway.store import COLUMNS, LogReader, State, StoreFailed, reading_log

_MANIFEST: Final = "archive.json"
_FILE_ENTRIES: Final = 256 * TILE_WIDTH
_GROUP_ENTRIES: Final = 16 * TILE_WIDTH
_SHOWN: Final = tuple(name for name in COLUMNS if name not in PRIVATE_COLUMNS)
_SCHEMA: Final = pa.schema(
    [
        pa.field("idx", pa.int64(), nullable=False),
        pa.field("leaf", pa.binary(HASH_BYTES), nullable=False),
        pa.field("body", pa.binary(), nullable=False),
        *(
            pa.field(
                name,
                pa.timestamp("us", tz="UTC") if name == "at" else pa.bool_() if name == "needs_review" else pa.string(),
                nullable=False,
            )
            for name in _SHOWN
        ),
    ]
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """What an archive says of itself."""

    name: str
    origin: str
    first: int
    end: int  # exclusive
    size: int  # of the log whose tree is beside it
    files: dict[str, str]  # name and SHA-256, in the entries' order
    sha256: str  # of archive.json


def write_archive(state: State, folder: Path, first: int, end: int, *, now: datetime) -> Manifest:
    """Archive the entries [first, end) into a new folder; raises ArchiveRefused."""
    try:
        folder.mkdir(parents=True)
    except OSError as error:
        raise _refused(f"{folder} can't be made anew ({type(error).__name__})", f"无法新建目录 {folder}") from None
    try:
        with reading_log(state) as reader:
            head = reader.head()
            if head is None or not 0 <= first < end <= head.size:
                raise _refused("there are no such entries", "没有这些条目")
            files = {}
            for begin in range(first, end, _FILE_ENTRIES):
                name = f"entries/{begin:012d}-{min(begin + _FILE_ENTRIES, end) - 1:012d}.parquet"
                _write_file(reader, folder / name, begin, min(begin + _FILE_ENTRIES, end))
                files[name] = _digest(folder / name)
            export_hashes(reader, head.size, folder)
            put(folder / "checkpoint", head.note)
        document = {
            "version": 1,
            "name": f"{first:012d}-{end - 1:012d}",
            "origin": head.origin,
            "first": first,
            "end": end,
            "size": head.size,
            "archived_at": now.astimezone(UTC).isoformat(),
            "files": files,
        }
        put(folder / _MANIFEST, json.dumps(document, indent=1).encode())
    except StoreFailed as error:
        raise _refused(f"the log can't be read ({error})", "无法读取日志") from None
    except (OSError, pa.ArrowException) as error:
        raise _refused(f"it can't be written ({type(error).__name__})", "无法写入") from None
    return read_manifest(folder)


def read_manifest(folder: Path) -> Manifest:
    """Raises ArchiveRefused."""
    try:
        content = (folder / _MANIFEST).read_bytes()
        told = json.loads(content)
        manifest = Manifest(
            name=str(told["name"]),
            origin=str(told["origin"]),
            first=int(told["first"]),
            end=int(told["end"]),
            size=int(told["size"]),
            files={str(name): str(digest) for name, digest in told["files"].items()},
            sha256=hashlib.sha256(content).hexdigest(),
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        raise _refused(f"{_MANIFEST} is missing or can't be read", f"{_MANIFEST} 缺失或无法读取") from None
    if told["version"] != 1 or not 0 <= manifest.first < manifest.end <= manifest.size:
        raise _refused(f"{_MANIFEST} is of another version, or of no entries", f"{_MANIFEST} 版本不符或范围无效")
    return manifest


def verify_archive(folder: Path, vkey: str) -> Manifest:
    """Every byte of every entry against its leaf, its columns, the tree and the signed checkpoint.

    Needs the folder and the log's public key alone; raises ArchiveRefused, which names the first entry that is not
    sound.
    """
    manifest = read_manifest(folder)
    try:
        verifier = NoteVerifier.from_vkey(vkey)
        signed = read_checkpoint((folder / "checkpoint").read_bytes(), verifier)
    except (OSError, CheckpointInvalid, ValueError):
        raise _refused("its checkpoint is not signed by the log's key", "其检查点不是日志密钥所签") from None
    if (signed.origin, signed.size) != (manifest.origin, manifest.size):
        raise _refused("its checkpoint is of another log or size", "其检查点属于其他日志或大小不符")
    bodies = entries_of(folder, manifest)
    frontier = Frontier()
    for begin in range(0, signed.size, TILE_WIDTH):
        width = min(TILE_WIDTH, signed.size - begin)
        row = split_tile(_tile(folder, 0, begin // TILE_WIDTH, width))
        for index in range(max(begin, manifest.first), min(begin + width, manifest.end)):
            at, body = next(bodies, (-1, b""))
            if at != index or leaf_hash(body) != row[index - begin]:
                raise _refused(f"entry {index} is not the one that the log has there", f"第 {index} 条与日志不符")
        frontier, filled = frontier.extended(row)
        for tile in filled:
            if _tile(folder, tile.level, tile.n, TILE_WIDTH) != tile.data:
                raise _refused(f"tile {tile.level}/{tile.n} is not of its entries", f"树片 {tile.level}/{tile.n} 不符")
    if next(bodies, None) is not None:
        raise _refused("it holds more entries than it says", "所含条目多于其声明")
    if frontier.root() != signed.root:
        raise _refused("its hashes do not have the root that was signed", "其哈希与所签的根不符")
    return manifest


def archived_bodies(folder: Path, vkey: str) -> Callable[[int], bytes | None]:
    """The bytes of an archived entry, asked for in the log's order; None where it isn't in this archive.

    The archive is verified first; raises ArchiveRefused.
    """
    manifest = verify_archive(folder, vkey)
    entries = entries_of(folder, manifest)
    current = [next(entries, None)]

    def body_of(index: int) -> bytes | None:
        while (one := current[0]) is not None and one[0] < index:
            current[0] = next(entries, None)
        return one[1] if one is not None and one[0] == index else None

    return body_of


def entries_of(folder: Path, manifest: Manifest) -> Iterator[tuple[int, bytes]]:
    """Index and bytes of each entry in order, each file and column checked on the way; raises ArchiveRefused."""
    for name, digest in manifest.files.items():
        path = folder / name
        if path.parent != folder / "entries":
            raise _refused("a file lies outside", "文件位置不符")
        try:
            if _digest(path) != digest:
                raise _refused(f"{name} was changed", f"{name} 已被改动")
            file = pq.ParquetFile(path)
            if file.schema_arrow.names != _SCHEMA.names:
                raise _refused(f"{name} has other columns", f"{name} 的列不符")
            for batch in file.iter_batches(batch_size=_GROUP_ENTRIES):
                for row in batch.to_pylist():
                    _check_columns(row)
                    yield row["idx"], row["body"]
        except (OSError, pa.ArrowException) as error:
            raise _refused(f"{name} can't be read ({type(error).__name__})", f"{name} 无法读取") from None


def _check_columns(row: dict[str, Any]) -> None:
    index, body = row["idx"], row["body"]
    try:
        wanted = project_public(body)
    except BodyMalformed:
        raise _refused(f"the bytes of entry {index} are no entry", f"第 {index} 条不是日志条目") from None
    if row["leaf"] != leaf_hash(body) or any(row[name] != getattr(wanted, name) for name in _SHOWN):
        raise _refused(f"a column of entry {index} is not what its bytes say", f"第 {index} 条的列与内容不符")


def _write_file(reader: LogReader, path: Path, begin: int, end: int) -> None:
    path.parent.mkdir(exist_ok=True)
    with pq.ParquetWriter(path, _SCHEMA, compression="zstd") as writer:
        for at in range(begin, end, _GROUP_ENTRIES):
            last = min(at + _GROUP_ENTRIES, end)
            rows = []
            for index, body in enumerate(reader.bodies(at, last), at):
                if not body:
                    raise _refused(f"entry {index} is in another archive", f"第 {index} 条已在其他归档中")
                columns = project_public(body)
                shown = {name: getattr(columns, name) for name in _SHOWN}
                rows.append({"idx": index, "leaf": leaf_hash(body), "body": body, **shown})
            writer.write_table(pa.Table.from_pylist(rows, schema=_SCHEMA))


def _tile(folder: Path, level: int, n: int, width: int) -> bytes:
    try:
        data = (folder / tile_path(level, n, width)).read_bytes()
    except OSError:
        data = b""
    if len(data) != width * HASH_BYTES:
        raise _refused(f"tile {level}/{n} is missing", f"缺少树片 {level}/{n}")
    return data


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _refused(en: str, zh: str) -> ArchiveRefused:
    why: Words = (en, zh)
    return ArchiveRefused(why=why)
