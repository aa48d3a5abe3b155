"""Parameters of a mask are checked when the policy is checked, with a sentence for the officer."""

from typing import Any

import pytest

from gateway.masks import build_mask
from gateway.masks.partial import Partial
from gateway.model.catalog import MaskChoice


def test_a_declaration_becomes_the_mask_that_it_names() -> None:
    choice = MaskChoice(kind="partial", parameters={"shape": "address", "keeps": "community"})
    assert build_mask(choice) == Partial(shape="address", keeps="community")


@pytest.mark.parametrize(
    ("kind", "parameters", "sentence"),
    [
        ("clear", {}, "no mask kind `clear`; there are `date-shift`, `generalise`, `null`"),
        ("redact", {"with": "x"}, "`redact` has no parameter `with`; it takes none"),
        ("partial", {}, "`partial` needs the parameter `shape`"),
        ("partial", {"shap": "name"}, "no parameter `shap`; it takes `keeps`, `shape`"),
        ("partial", {"shape": 3}, "`shape` of the mask `partial` must be a text"),
        ("partial", {"shape": True}, "must be a text"),
        ("partial", {"shape": None}, "must be a text"),
        ("partial", {"shape": "visa"}, "no shape `visa`"),
        ("partial", {"shape": "name", "keeps": "street"}, "with the shape `address` only"),
        ("partial", {"shape": "address", "keeps": "house"}, "not to `house`"),
        ("generalise", {}, "exactly one of"),
        ("generalise", {"to": "year", "bucket": "0,1"}, "exactly one of"),
        ("generalise", {"to": "day"}, "`to` is one of"),
        ("generalise", {"region_level": "community"}, "`region_level` is one of"),
        ("generalise", {"address_to": "house"}, "`address_to` is one of"),
        ("generalise", {"bucket": ""}, "numbers with commas"),
        ("generalise", {"bucket": "0, ten"}, "numbers with commas"),
        ("generalise", {"bucket": "0, 10, 10"}, "must ascend"),
        ("generalise", {"bucket": "0, Infinity"}, "must ascend"),
        ("generalise", {"bucket": "NaN"}, "must ascend"),
        ("generalise", {"bucket": ",".join(map(str, range(101)))}, "100 at most"),
    ],
)
def test_a_wrong_declaration_is_refused_with_a_sentence(kind: str, parameters: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        build_mask(MaskChoice(kind=kind, parameters=parameters))
