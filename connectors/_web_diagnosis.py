"""What an administrator is told of a web source: name, address, port, certificate, clock, sign-in, round trip."""

import asyncio
import ssl
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final

import httpcore2
import httpx2

from connectors._addresses import CheckedNetwork, is_own_host, may_connect
from connectors._http import Ask, Reach, WebService, origin_of, trusted
from connectors._told import bad, clock_found, doubtful, good, no_tcp
from gateway.errors import SourceDeclined, SourceDenied, SourceFailed
from gateway.spi import Finding, Outcome

_SECONDS: Final = 10.0


async def diagnose_service(
    name: str, url: str, reach: Reach, health: Callable[[], Awaitable[None]]
) -> AsyncIterator[Finding]:
    """Step by step; ends after the first that bars the rest."""
    scheme, origin = origin_of(url)
    host, port = httpx2.URL(url).host, int(origin.rpartition(":")[2])
    network = CheckedNetwork(name)
    try:
        found = await _dns(network, host, port)
        yield found
        if found.outcome is Outcome.BAD:
            return
        found = await _tcp(network, host, port, reach.connect_seconds)
        yield found
        if found.outcome is Outcome.BAD:
            return
    finally:
        network.close()
    if scheme == "https":
        found = await tls(host, port, reach.ca_file, reach.connect_seconds)
        yield found
        if found.outcome is Outcome.BAD:
            return
    else:
        yield doubtful(
            "tls",
            "the service is asked over plain HTTP",
            "以明文 HTTP 访问该服务",
            "have it offer https",
            "请启用 https",
        )
    yield await _clock(name, url, reach)
    yield await sign_in(health)


async def _dns(network: CheckedNetwork, host: str, port: int) -> Finding:
    try:
        async with asyncio.timeout(_SECONDS):
            addresses = await network.resolve(host, port)
    except (TimeoutError, httpcore2.ConnectError):
        return bad(
            "dns",
            "the host's name is not found",
            "无法解析主机名",
            "check it and the name server",
            "请检查主机名与 DNS",
        )
    own = is_own_host(host)
    if not all(may_connect(address, is_own_host_meant=own) for address in addresses):
        return bad(
            "dns",
            "the host's name leads to an address that is never asked (link-local, metadata, this machine)",
            "主机名指向禁止访问的地址（链路本地、云元数据或本机）",
            "have the name server corrected",
            "请更正 DNS 记录",
        )
    return good("dns", f"the host is known ({len(addresses)} addresses)", f"主机名可解析（{len(addresses)} 个地址）")


async def _tcp(network: CheckedNetwork, host: str, port: int, seconds: float) -> Finding:
    began = time.monotonic()
    try:
        stream = await network.connect_tcp(host, port, seconds)
        await stream.aclose()
    except Exception as error:  # noqa: BLE001  # the text may hold the address
        return no_tcp(type(error).__name__)
    return good("tcp", *_milliseconds("the port answers", "端口可连接", began))


async def tls(host: str, port: int, ca_file: str | None, seconds: float) -> Finding:
    """A handshake of its own, to say what is wrong with the certificate and when it ends."""
    try:
        async with asyncio.timeout(seconds):
            _, writer = await asyncio.open_connection(host, port, ssl=trusted(ca_file), server_hostname=host)
    except ssl.SSLCertVerificationError as error:
        return bad(
            "tls",
            f"the certificate is not good: {error.verify_message}",
            f"证书无效：{error.verify_message}",
            "give the authority's certificate as `ca_file`, or have the certificate renewed",
            "请以 `ca_file` 提供签发机构证书，或更新证书",
        )
    except (OSError, ValueError, TimeoutError) as error:
        told = type(error).__name__
        return bad(
            "tls", f"no TLS ({told})", f"TLS 握手失败（{told}）", "check that the port speaks TLS", "请确认端口支持 TLS"
        )
    session = writer.get_extra_info("ssl_object")
    version, certificate = session.version(), session.getpeercert() or {}
    writer.close()
    ends = str(certificate.get("notAfter", ""))
    days = (ssl.cert_time_to_seconds(ends) - time.time()) / 86_400 if ends else 0
    if days < 30:
        return doubtful(
            "tls",
            f"{version}; the certificate ends in {days:.0f} days",
            f"{version}；证书将在 {days:.0f} 天后到期",
            "have it renewed",
            "请更新证书",
        )
    return good(
        "tls", f"{version}; the certificate is good for {days:.0f} days", f"{version}；证书 {days:.0f} 天内有效"
    )


async def _clock(name: str, url: str, reach: Reach) -> Finding:
    """The service's clock by its header Date, which tells seconds."""
    service = WebService(name, reach)
    began = time.time()
    try:
        deadline = asyncio.get_running_loop().time() + _SECONDS
        answer = await service.ask(Ask(method="HEAD", url=url, is_safe=True), name, deadline)
        said = parsedate_to_datetime(answer.headers["date"])
    except (SourceFailed, KeyError, ValueError, TypeError):
        return good("clock", "the service doesn't tell its time", "服务未返回时间")
    finally:
        await service.close()
    middle = datetime.fromtimestamp((began + time.time()) / 2, UTC)
    return clock_found((said - middle).total_seconds(), 1.0)


async def sign_in(health: Callable[[], Awaitable[None]]) -> Finding:
    """One small question of the connector's own."""
    began = time.monotonic()
    try:
        await health()
    except SourceDenied:
        return bad(
            "sign-in",
            "the account is not let in",
            "账号被拒绝",
            "check the secret and that the account is not locked",
            "请检查凭据以及账号是否被锁定",
        )
    except SourceDeclined as error:
        return bad(
            "sign-in",
            f"the question was refused ({error.operator})",
            f"请求被拒绝（{error.operator}）",
            "check the path or operation in the settings",
            "请检查配置中的路径或操作名",
        )
    except SourceFailed as error:
        return bad(
            "sign-in",
            f"{error.code}: {error.operator or 'no answer'}",
            f"{error.code}：{error.operator or '无应答'}",
            "see docs/errors.md for the code",
            "请查阅 docs/errors.md",
        )
    return good("sign-in", *_milliseconds("signed in and answered", "登录并应答", began))


def _milliseconds(en: str, zh: str, began: float) -> tuple[str, str]:
    took = f"{(time.monotonic() - began) * 1000:.0f} ms"
    return f"{en} ({took})", f"{zh}（{took}）"
