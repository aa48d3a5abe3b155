"""What `langqiao discover` wrote, put into a gateway: every table answers, whatever it and its columns are called."""

from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest
import yaml

from tests.conformance.staging import Staging, served_schema
from tests.postgres_server import postgres_server

ODD = Path(__file__).with_name("odd_schema.sql").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def odd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Staging, Path]]:
    folder = tmp_path_factory.mktemp("odd")
    with postgres_server() as server, served_schema(server, folder, ODD, schema="Odd One") as staging:
        yield staging, folder / "bundle"


def _ask(staging: Staging, question: str, **headers: str) -> httpx2.Response:
    with httpx2.Client(timeout=30, trust_env=False) as client:
        return client.get(f"{staging.url}/{question}", headers=staging.headers | headers)


def test_every_table_and_view_answers(odd: tuple[Staging, Path]) -> None:
    staging, bundle = odd
    written = yaml.safe_load((bundle / "catalog" / "cinema.yaml").read_text(encoding="utf-8"))
    for name in written["datasets"]:
        came = _ask(staging, f"cinema.{name}?select=*")
        assert came.status_code == 200, (name, came.text)
        assert isinstance(came.json(), list)


def test_odd_columns_hold_what_the_database_holds(odd: tuple[Staging, Path]) -> None:
    staging, _ = odd
    fields = "id,select_,select__2,field,field_2,it_s_x,field_100,doubled"
    (row,) = _ask(staging, f"cinema.films_3?select={fields}&field_100=eq.full&it_s_x=like.q*&order=field").json()
    assert row == {
        "id": 7,
        "select_": "a",
        "select__2": "b",
        "field": "桥",
        "field_2": 1.5,
        "it_s_x": "q",
        "field_100": "full",
        "doubled": 14,
    }


def test_a_dataset_is_found_by_its_short_name(odd: tuple[Staging, Path]) -> None:
    staging, _ = odd
    came = _ask(staging, "kept?select=id&order=id", **{"accept-profile": "cinema"})
    assert came.json() == [{"id": 1}, {"id": 2}]


def test_without_the_purpose_or_the_role_nothing_comes(odd: tuple[Staging, Path]) -> None:
    staging, _ = odd
    with httpx2.Client(timeout=30, trust_env=False) as client:
        sent = {name: value for name, value in staging.headers.items() if name != "purpose"}
        assert client.get(f"{staging.url}/cinema.kept", headers=sent).status_code == 400
        sent = {name: value for name, value in staging.headers.items() if name != "authorization"}
        assert client.get(f"{staging.url}/cinema.kept", headers=sent).status_code == 401
