"""The log to real receivers: syslog over UDP, TCP and TLS, OTLP over HTTP; in order, at least once, nobody waits."""

import asyncio
import datetime as dt
import http.server
import json
import queue
import re
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import (
    ExportLogsServiceRequest,
    ExportLogsServiceResponse,
)

from gateway.administration import archiving
from gateway.app import utc_now
from gateway.audit import Follower
from gateway.demo.prepare import Demo
from gateway.errors import ArchiveRefused
from gateway.settings import Audit, Forwarding, Settings
from gateway.store import open_state, read_positions
from gateway.telemetry import ForwardFailed, Record, open_sender
from gateway.telemetry.syslog import seen, syslog_message
from tests.audit_logs import NOON, ORIGIN, PEOPLE, House, entry, house, open_log
from tests.town import Town, edited_settings

_SECONDS = 10
_ELEMENT = re.compile(
    r"<(?P<pri>\d{1,3})>1 (?P<at>\S+) (?P<host>\S+) langqiao - (?P<name>\S+) "
    r"\[langqiao@32473(?P<params>(?:[^\\\]]|\\.)*)\] (?P<text>.*)"
)
_PARAMETER = re.compile(r' (\w+)="((?:[^"\\\]]|\\["\\\]])*)"')


def parsed(message: bytes) -> tuple[dict[str, str], dict[str, str]]:
    """Header and parameters of an RFC 5424 message, read as its grammar says."""
    found = _ELEMENT.fullmatch(message.decode())
    assert found is not None, message
    parameters = {name: re.sub(r"\\(.)", r"\1", value) for name, value in _PARAMETER.findall(found["params"])}
    assert "".join(f' {name}="{value}"' for name, value in _PARAMETER.findall(found["params"])) == found["params"]
    return found.groupdict(), parameters


class Collector:
    """A syslog server on a socket; says nothing, and can be taken away and brought back."""

    def __init__(self, context: ssl.SSLContext | None = None) -> None:
        self.messages: queue.Queue[bytes] = queue.Queue()
        self._context = context
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._connections: list[socket.socket] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
                if self._context is not None:
                    connection = self._context.wrap_socket(connection, server_side=True)
            except ssl.SSLError:
                continue
            except OSError:
                return
            self._connections.append(connection)
            threading.Thread(target=self._read, args=(connection,), daemon=True).start()

    def _read(self, connection: socket.socket) -> None:
        file = connection.makefile("rb")
        try:
            while digits := _until_space(file.read):
                self.messages.put(file.read(int(digits)))
        except (OSError, ValueError):
            pass

    def indices(self, count: int) -> list[int]:
        return [int(parsed(self.messages.get(timeout=_SECONDS))[1]["index"]) for _ in range(count)]

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for connection in self._connections:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
            connection.close()


def _until_space(read: Callable[[int], bytes]) -> bytes:
    digits = b""
    while (one := read(1)) not in {b" ", b""}:
        digits += one
    return digits


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> House:
    home = house(tmp_path_factory.mktemp("forwarded"))

    async def fill() -> None:
        async with open_log(home) as log:
            for number in range(30):
                changes: dict[str, Any] = {"outcome": "refused", "code": "GW401"} if number == 5 else {}
                await log.append(entry(number, justification='a "reason" ]\n<13>1 forged', **changes))

    asyncio.run(fill())
    return home


@contextmanager
def following(home: House, name: str, **settings: object) -> Iterator[Follower]:
    """A follower of a target; steps are taken by hand."""
    target = Forwarding.model_validate({"batch_entries": 10, **settings})
    state = open_state(home.url)
    sender = open_sender(target, ORIGIN)
    try:
        yield Follower(
            state, name, target, sender, opener=home.seals(state).open,
            blind=lambda text: "h" + str(len(text)) * 31, clock=utc_now,
        )  # fmt: skip
    finally:
        sender.close()
        state.close()


def positions(home: House) -> dict[str, int]:
    state = open_state(home.url)
    try:
        return read_positions(state)
    finally:
        state.close()


def test_entries_come_in_order_over_tcp_and_tell_nothing_of_people(home: House) -> None:
    collector = Collector()
    with following(home, "tcp", kind="syslog-tcp", address=f"127.0.0.1:{collector.port}") as one:
        assert [one.step() for _ in range(4)] == [True, True, True, False]
        assert one.seen.behind == 0
    messages = [collector.messages.get(timeout=_SECONDS) for _ in range(30)]
    collector.close()
    said = [parsed(message) for message in messages]
    assert [int(parameters["index"]) for _, parameters in said] == list(range(30))
    header, parameters = said[5]
    assert header["pri"] == str(13 * 8 + 5)
    assert header["at"] == NOON.replace(tzinfo=None).isoformat() + "Z"
    assert (parameters["kind"], parameters["outcome"], parameters["code"]) == ("read", "refused", "GW401")
    assert (header["host"], header["text"]) == (ORIGIN, "entry 5: read refused GW401 community.need")
    told = b"".join(messages)
    for private in (b"worker-", b"reason", b"forged", PEOPLE[0].encode(), f"{7:032x}".encode()):
        assert private not in told


def test_what_a_receiver_that_died_did_not_take_is_sent_again(home: House) -> None:
    first = Collector()
    with following(home, "dying", kind="syslog-tcp", address=f"127.0.0.1:{first.port}") as one:
        assert one.step()
        assert first.indices(10) == list(range(10))
        first.close()
        with pytest.raises(ForwardFailed):
            one.step()
        reached = positions(home)["dying"]
    second = Collector()
    # another process goes on where the position stands, once the first let go
    with following(home, "dying", kind="syslog-tcp", address=f"127.0.0.1:{second.port}") as other:
        assert not other.step(), "the target is held by the first for its lease"
        other._holder = one._holder
        other._renew_at = None
        while other.step():
            pass
        assert second.indices(30 - reached) == list(range(reached, 30))
    second.close()
    assert reached == 10


def test_datagrams_and_keyed_hashes_of_people(home: House) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as receiver:
        receiver.bind(("127.0.0.1", 0))
        receiver.settimeout(_SECONDS)
        address = f"127.0.0.1:{receiver.getsockname()[1]}"
        with following(home, "udp", kind="syslog-udp", address=address, people_as_hashes=True) as one:
            assert one.step()
        said = [parsed(receiver.recv(65_535))[1] for _ in range(10)]
    assert [int(one["index"]) for one in said] == list(range(10))
    assert said[3]["principal_hash"] == "h" + str(len("principal worker-3")) * 31
    assert said[3]["subjects_count"] == "1"
    assert "worker" not in str(said)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Certificate and key of a receiver on 127.0.0.1."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "collector")])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(7)
        .not_valid_before(utc_now() - dt.timedelta(days=1))
        .not_valid_after(utc_now() + dt.timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    folder = tmp_path_factory.mktemp("certificate")
    (folder / "cert.pem").write_bytes(made.public_bytes(serialization.Encoding.PEM))
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (folder / "key.pem").write_bytes(private)
    return folder / "cert.pem", folder / "key.pem"


def test_tls_to_whom_the_authority_vouches_for_and_to_nobody_else(home: House, certificate: tuple[Path, Path]) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate)
    collector = Collector(context)
    address = f"localhost:{collector.port}"
    with (
        following(home, "stranger", kind="syslog-tls", address=address) as stranger,
        pytest.raises(ForwardFailed, match="SSLCertVerificationError"),
    ):
        stranger.step()
    other_name = f"127.0.0.1:{collector.port}"
    with (
        following(home, "misnamed", kind="syslog-tls", address=other_name, ca_file=certificate[0]) as misnamed,
        pytest.raises(ForwardFailed),
    ):
        misnamed.step()
    with following(home, "tls", kind="syslog-tls", address=address, ca_file=certificate[0]) as known:
        assert known.step()
        assert known.step()
    assert collector.indices(20) == list(range(20))
    assert collector.messages.empty()
    collector.close()


class _Otlp(http.server.BaseHTTPRequestHandler):
    requests: "queue.Queue[ExportLogsServiceRequest]"
    answers: list[int]

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        status = self.answers.pop(0) if self.answers else 200
        if status == 200:
            request = ExportLogsServiceRequest()
            request.ParseFromString(body)
            self.requests.put(request)
        answer = ExportLogsServiceResponse().SerializeToString()
        self.send_response(status)
        self.send_header("content-type", "application/x-protobuf")
        self.send_header("content-length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's name
        pass


def test_otlp_logs_are_taken_by_a_collector_and_sent_again_where_it_was_ill(home: House) -> None:
    _Otlp.requests, _Otlp.answers = queue.Queue(), [503, 200, 429]
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Otlp) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        address = f"http://127.0.0.1:{server.server_address[1]}/v1/logs"
        with following(home, "otlp", kind="otlp", address=address) as one:
            for told in (503, True, 429, True, True, False):
                if isinstance(told, bool):
                    assert one.step() is told
                else:
                    with pytest.raises(ForwardFailed, match=str(told)):
                        one.step()
        server.shutdown()
    requests = [_Otlp.requests.get(timeout=_SECONDS) for _ in range(3)]
    records = [
        record
        for request in requests
        for resource in request.resource_logs
        for scope in resource.scope_logs
        for record in scope.log_records
    ]
    said = [{one.key: one.value for one in record.attributes} for record in records]
    assert [one["langqiao.index"].int_value for one in said] == list(range(30))
    assert records[5].severity_text == "INFO2"
    assert records[5].event_name == "langqiao.read"
    assert records[5].time_unix_nano == round(NOON.timestamp() * 1_000_000) * 1_000
    assert said[5]["langqiao.needs_review"].bool_value is False
    assert requests[0].resource_logs[0].resource.attributes[1].value.string_value == ORIGIN
    assert "worker" not in str(requests)


# every text that may be hostile, in a value, in the sentence and in the name of the log
@given(
    value=st.text(st.characters(), max_size=60) | st.just('"]\\\r\n<13>1 - forged [x@1 a="b"]\u2028\u202e'),
    text=st.text(st.characters(), max_size=60),
    origin=st.text(max_size=20),
)
def test_nothing_in_an_entry_can_begin_another_message(value: str, text: str, origin: str) -> None:
    record = Record(at=NOON, severity="info", name="read", text=text, attributes={"organisation": value, "rows": 3})
    message = syslog_message(record, origin, 32473)
    header, parameters = parsed(message)
    assert parameters == {"organisation": seen(value), "rows": "3"}
    assert header["text"] == seen(text)
    assert not any(byte < 0x20 or byte == 0x7F for byte in message)


def test_a_value_is_never_longer_than_it_may_be() -> None:
    record = Record(at=NOON, severity="info", name="read", text="", attributes={"fields": "x" * 60_000})
    assert len(syslog_message(record, ORIGIN, 32473)) < 2_048


def test_a_target_that_is_gone_holds_nobody_up_and_is_told(fresh_demo: Demo, serve: Callable[[Demo], Town]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as nobody:
        port = nobody.getsockname()[1]
    edited_settings(fresh_demo, f'\n[forwarding.siem]\nkind = "syslog-tcp"\naddress = "127.0.0.1:{port}"\n')
    town = serve(fresh_demo)
    assert town.ask("grid-worker", "community.need?select=name&limit=1", "home-visit").status == 200
    told = town.get("/readyz", {})
    assert told.status_code == 200
    state = told.json()["forwarding"]["siem"]
    assert state["state"] in {"ok", "stopped"}
    for _ in range(50):
        if state["state"] == "stopped":
            break
        threading.Event().wait(0.1)
        state = town.get("/readyz", {}).json()["forwarding"]["siem"]
    assert state["state"] == "stopped"
    assert state["behind"] >= 1
    collector = _at(port)
    town.ask("grid-worker", "community.need?select=name&limit=1", "home-visit")
    assert collector.indices(3) == [0, 1, 2], "from the first, though it was away"
    collector.close()


def _at(port: int) -> Collector:
    collector = Collector()
    collector._listener.shutdown(socket.SHUT_RDWR)
    collector._listener.close()
    collector._listener = socket.create_server(("127.0.0.1", port))
    collector.port = port
    threading.Thread(target=collector._accept, daemon=True).start()
    return collector


def test_what_was_not_forwarded_is_not_archived(home: House, tmp_path: Path) -> None:
    target = Forwarding(kind="syslog-udp", address="127.0.0.1:9")
    settings = Settings(
        state_url=home.url, keys=home.keys, high_water=home.high_water, audit=Audit(origin=ORIGIN),
        forwarding={"nowhere": target},
    )  # fmt: skip
    ring = home.folder / "keys" / "ring.db"
    settings = settings.model_copy(update={"state_url": f"sqlite:///{ring}"})
    with pytest.raises(ArchiveRefused, match="nowhere"):
        archiving.archive(settings, tmp_path / "archive", 5, utc_now, removes=False)
    assert not (tmp_path / "archive").exists()


@pytest.mark.parametrize(
    "settings",
    [
        {"kind": "otlp", "address": "127.0.0.1:4318"},
        {"kind": "syslog-tcp", "address": "http://127.0.0.1"},
        {"kind": "syslog-tcp", "address": "127.0.0.1"},
        {"kind": "syslog", "address": "127.0.0.1:1"},
    ],
)
def test_a_target_that_can_not_be_is_refused(settings: dict[str, str]) -> None:
    with pytest.raises(ValueError, match="validation error"):
        Forwarding.model_validate(settings)
    assert json.dumps(settings) not in repr(Forwarding(kind="syslog-udp", address="127.0.0.1:514"))
