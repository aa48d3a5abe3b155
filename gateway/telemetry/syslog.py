"""Records -> RFC 5424 messages, over UDP (RFC 5426), TCP with octet counting (RFC 6587) or TLS (RFC 5425)."""

import fcntl
import re
import socket
import ssl
import struct
import termios
import time
from collections.abc import Sequence
from typing import Final

from gateway.settings import Forwarding
from gateway.telemetry.records import ForwardFailed, Record

_FACILITY: Final = 13  # log audit
_SEVERITIES: Final = {"info": 6, "notice": 5, "warning": 4}
_LONGEST_VALUE: Final = 1_024
_SECONDS: Final = 10.0
_LOOK_EVERY_SECONDS: Final = 0.002
# what could break a line or turn its direction; the first 32 and DEL have pictures of their own
_UNSEEN = re.compile("[\x00-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff\ufeff]")
_NAME = re.compile(r"[\x21-\x7e]{1,255}")


class SyslogSender:
    """One connection at a time, made when it is needed. Blocking; for one thread."""

    def __init__(self, settings: Forwarding, origin: str) -> None:
        host, _, port = settings.address.rpartition(":")
        self._host, self._port = host.strip("[]"), int(port)
        self._settings = settings
        self._origin = origin
        self._socket: socket.socket | None = None

    def send(self, records: Sequence[Record]) -> None:
        """Return when the other side's kernel has them (UDP: when they left); raises ForwardFailed."""
        try:
            connection = self._socket = self._socket or self._connect()
            messages = [syslog_message(record, self._origin, self._settings.enterprise_number) for record in records]
            if self._settings.kind == "syslog-udp":
                for message in messages:
                    connection.send(message)
                return
            connection.sendall(b"".join(b"%d %b" % (len(message), message) for message in messages))
            _wait_until_taken(connection)
        except OSError as error:
            self.close()
            raise ForwardFailed(type(error).__name__) from None

    def close(self) -> None:
        """Let the connection go."""
        connection, self._socket = self._socket, None
        if connection is not None:
            connection.close()

    def _connect(self) -> socket.socket:
        if self._settings.kind == "syslog-udp":
            family, kind, protocol, _, address = socket.getaddrinfo(self._host, self._port, type=socket.SOCK_DGRAM)[0]
            datagrams = socket.socket(family, kind, protocol)
            datagrams.settimeout(_SECONDS)
            datagrams.connect(address)
            return datagrams
        plain = socket.create_connection((self._host, self._port), timeout=_SECONDS)
        if self._settings.kind == "syslog-tcp":
            return plain
        try:
            context = ssl.create_default_context(
                cafile=str(self._settings.ca_file) if self._settings.ca_file is not None else None
            )
            context.minimum_version = ssl.TLSVersion.TLSv1_2
            if self._settings.client_certificate is not None:
                context.load_cert_chain(self._settings.client_certificate)
            return context.wrap_socket(plain, server_hostname=self._host)
        except BaseException:
            plain.close()
            raise


def syslog_message(record: Record, origin: str, enterprise_number: int) -> bytes:
    """One message: every attribute is a parameter of one structured element; nothing in it can begin another."""
    priority = _FACILITY * 8 + _SEVERITIES[record.severity]
    at = record.at.replace(tzinfo=None).isoformat(timespec="microseconds")
    host = origin if _NAME.fullmatch(origin) else "-"
    parameters = " ".join(f'{name}="{_escaped(str(value))}"' for name, value in record.attributes.items())
    element = f"[langqiao@{enterprise_number} {parameters}]"
    return f"<{priority}>1 {at}Z {host} langqiao - {record.name} {element} {seen(record.text)}".encode()


def seen(text: str) -> str:
    """The same with a picture (U+2400 …) or U+FFFD for what isn't seen, and never longer than a value may be."""

    def picture(found: re.Match[str]) -> str:
        code = ord(found[0])
        return chr(0x2400 + code) if code < 0x20 else "\u2421" if code == 0x7F else "\ufffd"

    return _UNSEEN.sub(picture, text[:_LONGEST_VALUE])


def _escaped(value: str) -> str:
    return re.sub(r'(["\\\]])', r"\\\1", seen(value))


def _wait_until_taken(connection: socket.socket) -> None:
    """Until nothing is under way: what the other side's kernel did not take is sent again over the next connection."""
    end = time.monotonic() + _SECONDS
    while True:
        under_way = struct.unpack("i", fcntl.ioctl(connection.fileno(), termios.TIOCOUTQ, b"\0" * 4))[0]
        _refuse_farewell(connection)
        if not under_way:
            return
        if time.monotonic() > end:
            raise TimeoutError
        time.sleep(_LOOK_EVERY_SECONDS)


def _refuse_farewell(connection: socket.socket) -> None:
    """A collector says nothing: where something can be read, and it is the end, it has gone."""
    connection.setblocking(False)
    try:
        if connection.recv(1) == b"":
            raise ConnectionResetError
    except (BlockingIOError, ssl.SSLWantReadError):
        pass
    finally:
        connection.settimeout(_SECONDS)
