"""The bundle that ships: it loads, and says what the contract of the demo city says."""

from pathlib import Path

import pytest

from gateway.catalog import load_catalog
from gateway.model.catalog import Catalog, Purpose
from gateway.model.ids import PurposeId

POLICIES = Path(__file__).parents[3] / "policies"


@pytest.fixture(scope="module")
def city() -> Catalog:
    return load_catalog(POLICIES)


def concrete(city: Catalog) -> list[Purpose]:
    return [purpose for purpose in city.purposes.values() if not purpose.is_abstract]


def test_the_bundle_that_ships_loads(city: Catalog) -> None:
    assert {"public-security.resident", "langqiao.access", "langqiao.case"} <= set(city.datasets)
    assert len(city.regions) > 3_000


def test_every_purpose_names_a_law_and_an_article_in_both_languages(city: Catalog) -> None:
    for purpose in concrete(city):
        assert purpose.legal_basis
        for basis in purpose.legal_basis:
            assert basis.article.zh.startswith("第")
            assert basis.article.en.startswith("Article")
            assert basis.law.zh != basis.law.en


def test_apps_and_purposes_agree(city: Catalog) -> None:
    told = {(app.id, purpose) for app in city.apps.values() for purpose in app.purposes}
    meant = {(app, purpose.id) for purpose in concrete(city) for app in purpose.apps}
    assert told == meant


@pytest.mark.parametrize(
    ("purpose", "role", "app"),
    [
        ("home-visit", "community/grid-worker", "community-desk"),
        ("low-income-verification", "street/civil-officer", "street-desk"),
        ("vaccination-outreach", "community/grid-worker", "community-desk"),
        ("vaccination-outreach", "street/health-officer", "street-desk"),
        ("vaccination-transport", "community/grid-worker", "community-desk"),
        ("vaccination-transport", "street/health-officer", "street-desk"),
        ("vaccination-transport", "vendor/vehicles", "dispatch"),
        ("environmental-complaint", "environment/inspector", "environment-desk"),
        ("statistics", "district/analyst", "statistics-desk"),
        ("break-glass", "emergency/doctor", "street-desk"),
        ("break-glass", "street/civil-officer", "street-desk"),
        ("compliance-review", "compliance/reviewer", "admin-desk"),
        ("policy-administration", "security/officer", "admin-desk"),
        ("own-data", "resident", "resident-portal"),
    ],
)
def test_a_purpose_admits_the_people_of_its_scene(city: Catalog, purpose: str, role: str, app: str) -> None:
    admitted = city.purposes[PurposeId(purpose)]
    assert role in admitted.roles
    assert app in admitted.apps


def test_break_glass_is_short_of_nothing_that_makes_it_answerable(city: Catalog) -> None:
    purpose = city.purposes[PurposeId("break-glass")]
    assert purpose.is_break_glass
    assert purpose.needs_justification
    assert {"notify", "review", "max_rows"} <= {spec.name for spec in purpose.obligations}
    assert [p.id for p in concrete(city) if p.is_break_glass] == ["break-glass"]


def test_transport_and_re_identification_are_bound_to_a_case_and_statistics_to_groups(city: Catalog) -> None:
    assert [purpose.id for purpose in concrete(city) if purpose.needs_case] == [
        "vaccination-transport",
        "re-identification",
    ]
    statistics = city.purposes[PurposeId("statistics")]
    assert [(spec.name, spec.value) for spec in statistics.obligations] == [("k", "10")]
    assert statistics.ceiling is None


def test_outsiders_are_never_staff(city: Catalog) -> None:
    outside = {role.name for role in city.roles.values() if "staff" not in role.inherits and role.name != "staff"}
    assert outside == {"vendor/vehicles", "resident"}
