"""Which addresses a web source may be reached at. What a name resolves to is judged, and just that is connected to.

Never: link-local (there the cloud keeps its metadata), the metadata services elsewhere, multicast, unspecified and
reserved ones, in whatever notation (IPv4 inside IPv6 too). The gateway's own host only where the settings say so in as
many words: a name of a department that leads to 127.0.0.1 is an attack or a mistake. Private networks are where the
departments live: they are allowed.
"""

import asyncio
import ipaddress
import socket
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Final

import httpcore2

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

_METADATA: Final = frozenset(
    ipaddress.ip_address(text)
    for text in (
        "100.100.100.200",  # Alibaba Cloud
        "168.63.129.16",  # Azure
        "192.0.0.192",  # Oracle Cloud
        "fd00:ec2::254",  # AWS
        "fd20:ce::254",  # Google Cloud
    )
)
_NAT64: Final = ipaddress.ip_network("64:ff9b::/96")
_RESOLVERS: Final = 2


class ForbiddenAddress(Exception):
    """The host leads to where a source never is. The text holds no address."""


def may_connect(address: Address, *, is_own_host_meant: bool) -> bool:
    """Whether a source can be there."""
    bare = _bare(address)
    if bare.is_loopback:
        return is_own_host_meant
    return not (
        bare.is_link_local or bare.is_multicast or bare.is_unspecified or bare.is_reserved or bare in _METADATA
        or (isinstance(bare, ipaddress.IPv4Address) and int(bare) >> 24 == 0)
    )  # fmt: skip


def is_own_host(host: str) -> bool:
    """Whether a host of the settings means the gateway's own machine."""
    if host.lower() == "localhost":
        return True
    address = literal(host)
    return address is not None and address.is_loopback


def literal(host: str) -> Address | None:
    """The address that a host is written as, if it is one."""
    try:
        return ipaddress.ip_address(host.strip("[]").partition("%")[0])
    except ValueError:
        return None


def _bare(address: Address) -> Address:
    """The IPv4 address that an IPv6 one stands for."""
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped is not None:
            return address.ipv4_mapped
        if address.sixtofour is not None:
            return address.sixtofour
        if address.teredo is not None:
            return address.teredo[1]
        if address in _NAT64 or (int(address) >> 32 == 0 and int(address) > 1):
            return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address


class CheckedNetwork(httpcore2.AsyncNetworkBackend):
    """Connects to addresses that were judged; resolves in threads of its own: a dead DNS holds up nobody else."""

    def __init__(self, name: str) -> None:
        self._network = httpcore2.AnyIOBackend()
        self._resolvers = ThreadPoolExecutor(max_workers=_RESOLVERS, thread_name_prefix=f"resolve-{name}")

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109  # the library's signature
        local_address: str | None = None,
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        """Resolve, judge all, connect to the first that answers; raises ForbiddenAddress."""
        try:
            async with asyncio.timeout(timeout):
                addresses = await self.resolve(host, port)
        except TimeoutError:
            raise httpcore2.ConnectTimeout from None
        is_own = is_own_host(host)
        if not addresses or not all(may_connect(address, is_own_host_meant=is_own) for address in addresses):
            raise ForbiddenAddress("the host leads to an address that is never asked")
        failure: Exception = httpcore2.ConnectError()
        for address in addresses:
            try:
                return await self._network.connect_tcp(str(address), port, timeout, local_address, socket_options)
            except (httpcore2.ConnectError, httpcore2.ConnectTimeout) as error:
                failure = error
        raise failure

    async def resolve(self, host: str, port: int) -> list[Address]:
        """The addresses of a host, each once; raises ConnectError."""
        written = literal(host)
        if written is not None:
            return [written]
        loop = asyncio.get_running_loop()
        try:
            found = await loop.run_in_executor(self._resolvers, _look_up, host, port)
        except (OSError, UnicodeError):
            raise httpcore2.ConnectError from None
        return [ipaddress.ip_address(text.partition("%")[0]) for text in dict.fromkeys(found)]

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        await asyncio.sleep(seconds)

    def close(self) -> None:
        """End the threads."""
        self._resolvers.shutdown(wait=False, cancel_futures=True)


def _look_up(host: str, port: int) -> list[str]:
    return [str(entry[4][0]) for entry in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]
