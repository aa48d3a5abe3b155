"""`langqiao discover` on a real PostgreSQL: what it writes serves, whatever the schema is called."""

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest

from gateway.catalog import load_catalog
from gateway.model.catalog import Catalog, Dataset, Link
from gateway.model.ids import DatasetName, FieldName
from tests.commands import run
from tests.postgres_server import Server, postgres_server

SCHEMA = Path(__file__).parents[1] / "conformance" / "schema.sql"
LANGQIAO = (sys.executable, "-m", "gateway.cli")


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with postgres_server() as server:
        yield server


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """A bundle that was discovered, and what the command said."""

    folder: Path
    out: str
    url: str

    @property
    def catalog(self) -> Catalog:
        return load_catalog(self.folder)

    def dataset(self, name: str) -> Dataset:
        return self.catalog.datasets[DatasetName(f"cinema.{name}")]


def _discover(server: Server, folder: Path, statements: str, *options: str) -> Made:
    url = server.fresh_database()
    with psycopg.connect(url.replace("+psycopg", ""), autocommit=True) as connection:
        connection.execute(statements.encode())
    words = ("--department", "cinema", "--bundle", str(folder), "--grant", "staging/reader", *options)
    done = run("discover", url, *words)
    assert done.returncode == 0, done.stderr + done.stdout
    assert server.password not in done.stdout + done.stderr
    return Made(folder=folder, out=done.stdout + done.stderr, url=url)


@pytest.fixture(scope="module")
def cinema(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Made:
    return _discover(server, tmp_path_factory.mktemp("cinema") / "bundle", SCHEMA.read_text(encoding="utf-8"))


def _ways(links: Sequence[Link]) -> set[tuple[str, str, bool]]:
    return {(link.name, link.to.removeprefix("cinema."), link.one) for link in links}


# ------------------------------------------------------------------ what it makes
def test_every_table_and_view_is_a_dataset_with_its_key(cinema: Made) -> None:
    keys = {name.removeprefix("cinema."): dataset.key for name, dataset in cinema.catalog.datasets.items()}
    assert keys == {
        "actors": ("id",),
        "addresses": ("id",),
        "competitions": ("id",),
        "directors": ("id",),
        "employees": ("id",),
        "films": ("id",),
        "nominations": ("film_id", "competition_id"),
        "orders": ("id",),
        "presidents": ("id",),
        "recent_films": ("id",),
        "roles": ("film_id", "actor_id"),
        "screenings": ("cinema", "hall", "begins_at"),
        "technical_specs": ("film_id",),
        "tickets": ("id",),
    }


def test_types_are_the_catalogues(cinema: Made) -> None:
    types = {str(name): field.type.value for name, field in cinema.dataset("films").fields.items()}
    assert types == {
        "id": "integer",
        "title": "text",
        "year": "integer",
        "rating": "numeric",  # a domain over numeric
        "runtime": "integer",
        "language": "text",
        "mood": "text",  # an enumeration
        "is_released": "boolean",
        "budget": "integer",
        "share": "numeric",
        "director_id": "integer",
        "released_on": "date",
        "updated_at": "timestamp",
        "tags": "text[]",
        "scores": "integer[]",
        "details": "json",
        "season": "date-range",
        "ages": "integer-range",
        "words": "text",
    }


def test_comments_are_titles(cinema: Made) -> None:
    directors = cinema.dataset("directors")
    assert (directors.title.zh, directors.title.en) == ("导演", "directors")
    born = directors.fields[FieldName("born")].title
    assert (born.zh, born.en) == ("Day of birth", "Day of birth")


def test_foreign_keys_are_links_both_ways(cinema: Made) -> None:
    assert _ways(tuple(cinema.dataset("orders").links.values())) == {
        ("billing", "addresses", True),
        ("shipping", "addresses", True),
    }
    assert _ways(tuple(cinema.dataset("addresses").links.values())) == {
        ("billing", "orders", False),
        ("shipping", "orders", False),
    }
    # a unique foreign key leads to one on both sides
    assert ("technical_specs_film_id_fkey", "technical_specs", True) in _ways(
        tuple(cinema.dataset("films").links.values())
    )
    assert _ways(tuple(cinema.dataset("technical_specs").links.values())) == {
        ("technical_specs_film_id_fkey", "films", True),
        ("technical_specs_film_id_fkey-recent_films", "recent_films", True),
    }


def test_a_self_reference_has_a_link_each_way(cinema: Made) -> None:
    links = cinema.dataset("employees").links
    assert _ways(tuple(links.values())) == {
        ("employees_manager_id_fkey", "employees", True),
        ("employees_manager_id_fkey_reverse", "employees", False),
    }
    assert links["employees_manager_id_fkey"].on == (("manager_id", "id"),)
    assert links["employees_manager_id_fkey_reverse"].on == (("id", "manager_id"),)
    assert ("presidents_predecessor_id_fkey_reverse", "presidents", True) in _ways(
        tuple(cinema.dataset("presidents").links.values())
    )


def test_a_composite_key_is_linked_by_all_its_columns(cinema: Made) -> None:
    (link,) = cinema.dataset("tickets").links.values()
    assert (link.to, link.one) == ("cinema.screenings", True)
    assert link.on == (("cinema", "cinema"), ("hall", "hall"), ("begins_at", "begins_at"))


def test_a_view_has_the_links_of_the_columns_it_passes_on(cinema: Made) -> None:
    assert _ways(tuple(cinema.dataset("recent_films").links.values())) == {
        ("films_director_id_fkey", "directors", True),
        ("technical_specs_film_id_fkey", "technical_specs", True),
        ("roles_film_id_fkey", "roles", False),
        ("nominations_film_id_fkey", "nominations", False),
        ("screenings_film_id_fkey", "screenings", False),
    }
    assert ("films_director_id_fkey-recent_films", "recent_films", False) in _ways(
        tuple(cinema.dataset("directors").links.values())
    )


def test_the_bundle_is_sound_to_lint_and_to_its_own_cases(cinema: Made) -> None:
    linted = run("policy", "lint", "--strict", str(cinema.folder))
    assert linted.returncode == 0, linted.stderr
    tested = run("policy", "test", "--min-coverage", "100", str(cinema.folder))
    assert tested.returncode == 0, tested.stderr + tested.stdout


def test_no_file_holds_the_address_and_the_settings_are_told(cinema: Made, server: Server) -> None:
    written = "".join(path.read_text(encoding="utf-8") for path in cinema.folder.rglob("*") if path.is_file())
    assert server.password not in written
    assert str(server.port) not in written
    assert "[sources.cinema]" in cinema.out
    assert 'url_env = "CINEMA_URL"' in cinema.out


def test_the_same_schema_gives_the_same_files(cinema: Made, tmp_path: Path) -> None:
    words = ("--department", "cinema", "--bundle", str(tmp_path / "b"), "--grant", "staging/reader")
    assert run("discover", *words, LANGQIAO_DISCOVER_URL=cinema.url).returncode == 0
    for path in cinema.folder.rglob("*.*"):
        assert (tmp_path / "b" / path.relative_to(cinema.folder)).read_bytes() == path.read_bytes(), path


# ------------------------------------------------------------------ odd schemas
ODD = Path(__file__).with_name("odd_schema.sql").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def odd(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Made:
    return _discover(server, tmp_path_factory.mktemp("odd") / "bundle", ODD, "--schema", "Odd One", "--source", "db-1")


def test_odd_tables_get_names_and_keep_their_own(odd: Made) -> None:
    tables = {name.removeprefix("cinema."): dataset.table for name, dataset in odd.catalog.datasets.items()}
    long = "aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeeeffffffffffggg"
    assert tables == {
        "films": "films",
        "films_2": "films_2",
        "films_3": "Films",
        "table": "居民",
        "table_2": "房屋",
        long: long,
        f"{long[:62]}_2": long.upper(),
        "parts": "parts",
        "links": "links",
        "precise": "precise",
        "wide": "wide",
        "joined": "joined",
        "renamed": "renamed",
        "twice": "twice",
        "counted": "counted",
        "kept": "kept",
        "over": "over",
        "spaced": "spaced",
    }


def test_odd_columns_get_names_and_keep_their_own(odd: Made) -> None:
    fields = {str(name): field.column for name, field in odd.dataset("films_3").fields.items()}
    assert fields == {
        "id": "id",
        "select_": "Select",
        "select__2": "select",
        "order_": "order",
        "and_": "and",
        "name_2": "Name",
        "name": "name",
        "naive": "naïve",
        "field": "标题",
        "field_2": "价格",
        "a_b": "a b",
        "it_s_x": 'it\'s "x"',
        "field_1st": "1st",
        "field_100": "100%",
        "null_": "null",
        "on": "on",
        "limit_": "limit",
        "doubled": "doubled",
    }
    assert odd.dataset("films_3").title.en == 'line one line two: {braces} "quotes" # and no more'


def test_a_table_without_a_key_is_told_apart_as_well_as_can_be(odd: Made) -> None:
    assert odd.dataset("films_2").key == ("id",)
    assert odd.dataset("aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeeeffffffffffggg").key == ("id",)
    assert odd.dataset("links").key == ("id", "a", "b", "billing")


def test_links_that_would_not_hold_are_left_out_and_told(odd: Made) -> None:
    assert odd.dataset("wide").links == {}
    assert "wide_id_fkey" in odd.out
    assert "table `nothing` is left out" in odd.out
    assert "table `all` is left out" in odd.out  # nothing in it could be a key
    assert _ways(tuple(odd.dataset("links").links.values())) >= {("a_2", "films", True), ("billing_2", "films", True)}


def test_views_are_linked_only_where_a_column_comes_unchanged(odd: Made) -> None:
    # a join may show a row twice: nothing leads to `one` there
    assert ("a-joined", "joined", False) in _ways(tuple(odd.dataset("links").links.values()))
    assert odd.dataset("twice").links == {}
    assert _ways(tuple(odd.dataset("counted").links.values())) >= {("a_2", "films", True)}
    assert odd.dataset("over").key == ("deep",)
    assert odd.dataset("spaced").key == ("the_id",)
    assert ("a-over", "over", True) in _ways(tuple(odd.dataset("links").links.values()))


def test_the_settings_name_the_schema(odd: Made) -> None:
    assert 'schema = "Odd One"' in odd.out
    assert 'url_env = "DB_1_URL"' in odd.out


# ------------------------------------------------------------------ what it refuses
def _refused(url: str, folder: Path, *options: str) -> str:
    words = ("--department", "cinema", "--bundle", str(folder), "--grant", "staging/reader", *options)
    done = run("discover", url, *words)
    assert done.returncode == 1, done.stdout
    assert "Traceback" not in done.stderr
    assert not folder.exists() or not (folder / "model.conf").exists() or "not empty" in done.stderr
    return done.stderr


def test_a_server_that_is_not_there_is_told_without_the_password(tmp_path: Path) -> None:
    said = _refused("postgresql://me:s3cret-word@127.0.0.1:1/x", tmp_path / "b")
    assert "can't be read" in said
    assert "s3cret-word" not in said


def test_a_wrong_password_is_told_without_it(server: Server, tmp_path: Path) -> None:
    said = _refused(f"postgresql://tester:s3cret-word@127.0.0.1:{server.port}/postgres", tmp_path / "b")
    assert "can't be read" in said
    assert "s3cret-word" not in said


@pytest.mark.parametrize(
    "url", ["", "x", "gopher://me:s3cret-word@h/d", "postgresql://me:s3cret-word@h:port/d", "sqlite:///s3cret-word"]
)
def test_a_wrong_address_is_refused_without_showing_it(url: str, tmp_path: Path) -> None:
    said = _refused(url, tmp_path / "b")
    assert "s3cret-word" not in said
    assert "GW703" in said


def test_an_empty_or_unknown_schema_is_refused(server: Server, tmp_path: Path) -> None:
    url = server.fresh_database()
    for schema in ("public", "nowhere", "x'; DROP TABLE y; --"):
        assert "no table" in _refused(url, tmp_path / "b", "--schema", schema)


def test_what_the_account_may_not_read_is_not_described(server: Server, tmp_path: Path) -> None:
    url = server.fresh_database()
    with psycopg.connect(url.replace("+psycopg", ""), autocommit=True) as connection:
        connection.execute(
            "CREATE TABLE open (id integer PRIMARY KEY, hidden text); CREATE TABLE closed (id integer);"
            "DROP ROLE IF EXISTS reader; CREATE ROLE reader LOGIN PASSWORD 'reading';"
            "GRANT SELECT (id) ON open TO reader"
        )
    mine = url.replace(f"tester:{server.password}", "reader:reading")
    words = ("--department", "cinema", "--bundle", str(tmp_path / "b"), "--grant", "staging/reader")
    assert run("discover", mine, *words).returncode == 0
    made = load_catalog(tmp_path / "b")
    assert {name: tuple(dataset.fields) for name, dataset in made.datasets.items()} == {"cinema.open": ("id",)}


def test_a_folder_with_something_in_it_is_kept_unless_forced(cinema: Made, tmp_path: Path) -> None:
    folder = tmp_path / "b"
    folder.mkdir()
    (folder / "note.txt").write_text("mine", encoding="utf-8")
    assert "not empty" in _refused(cinema.url, folder)
    assert [path.name for path in folder.iterdir()] == ["note.txt"]
    words = ("--department", "cinema", "--bundle", str(folder), "--grant", "staging/reader", "--force")
    assert run("discover", cinema.url, *words).returncode == 0
    assert (folder / "note.txt").read_text(encoding="utf-8") == "mine"
    assert load_catalog(folder).datasets


@pytest.mark.parametrize(
    ("option", "word"),
    [("--department", "Cine"), ("--department", "langqiao"), ("--grant", "any"), ("--grant", "a b"), ("--source", "ä")],
)
def test_names_that_a_bundle_would_not_take_are_refused(cinema: Made, tmp_path: Path, option: str, word: str) -> None:
    assert option in _refused(cinema.url, tmp_path / "b", option, word)
