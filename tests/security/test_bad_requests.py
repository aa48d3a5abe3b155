"""Credentials and requests that must fail to get data, over real HTTP."""

import base64
import contextlib
import hmac
import json
import socket
from datetime import timedelta

import pytest

from gateway.app import utc_now
from gateway.demo.ask import Asker
from gateway.demo.personas import DEMO_ISSUER
from gateway.keys import Issuer
from tests.town import Town

PATH = "/data/community.need?select=name&limit=1"
MEGABYTES_10 = 10 * 1024 * 1024


def _claims(**changed: object) -> dict[str, object]:
    return {
        "sub": "grid-worker",
        "aud": "langqiao",
        "roles": ["community/grid-worker"],
        "org": "x",
        "regions": ["330102013001"],
        "jti": "t1",
    } | changed


def _with_token(town: Town, token: str) -> dict[str, str]:
    return town.headers("grid-worker", "home-visit") | {"authorization": f"Bearer {token}"}


def _issuer(town: Town) -> Issuer:
    return Issuer.open(town.demo.folder / "issuer", DEMO_ISSUER)


def test_a_good_token_of_the_same_making_is_taken(town: Town) -> None:
    token = _issuer(town).sign(_claims(), lifetime_seconds=60, now=utc_now())
    assert town.get(PATH, _with_token(town, token)).status_code == 200


def test_an_expired_token_says_sign_in_again(town: Town) -> None:
    token = _issuer(town).sign(_claims(), lifetime_seconds=60, now=utc_now() - timedelta(hours=1))
    response = town.get(PATH, _with_token(town, token))
    assert (response.status_code, response.json()["gateway_code"]) == (401, "GW303")
    assert "Bearer" in response.headers["www-authenticate"]


@pytest.mark.parametrize(
    "changed",
    [{"aud": "another"}, {"roles": "community/grid-worker"}, {"regions": ["33' or 1=1"]}, {"sub": 5}, {"jti": None}],
)
def test_a_signed_token_with_unfit_claims_is_none(town: Town, changed: dict[str, object]) -> None:
    token = _issuer(town).sign(_claims(**changed), lifetime_seconds=60, now=utc_now())
    assert town.get(PATH, _with_token(town, token)).status_code == 401


def test_a_token_of_tomorrow_is_none_today(town: Town) -> None:
    token = _issuer(town).sign(_claims(), lifetime_seconds=60, now=utc_now() + timedelta(days=1))
    assert town.get(PATH, _with_token(town, token)).status_code == 401


def _unsigned(header: dict[str, object]) -> str:
    def part(value: dict[str, object]) -> str:
        return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()

    now = int(utc_now().timestamp())
    return f"{part(header)}.{part(_claims(iss=DEMO_ISSUER, iat=now, exp=now + 60))}."


def test_unsigned_and_foreign_tokens_are_none(town: Town) -> None:
    jwks = _issuer(town).jwks()
    kid = jwks["keys"][0]["kid"]
    # the public key taken for a shared secret: the classic confusion of algorithms
    signed = _unsigned({"alg": "HS256", "kid": kid})
    for secret in (json.dumps(jwks), json.dumps(jwks["keys"][0]), jwks["keys"][0]["x"]):
        digest = hmac.digest(secret.encode(), signed.rstrip(".").encode(), "sha256")
        confused = signed + base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
        assert town.get(PATH, _with_token(town, confused)).status_code == 401
    for token in (
        _unsigned({"alg": "none", "kid": kid}),
        _unsigned({"alg": "EdDSA", "kid": kid}) + "AAAA",
        "x.y.z",
        "a" * 20_000,
    ):
        assert town.get(PATH, _with_token(town, token)).status_code in {401, 431}, token[:40]


@pytest.mark.parametrize("key", ["", "lq_nosuch_" + "a" * 43, "nonsense", "lq_", "~" * 50])
def test_a_wrong_app_key_is_none(town: Town, key: str) -> None:
    headers = town.headers("grid-worker", "home-visit") | {"apikey": key}
    response = town.get(PATH, headers)
    assert (response.status_code, response.json()["gateway_code"]) == (401, "GW301")


def test_a_right_key_id_with_a_wrong_secret_is_none(town: Town) -> None:
    headers = town.headers("grid-worker", "home-visit")
    flipped = headers["apikey"][:-1] + ("A" if headers["apikey"][-1] != "A" else "B")
    assert town.get(PATH, headers | {"apikey": flipped}).status_code == 401


def test_another_apps_key_gives_its_own_rights_only(town: Town) -> None:
    headers = town.headers("grid-worker", "home-visit") | {"apikey": town.askers["analyst"].app_key}
    assert town.get(PATH, headers).json()["gateway_code"] == "GW203"


def _raw(town: Town, head: bytes, body: bytes = b"") -> bytes:
    """Bytes over a socket, so that no client library mends them."""
    with socket.create_connection(("127.0.0.1", town.demo.port), timeout=20) as connection:
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            connection.sendall(head + body)
        answer = b""
        try:
            while chunk := connection.recv(65536):
                answer += chunk
                if b"\r\n\r\n" in answer and len(answer) > 400:
                    break
        except (ConnectionResetError, TimeoutError):
            pass
        return answer


def test_a_10_mb_address_is_refused_and_the_gateway_lives(town: Town) -> None:
    answer = _raw(town, b"GET /data/community.need?select=" + b"a" * MEGABYTES_10 + b" HTTP/1.1\r\nHost: x\r\n\r\n")
    assert answer == b"" or answer.split(b" ", 2)[1] in {b"414", b"400", b"431"}
    assert town.get("/healthz", {}).status_code == 200


def test_an_address_over_the_limit_is_a_414_with_a_receipt(town: Town) -> None:
    response = town.get(PATH + "&need_kind=eq." + "a" * 20_000, town.headers("grid-worker", "home-visit"))
    assert (response.status_code, response.json()["gateway_code"]) == (414, "GW102")
    assert response.headers["langqiao-receipt"]


def test_a_10_mb_header_is_refused_and_the_gateway_lives(town: Town) -> None:
    answer = _raw(town, b"GET /data/community.need HTTP/1.1\r\nHost: x\r\nX-A: " + b"a" * MEGABYTES_10 + b"\r\n\r\n")
    assert answer == b"" or answer.split(b" ", 2)[1] in {b"431", b"400"}
    assert town.get("/healthz", {}).status_code == 200


def test_headers_over_the_limit_are_a_431(town: Town) -> None:
    response = town.get(PATH, town.headers("grid-worker", "home-visit") | {"x-a": "a" * 40_000})
    assert response.status_code in {431, 400}


def test_a_body_where_none_belongs_is_refused_unread(town: Town) -> None:
    head = b"GET /data/community.need HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\n"
    answer = _raw(town, head, b"hello")
    assert answer.split(b" ", 2)[1] == b"400"
    assert b"GW104" in answer


@pytest.mark.parametrize("method", [b"POST", b"PUT", b"PATCH", b"DELETE", b"OPTIONS"])
def test_data_is_read_and_not_written(town: Town, method: bytes) -> None:
    answer = _raw(town, method + b" /data/community.need HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n")
    assert answer.split(b" ", 2)[1] == b"405"


def test_a_large_body_of_the_control_plane_is_refused(town: Town) -> None:
    head = f"POST /explain HTTP/1.1\r\nHost: x\r\nContent-Length: {MEGABYTES_10}\r\n\r\n".encode()
    assert _raw(town, head).split(b" ", 2)[1] == b"413"


@pytest.mark.parametrize(
    "question",
    [
        "community.need?select=name&need_kind=eq.%00",
        "community.need?select=name&need_kind=eq.%ff%fe",
        "community.need?select=%27;DROP TABLE x;--",
        "community.need?select=name&need_kind=eq.' OR '1'='1",
        "community.need?select=name&community_code=eq.3301' UNION SELECT 1--",
        "community.need?select=resident(name",
    ],
)
def test_hostile_questions_are_refused_or_stay_data(town: Town, question: str) -> None:
    response = town.get("/data/" + question.replace(" ", "%20").replace("'", "%27"),
                        town.headers("grid-worker", "home-visit"))  # fmt: skip
    assert response.status_code in {200, 400, 403}
    assert response.status_code != 200 or response.json() == []


def test_credentials_do_not_reach_the_log(town: Town) -> None:
    asker: Asker = town.askers["grid-worker"]
    town.ask("grid-worker", "community.need?select=name&limit=1", "home-visit")
    raw = b"".join(path.read_bytes() for path in town.log.parent.glob("langqiao.db*"))
    assert asker.app_key.encode() not in raw
    assert asker.token.encode() not in raw
    assert asker.token.split(".")[2].encode() not in raw
