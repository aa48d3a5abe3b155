"""A connector that somebody else ships: a package of its own, found by its entry point, shown by the kit alone."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from connectors.testing import CHECKS

HERE = Path(__file__).parent / "third_party"
ROOT = Path(__file__).parents[2]


def installed(folder: Path, code: str) -> dict[str, str]:
    """The package as pip lays it down: the module, and the metadata that names its entry point."""
    (folder / "jsonlines_connector.py").write_text(code, encoding="utf-8")
    told = folder / "jsonlines_connector-1.0.dist-info"
    told.mkdir()
    (told / "METADATA").write_text("Metadata-Version: 2.1\nName: jsonlines-connector\nVersion: 1.0\n", encoding="utf-8")
    (told / "entry_points.txt").write_text(
        "[langqiao.connectors]\njsonlines = jsonlines_connector:JsonlinesConnector\n", encoding="utf-8"
    )
    shutil.copy(HERE / "shown.py", folder / "test_shown.py")
    return {**os.environ, "PYTHONPATH": f"{folder}{os.pathsep}{ROOT}"}


def run(folder: Path, environment: dict[str, str], *words: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, *words], cwd=folder, env=environment, check=False, capture_output=True, text=True
    )


def test_the_kit_alone_shows_a_third_party_connector(tmp_path: Path) -> None:
    environment = installed(tmp_path, (HERE / "jsonlines_connector.py").read_text("utf-8"))
    shown = run(
        tmp_path, environment, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:asyncio", "test_shown.py"
    )
    assert shown.returncode == 0, shown.stdout
    assert f"{len(CHECKS)} passed" in shown.stdout


def test_the_kit_refuses_one_that_strips_its_texts(tmp_path: Path) -> None:
    code = (HERE / "jsonlines_connector.py").read_text("utf-8")
    told = "FieldType.TEXT: read_text,"
    assert told in code
    stripped = "FieldType.TEXT: lambda cell: read_text(cell).strip(),"
    environment = installed(tmp_path, code.replace(told, stripped))
    shown = run(
        tmp_path,
        environment,
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        "-p",
        "no:asyncio",
        "test_shown.py",
        "-k",
        "key_batches",
    )
    assert shown.returncode == 1, shown.stdout
    assert "NotConformant" in shown.stdout


def test_the_gateway_finds_it_by_its_entry_point(tmp_path: Path) -> None:
    environment = installed(tmp_path, (HERE / "jsonlines_connector.py").read_text("utf-8"))
    code = (
        "from gateway.sources import open_source\n"
        f"print(type(open_source('theirs', 'jsonlines', {{'folder': {str(tmp_path)!r}}})).__module__)"
    )
    found = run(tmp_path, environment, "-c", code)
    assert found.stdout.strip() == "jsonlines_connector", found.stderr


@pytest.mark.parametrize("module", ["connectors.base", "connectors.testing"])
def test_the_authors_page_loads_no_room_of_the_gateway(module: str) -> None:
    code = f"import sys, {module}; print(*sorted(name for name in sys.modules if name.startswith('gateway')))"
    loaded = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True, cwd=ROOT)
    strange = {
        name
        for name in loaded.stdout.split()
        if name not in {"gateway", "gateway.errors", "gateway.spi", "gateway.model"}
        and not name.startswith("gateway.model.")
    }
    assert not strange
