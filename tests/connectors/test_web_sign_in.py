"""Every way to sign in at a web service, over real HTTP; tokens are kept, renewed once, and told to nobody else."""

import asyncio
import base64
import time
from pathlib import Path

import pytest

from connectors.rest import RestConnector
from gateway.errors import CredentialUnavailable, SettingsInvalid, SourceDenied, SourceRubbish, SourceUnavailable
from gateway.model.ids import SourceName
from tests.connectors import kit
from tests.connectors.sources import serving
from tests.connectors.web import Wants

NAME = SourceName("market-api")


@pytest.fixture
def secret(tmp_path: Path) -> str:
    (tmp_path / "secret").write_text("p:w d\n")
    return str(tmp_path / "secret")


def opened(host: str, **options: object) -> RestConnector:
    table = {"path": "/e", "paging": "none"}
    given = {"base_url": f"http://{host}", "host_allow": [host], "tables": {kit.TABLE: table}, **options}
    return RestConnector.open(NAME, given)


def oauth2(host: str, secret: str, **others: object) -> dict[str, object]:
    return {"token_url": f"http://{host}/token", "client_id": "gate", "client_secret_file": secret, **others}


async def test_basic(secret: str) -> None:
    wanted = "Basic " + base64.b64encode(b"reader:p:w d").decode()
    with serving(Wants(lambda _, headers: headers.get("authorization") == wanted)) as host:
        connector = opened(host, user="reader", password_file=secret)
        await connector.health()
        await connector.close()


async def test_a_header_of_its_own_carries_the_bare_token(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("abc")
    with serving(Wants(lambda _, headers: headers.get("x-api-key") == "abc")) as host:
        connector = opened(host, token_file=str(tmp_path / "key"), token_header="X-API-Key")
        await connector.health()
        await connector.close()


@pytest.mark.parametrize("style", ["basic", "body"])
async def test_client_credentials_fetch_one_token_for_all(secret: str, style: str) -> None:
    service = Wants(lambda own, headers: headers.get("authorization") == f"Bearer {own.good}" != "Bearer ")
    with serving(service) as host:
        connector = opened(host, oauth2=oauth2(host, secret, scope="read", style=style))
        await asyncio.gather(*(connector.health() for _ in range(6)))
        assert service.tokens == 1
        assert service.forms[0]["scope"] == ["read"]
        if style == "basic":
            assert service.clients == ["gate:p%3Aw+d"]
            assert "client_secret" not in service.forms[0]
        else:
            assert service.forms[0]["client_secret"] == ["p:w d"]
        await connector.close()
    assert "p:w" not in repr(connector)


async def test_a_token_that_is_no_longer_taken_is_renewed_once(secret: str) -> None:
    service = Wants(lambda own, headers: headers.get("authorization") == f"Bearer {own.good}" != "Bearer ")
    with serving(service) as host:
        connector = opened(host, oauth2=oauth2(host, secret))
        await connector.health()
        service.good = "revoked-for-all"
        await asyncio.gather(*(connector.health() for _ in range(4)))
        assert service.tokens == 2
        service.check = lambda _own, _headers: False
        with pytest.raises(SourceDenied):
            await connector.health()
        assert service.tokens == 3
        await connector.close()


async def test_a_token_near_its_end_is_not_used(secret: str) -> None:
    service = Wants(lambda own, headers: headers.get("authorization") == f"Bearer {own.good}" != "Bearer ")
    service.expires = 0
    with serving(service) as host:
        connector = opened(host, oauth2=oauth2(host, secret))
        for _ in range(3):
            await connector.health()
        await connector.close()
    assert service.tokens == 3


async def test_a_client_that_is_refused_is_denied_and_not_asked_about_again_and_again(secret: str) -> None:
    service = Wants(lambda _own, _headers: True)
    service.refuses_client = True
    with serving(service) as host:
        connector = opened(host, oauth2=oauth2(host, secret))
        with pytest.raises(SourceDenied) as denied:
            await connector.health()
        await connector.close()
    assert len(service.forms) == 1
    assert "p:w" not in denied.value.operator + denied.value.message()


async def test_rubbish_from_the_token_endpoint_is_rubbish(secret: str) -> None:
    service = Wants(lambda _own, _headers: True)
    service.expires = "soon"
    with serving(service) as host:
        connector = opened(host, oauth2=oauth2(host, secret))
        with pytest.raises(SourceRubbish):
            await connector.health()
        await connector.close()


async def test_a_secret_that_is_gone_or_has_two_lines_sends_nothing(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("abc")
    service = Wants(lambda _own, _headers: True)
    with serving(service) as host:
        connector = opened(host, token_file=str(file))
        for text in ("a\r\nX-Evil: 1", ""):
            file.write_text(text)
            with pytest.raises(CredentialUnavailable):
                await connector.health()
        await connector.close()


async def test_a_service_that_asks_for_patience_is_not_asked_before() -> None:
    class Busy:
        def __init__(self) -> None:
            self.at: list[float] = []

        async def __call__(self, scope: object, receive: object, send: object) -> None:
            from tests.connectors.web import reply

            self.at.append(time.monotonic())
            if len(self.at) == 1:
                await reply(send, b"", 429, {"retry-after": "1"})
            else:
                await reply(send, b"[]")

    service = Busy()
    with serving(service) as host:
        connector = opened(host)
        await connector.health()
        await connector.close()
    assert service.at[1] - service.at[0] >= 1


async def test_a_service_that_is_down_meets_no_storm() -> None:
    class Down:
        asked = 0

        async def __call__(self, scope: object, receive: object, send: object) -> None:
            from tests.connectors.web import reply

            self.asked += 1
            await reply(send, b"", 503)

    service = Down()
    with serving(service) as host:
        connector = opened(host, retries=5)
        found = await asyncio.gather(*(connector.health() for _ in range(100)), return_exceptions=True)
        await connector.close()
    assert all(isinstance(one, SourceUnavailable) for one in found)
    assert service.asked <= 100 + 10 + 100 * 0.1 + 1  # without the budget: 600


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"user": "a"}, "password_file"),
        ({"user": "a:b", "password_file": "S"}, "user"),
        ({"oauth2": {"token_url": "http://a.example/t", "client_id": "g"}}, "oauth2.client_secret_file"),
        (
            {"oauth2": {"token_url": "http://evil.example/hunter2", "client_id": "g", "client_secret_file": "S"}},
            "oauth2.token_url",
        ),
        ({"user": "a", "password_file": "S", "token_file": "S"}, "token_file"),
        ({"token_file": "S", "token_header": "x: hunter2"}, "token_scheme"),
        ({"retries": 6}, "retries"),
        ({"ca_file": "/nowhere/hunter2"}, "ca_file"),
    ],
)
def test_a_wrong_option_is_named_and_its_value_is_not(secret: str, change: dict[str, object], named: str) -> None:
    def put(value: object) -> object:
        if isinstance(value, dict):
            return {name: put(inner) for name, inner in value.items()}
        return secret if value == "S" else value

    with pytest.raises(SettingsInvalid) as refused:
        opened("a.example:80", **{name: put(value) for name, value in change.items()})
    assert f"`{named}`" in refused.value.message()
    assert "hunter2" not in refused.value.message()
