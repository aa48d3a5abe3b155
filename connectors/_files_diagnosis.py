"""What an administrator is told of a folder: whether it can be listed, and each table's files against the catalogue."""

import contextlib
import os
import threading
import time
from collections.abc import Iterator, Sequence

from connectors._cells import NotPromised
from connectors._files_drift import drifts
from connectors._files_engine import Engine
from connectors._files_listing import NoFiles, list_files
from connectors._told import bad, doubtful, good
from gateway.spi import Finding, PromisedTable

_MEND = (
    "have the file corrected, or `table` and `column` in the catalogue",
    "请更正文件，或目录中的 `table`、`column`",
)


def diagnose_files(engine: Engine, promised: Sequence[PromisedTable]) -> list[Finding]:
    """All findings. Blocks: every file of the tables is read once."""
    began = time.monotonic()
    try:
        next(engine.folder.iterdir(), None)
    except OSError as error:
        told = type(error).__name__
        return [
            bad(
                "folder",
                f"the folder can't be listed ({told})",
                f"无法列出目录（{told}）",
                "check the path, the mount and its rights",
                "请检查路径、挂载与权限",
            )
        ]
    took = (time.monotonic() - began) * 1000
    found = [good("folder", f"the folder can be listed ({took:.0f} ms)", f"目录可读取（{took:.0f} ms）")]
    if os.access(engine.folder, os.W_OK):
        found.append(
            doubtful(
                "read-only",
                "the gateway's account could write in the folder",
                "网关账号对该目录有写权限",
                "mount it read-only, or take the right to write away",
                "请只读挂载，或收回写权限",
            )
        )
    else:
        found.append(good("read-only", "the gateway's account can only read", "网关账号仅可读取"))
    for table in promised:
        found += _table(engine, table)
    return found


def _table(engine: Engine, promised: PromisedTable) -> Iterator[Finding]:
    known = {source.field: source for source in promised.columns}
    with contextlib.closing(engine.cursor()) as cursor:
        try:
            files = list_files(engine.folder, promised.table, engine.reading(cursor, threading.Event()))
        except NotPromised as fault:
            yield bad("files", f"{promised.dataset}: {fault}", f"{promised.dataset}：{fault}", *_MEND)
            return
        except NoFiles as fault:
            told = (f"{promised.dataset}: {fault}", f"{promised.dataset}：无法读取（{fault}）")
            yield bad("files", *told, "check the files and their rights", "请检查文件及其权限")
            return
        differences = list(drifts(files, known, engine.dialect, lambda one: engine.runs(cursor, one)))
    for one in differences:
        told = (f"{promised.dataset}: {one.en}", f"{promised.dataset}：{one.zh}")
        yield doubtful("files", *told, *_MEND) if one.is_harmless else bad("files", *told, *_MEND)
    if not any(not one.is_harmless for one in differences):
        yield good(
            "files",
            f"{promised.dataset}: {len(files)} files are as the catalogue says",
            f"{promised.dataset}：{len(files)} 个文件与目录一致",
        )
