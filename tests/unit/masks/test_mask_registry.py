"""The folder is the registry: what is malformed fails at import."""

import re
import sys
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from gateway.masks import MASK_KINDS
from gateway.masks._names import COMPOUND_SURNAMES
from gateway.masks._registry import walk_masks
from gateway.masks._shapes import SHAPES

_GOOD = '''
"""A mask."""
from dataclasses import dataclass
from typing import ClassVar
from gateway.masks import Reveals
from gateway.spi import Mask

@dataclass(frozen=True, slots=True, kw_only=True)
class Stars(Mask):
    """Reveals nothing."""
    reveals: ClassVar[frozenset[Reveals]] = frozenset()
    hides = 95
    def apply(self, values, context): return ["*"] * len(values)
    def accepts(self, field_type): return True
'''


def _walk(folder: Path, monkeypatch: pytest.MonkeyPatch, third_party: tuple[EntryPoint, ...] = ()) -> list[str]:
    monkeypatch.syspath_prepend(str(folder.parent))
    for name in [name for name in sys.modules if name.split(".")[0] == folder.name]:
        monkeypatch.delitem(sys.modules, name)
    return list(walk_masks(folder.name, [str(folder)], third_party))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / f"masks_{re.sub(r'[^a-z0-9]', '_', tmp_path.name.lower())}"
    made.mkdir()
    (made / "__init__.py").write_text("")
    return made


def test_the_registry_is_the_listing_of_the_folder() -> None:
    room = Path(sys.modules["gateway.masks"].__file__ or "").parent
    modules = {path.stem.replace("_", "-") for path in room.glob("*.py") if not path.stem.startswith("_")}
    assert set(MASK_KINDS) == modules
    assert {"date-shift", "generalise", "null", "partial", "pseudonym", "redact", "seal", "token"} == modules


def test_the_registry_can_not_be_changed() -> None:
    with pytest.raises(TypeError):
        MASK_KINDS["clear"] = MASK_KINDS["redact"]  # type: ignore[index]


def test_a_module_s_name_is_its_mask_s_name_with_hyphens(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "all_stars.py").write_text(_GOOD)
    (folder / "_private.py").write_text("raise RuntimeError")
    assert _walk(folder, monkeypatch) == ["all-stars"]


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ('"""Nothing here."""', "exactly one Mask, it defines 0"),
        (_GOOD + _GOOD.replace("Stars", "Second"), "exactly one Mask, it defines 2"),
        (_GOOD.replace('    """Reveals nothing."""\n', ""), "has no docstring"),
        (_GOOD.replace("    def accepts(self, field_type): return True\n", ""), "no complete Mask"),
        (_GOOD.replace("    reveals: ClassVar[frozenset[Reveals]] = frozenset()\n", ""), "does not declare `reveals`"),
        (_GOOD.replace("= frozenset()", '= frozenset({"much"})'), "does not declare `reveals`"),
    ],
)
def test_a_malformed_module_fails_at_import(
    folder: Path, monkeypatch: pytest.MonkeyPatch, text: str, fault: str
) -> None:
    (folder / "stars.py").write_text(text)
    with pytest.raises(ImportError, match=fault):
        _walk(folder, monkeypatch)


def test_a_third_party_mask_can_be_added_but_replaces_none(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "stars.py").write_text(_GOOD)
    added = EntryPoint(name="theirs", value="gateway.masks.redact:Redact", group="langqiao.masks")
    assert _walk(folder, monkeypatch, (added,)) == ["stars", "theirs"]
    doubled = EntryPoint(name="stars", value="gateway.masks.redact:Redact", group="langqiao.masks")
    with pytest.raises(ImportError, match="two masks are named `stars`"):
        _walk(folder, monkeypatch, (doubled,))


def test_a_third_party_thing_that_is_no_mask_fails(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wrong = EntryPoint(name="theirs", value="pathlib:Path", group="langqiao.masks")
    with pytest.raises(ImportError, match="no complete Mask"):
        _walk(folder, monkeypatch, (wrong,))


def test_every_kind_and_shape_is_described_in_the_docs() -> None:
    page = (Path(__file__).parents[3] / "docs" / "masks.md").read_text()
    assert [name for name in (*MASK_KINDS, *SHAPES) if f"| `{name}` |" not in page] == []
    assert f"of {len(COMPOUND_SURNAMES)} compound ones" in page
