"""The vault over real HTTP: what it reads, and that nothing of it is told whatever goes wrong."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from gateway.errors import SettingsInvalid
from gateway.model.ids import SourceName
from gateway.settings import Settings
from gateway.sources import Credentials, open_stores
from gateway.sources.vault import Vault
from tests.connectors.sources import serving
from tests.connectors.web import reply


class Kv:
    """KV version 2, as much as is needed: `/v1/kv/data/civil`."""

    def __init__(self) -> None:
        self.status = 200
        self.body: Any = {"data": {"data": {"token": "pw-1", "other": 7}, "metadata": {"version": 3}}}
        self.lease = 0
        self.asked: list[tuple[str, str | None, str | None]] = []

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        headers = {name.decode(): value.decode() for name, value in scope["headers"]}
        self.asked.append((scope["path"], headers.get("x-vault-token"), headers.get("x-vault-namespace")))
        if headers.get("x-vault-token") != "root-token":
            await reply(send, b'{"errors": ["permission denied"]}', 403)
        elif self.status != 200:
            await reply(send, b"", self.status, {"location": "http://127.0.0.1:1/"})
        elif scope["path"] != "/v1/kv/data/civil":
            await reply(send, b'{"errors": []}', 404)
        else:
            body = self.body if isinstance(self.body, str) else json.dumps({"lease_duration": self.lease, **self.body})
            await reply(send, body.encode())


@pytest.fixture
def token(tmp_path: Path) -> Path:
    (tmp_path / "vault-token").write_text("root-token\n")
    return tmp_path / "vault-token"


async def test_a_secret_is_read_with_the_token_of_the_file(token: Path) -> None:
    kv = Kv()
    with serving(kv) as host:
        vault = Vault.open("v", {"address": f"http://{host}", "token_file": str(token), "namespace": "city"})
        lease = await asyncio.to_thread(vault.read, "kv/data/civil#token")
        assert lease is not None
        assert (lease.secret.get_secret_value(), lease.seconds) == ("pw-1", 300)
        kv.lease = 60
        lease = await asyncio.to_thread(vault.read, "kv/data/civil#token")
        assert lease is not None
        assert lease.seconds == 60
        token.write_text("stale")
        assert await asyncio.to_thread(vault.read, "kv/data/civil#token") is None
        token.unlink()
        assert await asyncio.to_thread(vault.read, "kv/data/civil#token") is None
    assert kv.asked[0] == ("/v1/kv/data/civil", "root-token", "city")
    assert len(kv.asked) == 3
    assert "pw-1" not in repr(lease) + repr(vault)
    assert host not in repr(vault)


@pytest.mark.parametrize(
    "reference", ["kv/data/civil#gone", "kv/data/civil#other", "kv/data/none#token", "kv/../sys/seal#x", "civil", "a#b",
                  "kv/data/civil?x=1#token", "http://evil/x#y"],
)  # fmt: skip
async def test_what_is_no_secret_is_none(token: Path, reference: str) -> None:
    with serving(Kv()) as host:
        vault = Vault.open("v", {"address": f"http://{host}", "token_file": str(token)})
        assert await asyncio.to_thread(vault.read, reference) is None


@pytest.mark.parametrize(
    ("status", "body"), [(503, {}), (302, {}), (200, "no json"), (200, "[]"), (200, "x" * 2_000_000), (200, {})]
)
async def test_a_sick_vault_gives_none(token: Path, status: int, body: Any) -> None:
    kv = Kv()
    kv.status, kv.body = status, body
    with serving(kv) as host:
        vault = Vault.open("v", {"address": f"http://{host}", "token_file": str(token), "seconds": 2})
        assert await asyncio.to_thread(vault.read, "kv/data/civil#token") is None
    assert await asyncio.to_thread(vault.read, "kv/data/civil#token") is None  # nobody listens any more


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"address": "ftp://hunter2", "token_file": "/t"}, "address"),
        ({"address": "http://u:hunter2@v", "token_file": "/t"}, "address"),
        ({"address": "http://v"}, "token_file"),
        ({"address": "http://v", "token_file": "/t", "token": "hunter2"}, "token"),
    ],
)
def test_a_wrong_option_is_named_and_its_value_is_not(options: dict[str, object], named: str) -> None:
    with pytest.raises(SettingsInvalid) as refused:
        Vault.open("v", options)
    assert f".{named}`" in refused.value.message()
    assert "hunter2" not in refused.value.message()


async def test_the_settings_name_stores_and_sources_refer_to_them(token: Path) -> None:
    kv = Kv()
    with serving(kv) as host:
        settings = Settings.model_validate(
            {"secrets": {"city": {"kind": "vault", "address": f"http://{host}", "token_file": str(token)}}}
        )
        stores = open_stores(settings)

        def credentials(**given: object) -> Credentials:
            return Credentials(name=SourceName("civil"), given=given, stores=stores)

        held = await asyncio.to_thread(
            credentials, oauth2={"client_secret_secret": "city:kv/data/civil#token"}, plain="x"
        )
        options = held.options()
        assert options["plain"] == "x"
        assert options["oauth2"]["client_secret"].get_secret_value() == "pw-1"  # type: ignore[index]
        assert "pw-1" not in repr(options) + repr(held)
        for wrong in ("city:kv/data/none#token", "other:kv/data/civil#token", "city"):
            with pytest.raises(SettingsInvalid) as refused:
                await asyncio.to_thread(credentials, url_secret=wrong)
            assert "url_secret" in refused.value.message()
    with pytest.raises(SettingsInvalid):
        open_stores(Settings.model_validate({"secrets": {"x": {"kind": "no-such"}}}))
