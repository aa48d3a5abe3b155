"""The market bureau's service over real HTTP: paging, exact filters, its token, its refusals."""

import socket
import threading
import time
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx2
import pytest
import uvicorn

from gateway.demo.city import MARKET_FILE, CitySummary, build_city
from gateway.demo.market_service import ENTERPRISES_PATH, create_market_app

_REGIONS = Path(__file__).parents[3] / "policies" / "regions.csv"
_TOKEN = "a-token-of-the-market-bureau"


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, CitySummary]:
    folder = tmp_path_factory.mktemp("market")
    return folder, build_city(folder, _REGIONS, 6_000, 5, lambda *_: None)


@pytest.fixture(scope="module")
def client(city: tuple[Path, CitySummary]) -> Iterator[httpx2.Client]:
    app = create_market_app(city[0] / MARKET_FILE, _TOKEN)
    listener = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(app, log_level="warning", lifespan="off"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    until = time.monotonic() + 10
    while not server.started and time.monotonic() < until:
        time.sleep(0.01)
    try:
        with httpx2.Client(base_url=f"http://127.0.0.1:{listener.getsockname()[1]}", trust_env=False) as opened:
            yield opened
    finally:
        server.should_exit = True
        thread.join(10)
        listener.close()


def _ask(client: httpx2.Client, **parameters: str | int) -> Any:
    answer = client.get(ENTERPRISES_PATH, params=parameters, headers={"Authorization": f"Bearer {_TOKEN}"})
    assert answer.status_code == 200, answer.text
    body = answer.json()
    assert body["code"] == 0
    return body["data"]


def test_pages_together_hold_every_business_once(client: httpx2.Client, city: tuple[Path, CitySummary]) -> None:
    codes: list[str] = []
    page = 1
    while True:
        data = _ask(client, page=page, size=100)
        assert (data["page"], data["size"]) == (page, 100)
        assert data["total"] == city[1].rows["market-regulation.business"]
        if not data["records"]:
            break
        codes += [record["creditCode"] for record in data["records"]]
        page += 1
    assert len(codes) == len(set(codes)) == city[1].rows["market-regulation.business"] > 200
    assert codes == sorted(codes)


def test_two_hundred_rows_are_a_page_where_none_is_asked_for(client: httpx2.Client) -> None:
    data = _ask(client)
    assert (data["page"], data["size"], len(data["records"])) == (1, 200, 200)


def test_a_filter_finds_exactly_the_business(client: httpx2.Client, city: tuple[Path, CitySummary]) -> None:
    family, owner = city[1].low_income_family, city[1].low_income_member
    by_code = _ask(client, creditCode=family.credit_code)
    assert by_code["total"] == len(by_code["records"]) == 1
    record = by_code["records"][0]
    assert record["legalPersonIdNo"] == owner.id_number
    assert record["communityCode"] == owner.community_code
    assert Decimal(record["regCapital"]).as_tuple().exponent == -2
    by_owner = _ask(client, legalPersonIdNo=owner.id_number)
    assert record in by_owner["records"]
    both = _ask(client, communityCode=owner.community_code, creditCode=family.credit_code)
    assert both["records"] == [record]
    elsewhere = _ask(client, communityCode="330114002001", creditCode=family.credit_code)
    assert (elsewhere["total"], elsewhere["records"]) == (0, [])


def test_a_filter_by_community_is_a_whole_value_not_a_prefix(
    client: httpx2.Client, city: tuple[Path, CitySummary]
) -> None:
    code = city[1].lonely_elder.community_code
    records = _ask(client, communityCode=code)["records"]
    assert records
    assert {record["communityCode"] for record in records} == {code}
    assert _ask(client, communityCode=code[:9])["total"] == 0


@pytest.mark.parametrize(
    "header", [None, "", "Bearer", "Bearer wrong", f"bearer {_TOKEN}", f"Basic {_TOKEN}", f"Bearer {_TOKEN}x"]
)
def test_nothing_is_told_without_the_token(client: httpx2.Client, header: str | None) -> None:
    answer = client.get(ENTERPRISES_PATH, headers={} if header is None else {"Authorization": header})
    assert answer.status_code == 401
    assert answer.json()["data"] is None


@pytest.mark.parametrize(
    "query",
    [
        "page=0",
        "page=x",
        "page=１",
        "size=0",
        "size=501",
        "size=-1",
        "page=1&page=2",
        "industry=x",
        "page=" + "9" * 5000,
    ],
)
def test_a_parameter_that_it_can_not_read_is_refused(client: httpx2.Client, query: str) -> None:
    answer = client.get(f"{ENTERPRISES_PATH}?{query}", headers={"Authorization": f"Bearer {_TOKEN}"})
    assert answer.status_code == 400
    assert answer.json()["data"] is None


def test_a_filter_value_is_bound_and_never_sql(client: httpx2.Client) -> None:
    assert _ask(client, creditCode="' OR '1'='1")["total"] == 0


def test_a_service_without_a_token_does_not_start(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="token"):
        create_market_app(tmp_path / "market.db", "")
