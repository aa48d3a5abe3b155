"""The bundle's own masks.yaml against the kinds."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from gateway.masks import build_mask
from gateway.model.catalog import FieldType, MaskChoice

_FILE = Path(__file__).parents[3] / "policies" / "masks.yaml"
_MASKS: dict[str, Any] = yaml.safe_load(_FILE.read_text())
_TYPES = {"person.birth_date": FieldType.DATE, "aid.amount": FieldType.NUMERIC}


def _choice(declared: dict[str, Any]) -> MaskChoice:
    return MaskChoice(
        kind=declared["kind"], parameters={key: value for key, value in declared.items() if key != "kind"}
    )


@pytest.mark.parametrize("name", list(_MASKS))
def test_every_choice_can_be_built_and_fits_its_term(name: str) -> None:
    for term, declared in _MASKS[name]["terms"].items():
        assert build_mask(_choice(declared)).accepts(_TYPES.get(term, FieldType.TEXT)), term


@pytest.mark.parametrize("name", list(_MASKS))
def test_otherwise_hides_whole_whatever_the_type(name: str) -> None:
    mask = build_mask(_choice(_MASKS[name]["otherwise"]))
    assert all(mask.accepts(kind) for kind in FieldType)
    assert type(mask).reveals == frozenset()  # type: ignore[attr-defined]


def test_ranks_ascend_as_officers_expect() -> None:
    ranks = {name: declared["rank"] for name, declared in _MASKS.items()}
    assert ranks == {"generalise": 20, "partial": 40, "token": 50, "pseudonym": 60, "redact": 90, "null": 100}


def test_titles_are_in_both_languages() -> None:
    assert all(declared["title"]["zh"] and declared["title"]["en"] for declared in _MASKS.values())
