"""Files of a bundle made to be slow, to hang or to hide: each is refused in bounded time, with file and fix."""

import os
import shutil
from pathlib import Path
from time import perf_counter

import pytest

from gateway.administration import build_engine
from gateway.catalog import load_catalog
from gateway.errors import BundleInvalid, BundleProblem
from tests.unit.catalog.conftest import WriteBundle
from tests.unit.catalog.small_bundle import SMALL

POLICIES = Path(__file__).parents[3] / "policies"
MEGABYTE = 1024 * 1024
SECONDS = 30  # what takes 2 s alone; a blow-up takes minutes


def refused(bundle: Path) -> tuple[BundleProblem, ...]:
    started = perf_counter()
    with pytest.raises(BundleInvalid) as caught:
        load_catalog(bundle)
    assert perf_counter() - started < SECONDS
    assert all(problem.file and problem.fault and problem.fix for problem in caught.value.problems)
    return caught.value.problems


TITLE = "title: {zh: x, en: x}"


@pytest.mark.parametrize(
    ("roles", "fault"),
    [
        ("\n".join(f"r{n}: {{titel: x}}" for n in range(20_000)), "`titel` is no key here"),
        ("\n".join(f"r{n}: {{{TITLE}, inherits: [q{n}]}}" for n in range(12_000)), "is not declared"),
        ("\n".join(f"r{n}: {{{TITLE}, inherits: [r{n + 1}]}}" for n in range(12_000)) + f"\nr12000: {{{TITLE}}}", "longer than 9"),  # noqa: E501
        ("\n".join(f"r{n}: {{{TITLE}, inherits: [r{(n + 1) % 12_000}]}}" for n in range(12_000)), "form a circle"),
        ("x" * (MEGABYTE - 10) + ": {}", ""),
        ('"' * (MEGABYTE - 10), "no YAML"),
        ("'" * (MEGABYTE - 11), "no YAML"),
        ("{" * (MEGABYTE - 10), "nest"),
        ("- " * (MEGABYTE // 2 - 10), "nested"),
        ("a: *x\n" * 1000, "an"),
        ("staff: {inherits: [&a x, *a, *a]}", "anchors"),
        ("<<: {a: 1}\n", "plain text"),
    ],
    ids=["keys", "parents", "chain", "circle", "one key", "quotes", "apostrophes", "braces", "dashes", "aliases", "anchor", "merge"],  # noqa: E501
)  # fmt: skip
def test_roles_made_to_be_slow_are_refused_in_bounded_time(write_bundle: WriteBundle, roles: str, fault: str) -> None:
    problems = refused(write_bundle({"roles.yaml": roles}))
    assert any(problem.file == "roles.yaml" and fault in problem.fault for problem in problems), problems[:3]


BOMB = "a: &a [x, x]\n" + "".join(
    f"{chr(98 + n)}: &{chr(98 + n)} [*{chr(97 + n)}, *{chr(97 + n)}]\n" for n in range(20)
)


@pytest.mark.parametrize("file", [name for name in SMALL if name.endswith(".yaml")])
@pytest.mark.parametrize(
    ("text", "fault"),
    [
        (BOMB, "anchors and aliases"),
        ("one: {}\none: {}\n", "stands here twice"),
        ("", "no mapping"),
        ("# nothing\n", "no mapping"),
        ("a: !!python/object/apply:os.system [id]\n", "tags"),
    ],
    ids=["billion laughs", "a key twice", "empty", "comment only", "tag"],
)
def test_every_yaml_file_is_read_as_strictly(write_bundle: WriteBundle, file: str, text: str, fault: str) -> None:
    problems = refused(write_bundle({file: text}))
    assert any(problem.file == file and fault in problem.fault for problem in problems)


def test_purposes_in_a_circle_are_refused(write_bundle: WriteBundle) -> None:
    text = SMALL["purposes.yaml"].replace("  parents: [any]\n", "  parents: [home-visit]\n")
    problems = refused(write_bundle({"purposes.yaml": text}))
    assert any(each.file == "purposes.yaml" and "circle" in each.fault and each.line for each in problems)


@pytest.mark.parametrize(
    "text", ['33,"浙江', "33," + "x" * 200_000 + ",province,", "33,浙\0江,province,", '"' * 100_001]
)
def test_regions_made_to_break_the_reader_are_refused(write_bundle: WriteBundle, text: str) -> None:
    problems = refused(write_bundle({"regions.csv": f"code,name,level,parent\n{text}\n"}))
    assert any(problem.file == "regions.csv" and problem.line >= 1 for problem in problems)


# ---------------------------------------------------------------------- what is no ordinary file
@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    return Path(shutil.copytree(POLICIES, tmp_path / "policies"))


def refused_rules(bundle: Path) -> tuple[BundleProblem, ...]:
    with pytest.raises(BundleInvalid) as caught:
        build_engine(bundle)
    return caught.value.problems


def test_a_hidden_rule_file_is_not_lost(bundle: Path) -> None:
    (bundle / "rules" / ".denies.csv").write_text(
        "p, ZZ, role:any, app:any, class:any, show, pur:any, cn, *, , , , deny, "
    )
    assert [(each.file, each.line) for each in refused_rules(bundle)] == [("rules/.denies.csv", 0)]


def test_a_folder_a_pipe_and_links_that_lead_nowhere_are_refused(bundle: Path) -> None:
    (bundle / "rules" / "a.csv").mkdir()
    os.mkfifo(bundle / "rules" / "b.csv")
    (bundle / "rules" / "c.csv").symlink_to("nothing.csv")
    (bundle / "rules" / "d.csv").symlink_to("d.csv")
    os.mkfifo(bundle / "catalog" / "e.yaml")
    found = {each.file for each in refused_rules(bundle)}
    assert found == {"rules/a.csv", "rules/b.csv", "rules/c.csv", "rules/d.csv", "catalog/e.yaml"}


def test_a_link_to_a_rule_file_is_read_once_more_and_its_ids_are_refused(bundle: Path) -> None:
    (bundle / "rules" / "zz.csv").symlink_to("00-city.csv")
    problems = refused_rules(bundle)
    assert {each.file for each in problems} == {"rules/zz.csv"}
    assert all("is already at rules/00-city.csv:" in each.fault for each in problems)
