"""No setting, name, redirect or notation leads a web source to the cloud's metadata or to this machine."""

import ipaddress
import socket
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors._addresses import is_own_host, may_connect
from connectors.rest import RestConnector
from gateway.errors import SettingsInvalid, SourceDeclined, SourceFailed
from gateway.model.ids import SourceName
from tests.connectors import kit
from tests.connectors.sources import serving

NEVER = [
    "169.254.169.254", "169.254.0.1", "::ffff:169.254.169.254", "::169.254.169.254", "64:ff9b::a9fe:a9fe",
    "2002:a9fe:a9fe::1", "fe80::1", "fd00:ec2::254", "100.100.100.200", "168.63.129.16", "192.0.0.192", "0.0.0.0",
    "0.1.2.3", "255.255.255.255", "224.0.0.1", "240.0.0.1", "::", "ff02::1", "fd20:ce::254",
]  # fmt: skip
OWN = ["127.0.0.1", "127.8.8.8", "::1", "::ffff:127.0.0.1"]


def opened(url: str, *hosts: str) -> RestConnector:
    options = {"base_url": url, "host_allow": list(hosts), "tables": {kit.TABLE: {"path": "/e", "paging": "none"}}}
    return RestConnector.open(SourceName("evil"), options)


@pytest.mark.parametrize("text", NEVER)
def test_what_is_never_asked(text: str) -> None:
    for is_own in (True, False):
        assert not may_connect(ipaddress.ip_address(text), is_own_host_meant=is_own)


@pytest.mark.parametrize("text", OWN)
def test_the_gateways_own_host_only_where_it_is_meant(text: str) -> None:
    assert may_connect(ipaddress.ip_address(text), is_own_host_meant=True)
    assert not may_connect(ipaddress.ip_address(text), is_own_host_meant=False)


@pytest.mark.parametrize("text", ["10.1.2.3", "192.168.0.9", "172.16.0.1", "8.8.8.8", "fd12::1", "2408:8000::1"])
def test_departments_networks_are_asked(text: str) -> None:
    assert may_connect(ipaddress.ip_address(text), is_own_host_meant=False)


@given(st.ip_addresses(v=4, network="169.254.0.0/16"))
def test_no_notation_of_a_link_local_address_passes(address: ipaddress.IPv4Address) -> None:
    packed = int(address)
    for number in (0xFFFF << 32 | packed, 0x64FF9B << 96 | packed, 0x2002 << 112 | packed << 80, packed):
        assert not may_connect(ipaddress.IPv6Address(number), is_own_host_meant=True)


@pytest.mark.parametrize("host", ["169.254.169.254:80", "[fe80::1]:80", "[::ffff:169.254.169.254]:80", "0.0.0.0:80"])
def test_the_settings_can_not_list_it(host: str) -> None:
    with pytest.raises(SettingsInvalid) as refused:
        opened(f"http://{host}", host)
    assert "`host_allow`" in refused.value.message()
    assert "169.254" not in refused.value.message()


async def refusal(connector: RestConnector) -> SourceFailed:
    try:
        with pytest.raises(SourceFailed) as failed:
            await connector.health()
    finally:
        await connector.close()
    return failed.value


@pytest.mark.parametrize("leads_to", ["169.254.169.254", "127.0.0.1", "::ffff:169.254.169.254"])
async def test_a_name_that_resolves_there_is_not_asked(monkeypatch: pytest.MonkeyPatch, leads_to: str) -> None:
    """The department's name server is the attacker: its answer is put in the resolver's place; all else is real."""
    asked: list[Any] = []

    async def listener(scope: Any, receive: Any, send: Any) -> None:
        asked.append(scope)

    with serving(listener) as host:
        port = host.rpartition(":")[2]
        family = socket.AF_INET6 if ":" in leads_to else socket.AF_INET
        entry = (family, socket.SOCK_STREAM, 6, "", (leads_to, int(port)))
        monkeypatch.setattr(socket, "getaddrinfo", lambda *_arguments, **_named: [entry])
        failed = await refusal(opened(f"http://market.example:{port}", f"market.example:{port}"))
    assert isinstance(failed, SourceDeclined)
    assert not asked
    assert leads_to not in failed.operator + failed.message()


async def test_one_good_address_beside_a_bad_one_does_not_help(monkeypatch: pytest.MonkeyPatch) -> None:
    entries = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (text, 80)) for text in ("10.255.255.1", "169.254.169.254")]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_arguments, **_named: entries)
    assert isinstance(await refusal(opened("http://market.example:80", "market.example:80")), SourceDeclined)


async def test_a_redirect_is_not_followed_even_within_the_list() -> None:
    seen: list[str] = []

    async def service(scope: Any, receive: Any, send: Any) -> None:
        seen.append(scope["path"])
        await send({"type": "http.response.start", "status": 307, "headers": [(b"location", b"/other")]})
        await send({"type": "http.response.body", "body": b""})

    with serving(service) as host:
        assert isinstance(await refusal(opened(f"http://{host}", host)), SourceDeclined)
    assert seen == ["/e"]


async def test_no_proxy_of_the_environment_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    proxied: list[Any] = []

    async def proxy(scope: Any, receive: Any, send: Any) -> None:
        proxied.append(scope)

    async def service(scope: Any, receive: Any, send: Any) -> None:
        headers = [(b"content-type", b"application/json")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": b"[]"})

    with serving(proxy) as evil, serving(service) as host:
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, f"http://{evil}")
        connector = opened(f"http://{host}", host)
        await connector.health()
        await connector.close()
    assert not proxied


def test_which_hosts_mean_this_machine() -> None:
    assert all(is_own_host(host) for host in ("localhost", "127.0.0.1", "[::1]"))
    assert not any(is_own_host(host) for host in ("localhost.evil.example", "10.0.0.1"))
