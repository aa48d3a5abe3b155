"""load_catalog: what a right bundle becomes, and what a wrong one is told."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.catalog import bundle_version, load_catalog
from gateway.errors import BundleInvalid, BundleProblem
from gateway.model.catalog import Catalog, FieldType, ObligationSpec, Storage
from gateway.model.ids import AppId, DatasetName, FieldName, MaskName, PurposeId, RegionCode, RoleName, TermName
from tests.unit.catalog.small_bundle import SMALL

WriteBundle = Callable[..., Path]
Problems = Callable[..., tuple[BundleProblem, ...]]
CIVIL = "catalog/civil-affairs.yaml"
ASSISTANCE = DatasetName("civil-affairs.assistance")


def test_a_right_bundle_becomes_typed_values(small: Catalog) -> None:
    dataset = small.datasets[ASSISTANCE]
    assert (dataset.source, dataset.table, dataset.subject, dataset.region) == (
        "civil-db",
        "t_dibao",
        "id_number",
        "community_code",
    )
    assert list(dataset.fields)[:3] == ["case_no", "id_number", "monthly"]
    monthly, status = dataset.fields[FieldName("monthly")], dataset.fields[FieldName("status")]
    assert (monthly.column, monthly.type, monthly.storage) == ("monthly", FieldType.NUMERIC, Storage.FEN)
    assert dict(status.codes) == {"1": "在保", "2": "停保"}
    assert dataset.links["payments"].on == (("id_number", "id_number"),)
    assert small.regions[RegionCode("330102001051")].parent == "330102001"
    assert small.roles[RoleName("community/grid-worker")].inherits == ("staff",)
    assert small.apps[AppId("community-desk")].ceiling is None
    choice = small.masks[MaskName("partial")].by_term[TermName("person.id_number")]
    assert dict(choice.parameters) == {"shape": "id_number", "keeps": 4, "strict": True}


def test_a_purpose_is_valid_from_and_until_midnight_utc_however_its_dates_are_written(small: Catalog) -> None:
    purpose = small.purposes[PurposeId("home-visit")]
    assert purpose.valid_from == datetime(2026, 1, 1, tzinfo=UTC)
    assert purpose.valid_until == datetime(2029, 1, 1, tzinfo=UTC)
    assert purpose.obligations == (
        ObligationSpec(name="max_rows", value="200"),
        ObligationSpec(name="no_export", value=""),
    )
    assert purpose.ceiling == "partial"
    assert small.purposes[PurposeId("any")].is_abstract


def test_a_dataset_of_permissions_has_no_source(small: Catalog) -> None:
    dataset = small.datasets[DatasetName("langqiao.case")]
    assert (dataset.source, dataset.table, dataset.key) == (None, "", ())


def test_the_catalogue_is_frozen(small: Catalog) -> None:
    frozen: Any = small.datasets
    with pytest.raises(TypeError):
        frozen["x"] = None
    fields: Any = small.datasets[ASSISTANCE].fields
    with pytest.raises(TypeError):
        fields["x"] = None
    codes: Any = small.datasets[ASSISTANCE].fields[FieldName("status")].codes
    with pytest.raises(TypeError):
        codes["3"] = "x"


FAULTS: list[dict[str, Any]] = yaml.safe_load((Path(__file__).parent / "bundle_faults.yaml").read_text("utf-8"))


@pytest.mark.parametrize("case", FAULTS, ids=[f"{case['file']}: {case['fault']}" for case in FAULTS])
def test_a_fault_is_told_with_file_line_and_fix(problems_of: Problems, case: dict[str, Any]) -> None:
    problems = problems_of(case["file"], case["old"], case["new"])
    told = {
        (problem.file, problem.line)
        for problem in problems
        if case["fault"] in problem.fault and case["fix"] in problem.fix
    }
    assert (case["file"], case["line"]) in told, "\n".join(map(str, problems))


def test_all_faults_are_told_at_once(write_bundle: WriteBundle) -> None:
    files = {
        "roles.yaml": "staff:\n  title: {zh: 人, en: S}\n  inherit: []\ncommunity/grid-worker:\n  title: {zh: 人}\n",
        "terms.yaml": "Person: {zh: 人, en: Person}\n",
    }
    with pytest.raises(BundleInvalid) as caught:
        load_catalog(write_bundle(files))
    assert {problem.file for problem in caught.value.problems} >= {"roles.yaml", "terms.yaml", "masks.yaml", CIVIL}
    assert len([problem for problem in caught.value.problems if problem.file == "roles.yaml"]) == 2


UNREADABLE = [
    ("not UTF-8", b"a: 1\nb: \xff\xfe\n", 2, "not UTF-8"),
    ("byte order mark", b"\xef\xbb\xbfstaff: {}\n", 1, "byte order mark"),
    ("UTF-16", "staff: {}\n".encode("utf-16"), 1, "byte order mark"),
    ("tabs", b"staff:\n\ttitle: x\n", 2, "no YAML"),
    ("unclosed", b"staff: {title: [\n", 2, "no YAML"),
    ("anchor", b"staff: &a {x: 1}\n", 1, "anchors"),
    ("alias", b"a: 1\nstaff: *a\n", 2, "an"),
    ("billion laughs", b"a: &a [x, x]\nb: &b [*a, *a]\nc: &c [*b, *b]\n", 1, "anchors"),
    ("tag", b"staff: !!python/object/apply:os.system [id]\n", 1, "tags"),
    ("local tag", b"staff: !thing x\n", 1, "tags"),
    ("two documents", b"a: {}\n---\nb: {}\n", 2, "second document"),
    ("list", b"- a\n", 1, "no mapping"),
    ("empty", b"", 0, "no mapping"),
    ("too deep", b"a: " + b"[" * 50 + b"]" * 50 + b"\n", 1, "nested"),
    ("control characters", b"a: \x01\n", 0, ""),
    ("too large", b"# " + b"x" * (1024 * 1024) + b"\n", 0, "larger than 1 MB"),
]


@pytest.mark.parametrize(("content", "line", "fault"), [u[1:] for u in UNREADABLE], ids=[u[0] for u in UNREADABLE])
def test_an_unreadable_file_is_told(write_bundle: WriteBundle, content: bytes, line: int, fault: str) -> None:
    with pytest.raises(BundleInvalid) as caught:
        load_catalog(write_bundle({"roles.yaml": content}))
    (problem,) = caught.value.problems
    assert (problem.file, problem.line) == ("roles.yaml", line)
    assert fault in problem.fault


@pytest.mark.parametrize(
    "file", ["terms.yaml", "masks.yaml", "roles.yaml", "apps.yaml", "purposes.yaml", "regions.csv"]
)
def test_a_missing_file_is_told(write_bundle: WriteBundle, file: str) -> None:
    with pytest.raises(BundleInvalid) as caught:
        load_catalog(write_bundle({file: None}))
    assert [(problem.file, problem.fault) for problem in caught.value.problems] == [(file, "the file is missing")]


@pytest.mark.parametrize("file", ["purpose.yaml", "roles.yml", "catalog/health.yml", "rules/more.yaml"])
def test_a_file_that_would_silently_not_be_read_is_refused(write_bundle: WriteBundle, file: str) -> None:
    with pytest.raises(BundleInvalid) as caught:
        load_catalog(write_bundle({file: "a: {}\n"}))
    assert {problem.file for problem in caught.value.problems} == {file}


def test_a_folder_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(BundleInvalid):
        load_catalog(tmp_path / "nowhere")


def test_a_chain_of_roles_that_casbin_would_cut_is_refused(write_bundle: WriteBundle) -> None:
    def roles(count: int) -> str:
        lines = [
            "staff: {title: {zh: 人, en: Staff}}",
            "community/grid-worker: {title: {zh: 人, en: W}, inherits: [r1]}",
        ]
        lines += [f"r{n}: {{title: {{zh: 人, en: R}}, inherits: [r{n + 1}]}}" for n in range(1, count)]
        return "\n".join([*lines, f"r{count}: {{title: {{zh: 人, en: R}}}}"]) + "\n"

    # person -> grid-worker -> r1 ... r7 -> any: 9 hops
    load_catalog(write_bundle({"roles.yaml": roles(7)}))
    with pytest.raises(BundleInvalid) as caught:
        load_catalog(write_bundle({"roles.yaml": roles(8)}))
    assert [problem.line for problem in caught.value.problems] == [2]
    assert "longer than 9 hops" in caught.value.problems[0].fault


def test_a_circle_of_many_roles_ends(write_bundle: WriteBundle) -> None:
    lines = ["staff: {title: {zh: 人, en: Staff}}", "community/grid-worker: {title: {zh: 人, en: W}, inherits: [r0]}"]
    lines += [f"r{n}: {{title: {{zh: 人, en: R}}, inherits: [r{(n + 1) % 3000}]}}" for n in range(3000)]
    with pytest.raises(BundleInvalid) as caught:
        load_catalog(write_bundle({"roles.yaml": "\n".join(lines) + "\n"}))
    assert any("circle" in problem.fault for problem in caught.value.problems)


# ---------------------------------------------------------------------- version
def test_the_version_names_the_bytes_that_count(write_bundle: WriteBundle) -> None:
    bundle = write_bundle()
    version = bundle_version(bundle)
    assert len(version) == 64
    assert load_catalog(bundle).version == version
    (bundle / "cases").mkdir()
    (bundle / "cases" / "home.yaml").write_text("x: 1\n")
    (bundle / "README.md").write_text("read me\n")
    assert bundle_version(bundle) == version


@pytest.mark.parametrize("file", ["model.conf", "rules/main.csv", "roles.yaml", "regions.csv", CIVIL])
def test_any_byte_that_counts_changes_the_version(write_bundle: WriteBundle, file: str) -> None:
    bundle = write_bundle()
    before = bundle_version(bundle)
    (bundle / file).write_bytes((bundle / file).read_bytes() + b"\n")
    assert bundle_version(bundle) != before


def test_moving_text_from_one_file_to_the_next_changes_the_version(write_bundle: WriteBundle) -> None:
    before = bundle_version(write_bundle({"rules/a.csv": "x\ny\n", "rules/b.csv": "z\n"}))
    assert bundle_version(write_bundle({"rules/a.csv": "x\n", "rules/b.csv": "y\nz\n"})) != before


def test_renaming_a_file_changes_the_version(write_bundle: WriteBundle) -> None:
    before = bundle_version(write_bundle({"rules/a.csv": "x\n"}))
    assert bundle_version(write_bundle({"rules/a.csv": None, "rules/b.csv": "x\n"})) != before


# ---------------------------------------------------------------------- whatever the bytes
def loads_or_tells(bundle: Path) -> bool:
    try:
        load_catalog(bundle)
    except BundleInvalid as error:
        return bool(error.problems) and all(problem.fix for problem in error.problems)
    return True


@pytest.mark.parametrize("file", [name for name in SMALL if name.endswith(("yaml", "regions.csv"))])
def test_a_bundle_short_of_any_line_loads_or_tells(write_bundle: WriteBundle, file: str) -> None:
    bundle = write_bundle()
    lines = SMALL[file].splitlines(keepends=True)
    for gone in range(len(lines)):
        (bundle / file).write_text("".join(lines[:gone] + lines[gone + 1 :]), encoding="utf-8")
        assert loads_or_tells(bundle)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.sampled_from(["roles.yaml", "purposes.yaml", "regions.csv", CIVIL]),
    st.one_of(st.binary(max_size=60), st.text("ab:{}[]-,&*!|>#'\"\n \t?%@`1", max_size=60).map(str.encode)),
)
def test_any_bytes_load_or_tell(write_bundle: WriteBundle, file: str, content: bytes) -> None:
    bundle = write_bundle({file: content})
    assert loads_or_tells(bundle)
