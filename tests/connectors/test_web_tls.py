"""Web sources over real TLS: an authority that the settings name, names that must match, what is heard of it."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from connectors.rest import RestConnector
from gateway.errors import SourceUnavailable
from gateway.model.ids import SourceName
from gateway.spi import Finding, Outcome
from tests.connectors import kit
from tests.connectors.sources import serving
from tests.connectors.web import Pages


def authority(folder: Path, days: int) -> None:
    """An authority of our own (`ca.pem`) and what it vouches for (`server.pem`): localhost, and nothing else."""
    now = datetime.now(UTC)  # noqa: TID251  # real certificates are good for a real time
    ca_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    ca_name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "city CA")])

    def built(name: str, public: ec.EllipticCurvePublicKey, extension: x509.ExtensionType) -> x509.Certificate:
        builder = (
            x509.CertificateBuilder()
            .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
            .issuer_name(ca_name)
            .public_key(public)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(days=1))
            .not_valid_after(now + timedelta(days=days))
            .add_extension(extension, critical=isinstance(extension, x509.BasicConstraints))
        )
        return builder.sign(ca_key, hashes.SHA256())

    ca = built("city CA", ca_key.public_key(), x509.BasicConstraints(ca=True, path_length=None))
    leaf = built("localhost", key.public_key(), x509.SubjectAlternativeName([x509.DNSName("localhost")]))
    pem = serialization.Encoding.PEM
    (folder / "ca.pem").write_bytes(ca.public_bytes(pem))
    secret = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    (folder / "server.pem").write_bytes(leaf.public_bytes(pem) + secret)


@pytest.fixture(scope="module")
def secure(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    folder = tmp_path_factory.mktemp("tls")
    authority(folder, 90)
    with serving(Pages(), ssl_certfile=str(folder / "server.pem")) as host:
        yield host.rpartition(":")[2], folder


def opened(host: str, **options: object) -> RestConnector:
    table = {"path": "/none", "rows": "items", "paging": "none"}
    given = {"base_url": f"https://{host}", "host_allow": [host], "tables": {kit.TABLE: table}, **options}
    return RestConnector.open(SourceName("secure"), given)


async def heard(connector: RestConnector) -> Finding:
    try:
        (found,) = [one async for one in connector.diagnose(()) if one.step == "tls"]
    finally:
        await connector.close()
    return found


async def test_the_named_authority_is_trusted_and_the_name_travels(secure: tuple[str, Path]) -> None:
    port, folder = secure
    ca = str(folder / "ca.pem")
    connector = opened(f"localhost:{port}", ca_file=ca)
    fetch = kit.make_fetch(columns=["id"])
    assert await kit.collect(connector, fetch) == kit.expected(fetch)
    await connector.close()
    found = await heard(opened(f"localhost:{port}", ca_file=ca))
    assert found.outcome is Outcome.GOOD
    assert "TLSv1.3" in found.told[0]


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1"])
async def test_another_authority_and_another_name_are_not(secure: tuple[str, Path], host: str) -> None:
    port, folder = secure
    options = {"ca_file": str(folder / "ca.pem")} if host == "127.0.0.1" else {}
    connector = opened(f"{host}:{port}", **options)
    with pytest.raises(SourceUnavailable):
        await connector.health()
    await connector.close()
    found = await heard(opened(f"{host}:{port}", **options))
    assert found.outcome is Outcome.BAD
    assert "certificate is not good" in found.told[0]
    assert port not in str(found)


async def test_a_certificate_near_its_end_is_doubtful(tmp_path: Path) -> None:
    authority(tmp_path, 10)
    with serving(Pages(), ssl_certfile=str(tmp_path / "server.pem")) as host:
        port = host.rpartition(":")[2]
        found = await heard(opened(f"localhost:{port}", ca_file=str(tmp_path / "ca.pem")))
    assert found.outcome is Outcome.DOUBTFUL
    assert "10 days" in found.told[0] or "9 days" in found.told[0]


async def test_a_service_that_speaks_no_tls_gets_no_credential(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("s3cret")
    service = Pages()
    with serving(service) as host:
        connector = opened(host, token_file=str(tmp_path / "token"))
        with pytest.raises(SourceUnavailable):
            await connector.health()
        await connector.close()
    assert not service.headers
