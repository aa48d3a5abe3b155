"""Policy versions in the gateway's database, on SQLite and on a real PostgreSQL: whole, once, no rubbish."""

import shutil
import sqlite3
import zlib
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text

from gateway.administration import PolicyHolder, PolicyVersions, build_engine, keeping
from gateway.catalog import (
    LARGEST_BUNDLE,
    ArchiveMalformed,
    archive_bundle,
    bundle_version,
    version_of_archive,
    write_archive,
)
from gateway.errors import BundleInvalid, PolicyNotKept, PolicyVersionUnknown, SettingsInvalid
from gateway.store import State, insert_policy_version, open_state
from tests.postgres_server import Server, postgres_server

NOW = datetime(2026, 11, 23, 8, tzinfo=UTC)
POLICIES = Path(__file__).parents[3] / "policies"


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with postgres_server() as running:
        yield running


@pytest.fixture(params=["sqlite", "postgresql"])
def state(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[State]:
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path / 'state.db'}"
    else:
        running: Server = request.getfixturevalue("server")
        url = running.fresh_database()
    opened = open_state(url)
    yield opened
    opened.close()


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    return Path(shutil.copytree(POLICIES, tmp_path / "policies"))


def _amend(bundle: Path) -> None:
    """Another version that means the same."""
    with (bundle / "terms.yaml").open("a", encoding="utf-8") as file:
        file.write("# another word\n")


def test_a_version_that_served_is_taken_out_as_the_same_version(state: State, bundle: Path, tmp_path: Path) -> None:
    versions = PolicyVersions(state)
    holder = PolicyHolder(bundle, keeping(versions, lambda: NOW))
    first = holder.current.version
    _amend(bundle)
    holder.swap(holder.build())
    assert holder.current.version != first
    versions.export(first, tmp_path / "yesterday")
    assert build_engine(tmp_path / "yesterday").version == first == bundle_version(POLICIES)
    kept = {path.relative_to(tmp_path / "yesterday") for path in (tmp_path / "yesterday").rglob("*") if path.is_file()}
    assert all((POLICIES / name).read_bytes() == (tmp_path / "yesterday" / name).read_bytes() for name in kept)
    assert {Path("model.conf"), Path("rules/00-city.csv"), Path("catalog/health.yaml")} <= kept
    assert versions.engine(first).version == first


def test_a_version_is_kept_once_with_the_time_it_was_first_kept(state: State, bundle: Path) -> None:
    versions, engine = PolicyVersions(state), build_engine(bundle)
    versions.keep(bundle, engine, NOW)
    versions.keep(bundle, engine, NOW + timedelta(days=1))
    (row,) = versions.listed()
    archive = archive_bundle(bundle)
    assert (row.version, row.stored_at, row.size) == (engine.version, NOW, len(archive))
    assert row.packed == len(zlib.compress(archive, 9)) < row.size / 2


def test_versions_are_listed_newest_first(state: State) -> None:
    for number in range(3):
        insert_policy_version(state, version=f"{number}", stored_at=NOW + timedelta(hours=number), size=1, content=b"x")
    assert [row.version for row in PolicyVersions(state).listed()] == ["2", "1", "0"]


def test_files_that_changed_after_they_were_loaded_are_not_kept_under_the_loaded_version(
    state: State, bundle: Path
) -> None:
    engine = build_engine(bundle)
    _amend(bundle)
    with pytest.raises(BundleInvalid):
        PolicyVersions(state).keep(bundle, engine, NOW)
    assert PolicyVersions(state).listed() == ()


@pytest.mark.parametrize("content", [b"", b"rubbish", zlib.compress(b"another bundle"), zlib.compress(bytes(10**8))])
def test_content_that_is_not_its_version_is_never_taken_out_and_keeps_the_version_from_serving(
    state: State, bundle: Path, tmp_path: Path, content: bytes
) -> None:
    engine = build_engine(bundle)
    insert_policy_version(state, version=engine.version, stored_at=NOW, size=1, content=content)
    versions = PolicyVersions(state)
    with pytest.raises(PolicyVersionUnknown):
        versions.export(engine.version, tmp_path / "out")
    assert not (tmp_path / "out").exists()
    with pytest.raises(PolicyNotKept):
        PolicyHolder(bundle, keeping(versions, lambda: NOW))


def test_what_cannot_be_kept_does_not_serve_and_what_served_goes_on(state: State, bundle: Path) -> None:
    holder = PolicyHolder(bundle, keeping(PolicyVersions(state), lambda: NOW))
    before = holder.current
    with state.writing() as connection:
        connection.execute(text("DROP TABLE policy_versions"))
    _amend(bundle)
    with pytest.raises(PolicyNotKept):
        holder.build()
    assert holder.current is before
    with pytest.raises(SettingsInvalid):
        PolicyVersions(state).listed()


def test_an_unknown_version_and_a_folder_with_files_are_refused(state: State, bundle: Path, tmp_path: Path) -> None:
    versions, engine = PolicyVersions(state), build_engine(bundle)
    versions.keep(bundle, engine, NOW)
    with pytest.raises(PolicyVersionUnknown):
        versions.export("0" * 64, tmp_path / "out")
    with pytest.raises(SettingsInvalid):
        versions.export(engine.version, bundle)
    assert bundle_version(bundle) == engine.version


def test_a_database_of_schema_2_gets_the_table_and_keeps_what_it_has(tmp_path: Path, bundle: Path) -> None:
    url = f"sqlite:///{tmp_path / 'old.db'}"
    open_state(url).close()
    with sqlite3.connect(tmp_path / "old.db") as beside:
        beside.execute("DROP TABLE policy_versions")
        beside.execute("UPDATE schema_version SET version = 2")
        beside.execute("INSERT INTO app_key VALUES ('k', 'desk', 'd', '2026-11-23T08:00:00.000000', NULL)")
    state = open_state(url)
    try:
        PolicyVersions(state).keep(bundle, build_engine(bundle), NOW)
        assert len(PolicyVersions(state).listed()) == 1
    finally:
        state.close()
    with sqlite3.connect(tmp_path / "old.db") as beside:
        assert beside.execute("SELECT key_id FROM app_key").fetchall() == [("k",)]


def test_a_bundle_over_64_mb_is_refused(bundle: Path) -> None:
    assert LARGEST_BUNDLE == 67_108_864
    for number in range(64):
        with (bundle / "rules" / f"big-{number:02}.csv").open("wb") as file:
            file.truncate(1024 * 1024)
    with pytest.raises(BundleInvalid) as refused:
        archive_bundle(bundle)
    assert [problem.fault for problem in refused.value.problems] == ["the bundle is larger than 64 MB"]


# ---------------------------------------------------------------------- the archive
NAMES = st.from_regex(r"(rules/|catalog/)?[a-zA-Z0-9_\u4e00-\u4fff-]{1,20}\.(csv|yaml)", fullmatch=True)


def _archive(contents: dict[str, bytes]) -> bytes:
    parts = [part for name in sorted(contents) for part in (name.encode(), contents[name])]
    return b"".join(len(part).to_bytes(8, "big") + part for part in parts)


@given(contents=st.dictionaries(NAMES, st.binary(max_size=50), max_size=5))
def test_any_files_come_back_byte_for_byte(
    tmp_path_factory: pytest.TempPathFactory, contents: dict[str, bytes]
) -> None:
    folder = tmp_path_factory.mktemp("out")
    write_archive(_archive(contents), folder)
    found = {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    assert found == contents


@given(rubbish=st.binary(max_size=60))
def test_rubbish_is_refused_or_is_an_archive(tmp_path_factory: pytest.TempPathFactory, rubbish: bytes) -> None:
    folder = tmp_path_factory.mktemp("out")
    try:
        write_archive(rubbish, folder)
    except ArchiveMalformed:
        assert not any(folder.iterdir())


@pytest.mark.parametrize(
    "name", ["../x.csv", "/etc/x.csv", "rules/../x.csv", "rules/", "", ".hidden", "rules/.x", "a/b.csv", "a\\b.csv"]
)
def test_a_path_that_leads_elsewhere_is_never_written(tmp_path: Path, name: str) -> None:
    with pytest.raises(ArchiveMalformed):
        write_archive(_archive({"model.conf": b"x", name: b"y"}), tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


def test_the_archive_of_a_bundle_tells_its_version() -> None:
    assert version_of_archive(archive_bundle(POLICIES)) == bundle_version(POLICIES) == build_engine(POLICIES).version
