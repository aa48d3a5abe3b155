"""A mask with a higher rank is the stricter: it may hide no term less than the one below it does."""

from dataclasses import replace

import pytest

from gateway.decision.mask_fit import build_masks
from gateway.errors import BundleProblem
from gateway.model.catalog import MaskChoice, MaskDeclaration
from gateway.model.ids import MaskName, TermName
from tests.unit.decision.small_city import catalog, mask

REDACT = MaskChoice(kind="redact", parameters={})


def _choice(kind: str, **parameters: str | int | bool) -> MaskChoice:
    return MaskChoice(kind=kind, parameters=parameters)


def _declared(name: str, rank: int, otherwise: MaskChoice = REDACT, **by_term: MaskChoice) -> MaskDeclaration:
    terms = {TermName(term.replace("__", ".")): choice for term, choice in by_term.items()}
    return replace(mask(name, rank), by_term=terms, otherwise=otherwise)


def _problems(*declared: MaskDeclaration) -> tuple[BundleProblem, ...]:
    masks = {MaskName(one.name): one for one in declared}
    return build_masks(replace(catalog(), masks=masks))[1]


def test_a_ladder_that_hides_more_at_each_step_is_taken() -> None:
    assert not _problems(
        _declared("low", 10, person__birth_date=_choice("generalise", to="month")),
        _declared("middle", 20, person__birth_date=_choice("generalise", to="year")),
        _declared("high", 30, person__birth_date=_choice("generalise", to="decade")),
        _declared("highest", 40),
    )


def test_a_stricter_mask_that_hides_a_term_less_is_refused() -> None:
    (problem,) = _problems(
        _declared("high", 30, person__birth_date=_choice("generalise", to="month")),
        _declared("low", 10, person__birth_date=_choice("generalise", to="year")),
    )
    assert problem.file == "masks.yaml"
    assert "`high` (rank 30) hides `person.birth_date` less (30) than `low` (rank 10) does (40)" in problem.fault
    assert "ranks" in problem.fix


@pytest.mark.parametrize("kind", ["seal", "pseudonym"])
def test_what_falls_back_to_otherwise_counts_too(kind: str) -> None:
    # the laxer hides every other term whole, so the stricter may not show one
    (problem,) = _problems(_declared("low", 10), _declared("high", 30, person__name=_choice(kind)))
    assert "hides `person.name` less" in problem.fault
    found = _problems(_declared("low", 10, person__name=_choice("redact")), _declared("high", 30, _choice(kind)))
    assert ["other terms" in one.fault or "`person.name`" in one.fault for one in found] == [True, True]


def test_steps_that_hide_alike_are_taken() -> None:
    assert not _problems(
        _declared("low", 10, person__name=_choice("partial", shape="name")),
        _declared("high", 30, person__name=_choice("partial", shape="name")),
    )
