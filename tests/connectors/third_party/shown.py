"""What the third party's own repository holds: its connector, found by its entry point, under the conformance kit."""

import asyncio
import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from decimal import Decimal
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import pytest

from connectors.base import SourceName
from connectors.testing import CHECKS, FIELDS, Check, Subject


def _json(cell: Any) -> Any:
    if isinstance(cell, Decimal):
        return format(cell, "f")
    return str(cell) if isinstance(cell, date) else cell


def _text(cell: Any) -> Any:
    return cell.replace(tzinfo=None).isoformat() if hasattr(cell, "tzinfo") else _json(cell)


@pytest.fixture(scope="module")
def subject(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Subject]:
    folder = tmp_path_factory.mktemp("lines")
    file: Path = folder / "people.jsonl"

    def lay(rows: Sequence[Mapping[str, Any]]) -> None:
        lines = [{column: _text(row[field]) for field, (column, _) in FIELDS.items()} for row in rows]
        file.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")

    (found,) = entry_points(group="langqiao.connectors", name="jsonlines")
    connector = found.load().open(SourceName("theirs"), {"folder": str(folder)})
    with asyncio.Runner() as runner:
        yield Subject(
            connector=connector, table="people", run=runner.run, lay=lay, stored=file.read_bytes,
            secrets=(str(folder),),
        )  # fmt: skip


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_conformance(check: Check, subject: Subject) -> None:
    check(subject)
