"""The verifier printed in docs/audit-format.md, run as an outsider would: it needs none of our code."""

import asyncio
import re
import subprocess
import sys
from pathlib import Path

import pytest

from gateway.audit import export_log
from gateway.store import open_state
from tests.audit_logs import entry, house, open_log

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "audit-format.md"


def _program(folder: Path) -> Path:
    found = re.search(r"```python\n(.*?)```", DOCUMENT.read_text(encoding="utf-8"), re.DOTALL)
    assert found is not None
    path = folder / "verify.py"
    path.write_text(found[1], encoding="utf-8")
    return path


@pytest.mark.parametrize("size", [1, 300])
def test_the_documented_verifier_finds_a_sound_log_sound_and_a_changed_one_not(tmp_path: Path, size: int) -> None:
    home = house(tmp_path)

    async def fill() -> None:
        async with open_log(home) as log:
            await asyncio.gather(*(log.append(entry(number)) for number in range(size)))

    asyncio.run(fill())
    state = open_state(home.url)
    export_log(state, tmp_path / "export")
    state.close()
    # outside the checkout, so that nothing of ours can be imported
    command = [sys.executable, "-I", str(_program(tmp_path)), str(tmp_path / "export"), home.signer.vkey]
    sound = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (sound.returncode, sound.stdout) == (0, f"sound: {size} entries\n"), sound.stderr
    bundle = next((tmp_path / "export" / "tile" / "entries").rglob("*[0-9]"))
    bundle = bundle if bundle.is_file() else next(bundle.iterdir())
    changed = bytearray(bundle.read_bytes())
    changed[40] ^= 1
    bundle.write_bytes(changed)
    assert subprocess.run(command, cwd=tmp_path, capture_output=True, check=False).returncode != 0
