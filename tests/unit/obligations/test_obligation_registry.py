"""The folder is the registry; what can't be understood means deny."""

import sys
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from gateway.errors import ObligationNotUnderstood
from gateway.model.catalog import ObligationSpec
from gateway.model.decision import BoundObligation
from gateway.obligations import OBLIGATIONS, join_obligations, parse_obligation
from gateway.obligations._registry import walk_obligations
from gateway.obligations.k import SmallestGroup
from gateway.obligations.max_rows import MostRows

_GOOD = '''
"""An obligation."""
from dataclasses import dataclass
from gateway.spi import Obligation

@dataclass(frozen=True, slots=True, kw_only=True)
class Late(Obligation):
    """Says something."""
    @classmethod
    def parse(cls, value): return cls()
    def strictest(self, other): return self
    def notices(self, plan): return ("late",)
'''


def _bound(name: str, value: str, origin: str = "R1") -> BoundObligation:
    return BoundObligation(spec=ObligationSpec(name=name, value=value), origin=origin)


def test_the_registry_is_the_listing_of_the_folder() -> None:
    room = Path(sys.modules["gateway.obligations"].__file__ or "").parent
    assert set(OBLIGATIONS) == {path.stem for path in room.glob("*.py") if not path.stem.startswith("_")}
    assert {"k", "max_rows", "no_export", "notify", "review", "watermark"} <= set(OBLIGATIONS)


def test_an_obligation_is_read_as_policy_writes_it() -> None:
    assert parse_obligation(ObligationSpec(name="k", value="10")) == SmallestGroup(least=10)


def test_an_unknown_obligation_is_refused_with_a_sentence() -> None:
    with pytest.raises(ValueError, match="no obligation `kk`; there are `k`, `max_rows`"):
        parse_obligation(ObligationSpec(name="kk", value="10"))


def test_of_several_the_strictest_of_each_name_binds() -> None:
    bound = (_bound("max_rows", "50"), _bound("k", "5"), _bound("max_rows", "20"), _bound("k", "10", "purpose:x"))
    assert join_obligations(bound) == (SmallestGroup(least=10), MostRows(most=20))


@pytest.mark.parametrize(("name", "value"), [("kk", "10"), ("k", "ten"), ("", "")])
def test_at_run_time_what_is_not_understood_means_deny(name: str, value: str) -> None:
    with pytest.raises(ObligationNotUnderstood) as refused:
        join_obligations((_bound("max_rows", "5"), _bound(name, value, "R7")))
    assert refused.value.operator.startswith("R7: ")
    assert "R7" not in str(refused.value)


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        (_GOOD.replace('    """Says something."""\n', ""), "has no docstring"),
        (_GOOD.replace('    def notices(self, plan): return ("late",)\n', ""), "none of the three moments"),
        (_GOOD.replace("    def strictest(self, other): return self\n", ""), "no complete Obligation"),
        (_GOOD + _GOOD.replace("Late", "Later"), "exactly one Obligation, it defines 2"),
        ('"""Nothing."""', "exactly one Obligation, it defines 0"),
    ],
)
def test_a_malformed_module_fails_at_import(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, fault: str
) -> None:
    package = tmp_path / "malformed_obligations"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "late.py").write_text(text)
    monkeypatch.syspath_prepend(str(tmp_path))
    for name in [name for name in sys.modules if name.split(".")[0] == package.name]:
        monkeypatch.delitem(sys.modules, name)
    with pytest.raises(ImportError, match=fault):
        walk_obligations(package.name, [str(package)], ())


def test_a_third_party_obligation_replaces_none() -> None:
    room = sys.modules["gateway.obligations"]
    doubled = EntryPoint(name="k", value="gateway.obligations.review:Review", group="langqiao.obligations")
    with pytest.raises(ImportError, match="two obligations are named `k`"):
        walk_obligations("gateway.obligations", room.__path__, (doubled,))


def test_every_obligation_is_described_in_the_docs() -> None:
    page = (Path(__file__).parents[3] / "docs" / "obligations.md").read_text()
    assert [name for name in OBLIGATIONS if f"| `{name}` |" not in page] == []
