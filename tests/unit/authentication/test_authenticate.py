"""Credentials -> Caller: what is declared is taken once, and what disagrees is refused."""

import ipaddress
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.authentication import AppKey, Authenticator, TrustedIssuer
from gateway.errors import (
    AppNotAuthenticated,
    CaseUnavailable,
    GatewayError,
    JustificationMissing,
    NotAuthenticated,
    PersonNotAuthenticated,
    PurposeUnavailable,
    TokenExpired,
)
from gateway.keys import Issuer, new_api_key
from gateway.model.caller import InboundRequest
from gateway.model.ids import AppId

NOW = datetime(2026, 11, 1, 9, tzinfo=UTC)
ISSUER = "https://issuer.example"
KEY, KEY_ID, DIGEST = new_api_key()


@pytest.fixture(scope="module")
def issuer(tmp_path_factory: pytest.TempPathFactory) -> Issuer:
    return Issuer.create(tmp_path_factory.mktemp("issuer"), ISSUER)


@pytest.fixture(scope="module")
def door(issuer: Issuer) -> Authenticator:
    return Authenticator(
        issuers=(TrustedIssuer(issuer=ISSUER, audience="langqiao", leeway_seconds=5, jwks=issuer.jwks()),),
        find_app_key=lambda key_id: AppKey(app=AppId("desk"), digest=DIGEST) if key_id == KEY_ID else None,
        networks={"gov-vpn": (ipaddress.ip_network("10.9.0.0/16"),)},
    )


def _request(token: str, **headers: str) -> InboundRequest:
    return InboundRequest(
        method="GET",
        path="/data/a.b",
        query_string="",
        headers={"apikey": KEY, "authorization": f"Bearer {token}"} | headers,
        client_address="10.9.1.2",
        received_at=NOW,
        trace_id="1" * 32,
    )


def _token(issuer: Issuer, **more: object) -> str:
    claims = {"sub": "wang", "aud": "langqiao", "jti": "1", "roles": ["a/b"], "regions": ["330102"]} | more
    return issuer.sign(claims, lifetime_seconds=60, now=NOW)


def test_a_caller_is_what_the_credentials_say(door: Authenticator, issuer: Issuer) -> None:
    caller = door.authenticate(_request(_token(issuer, assurance=3, org="x"), purpose="home-visit"), NOW)
    assert (caller.principal, caller.app, caller.roles, caller.regions) == ("wang", "desk", ("a/b",), ("330102",))
    assert (caller.assurance, caller.network, caller.purpose, caller.case) == (3, "gov-vpn", "home-visit", None)


@pytest.mark.parametrize("assurance", [0, 4, "3", True, None, 2.0])
def test_an_assurance_that_is_none_of_the_three_is_the_lowest(
    door: Authenticator, issuer: Issuer, assurance: object
) -> None:
    assert door.authenticate(_request(_token(issuer, assurance=assurance)), NOW).assurance == 1


def test_expiry_is_judged_by_the_clock_that_is_given(door: Authenticator, issuer: Issuer) -> None:
    token = _token(issuer)
    assert door.authenticate(_request(token), NOW + timedelta(seconds=64)).principal == "wang"
    with pytest.raises(TokenExpired):
        door.authenticate(_request(token), NOW + timedelta(seconds=66))
    with pytest.raises(PersonNotAuthenticated):
        door.authenticate(_request(token), NOW - timedelta(seconds=6))


def test_a_purpose_in_the_token_binds(door: Authenticator, issuer: Issuer) -> None:
    token = _token(issuer, purpose="home-visit", case="c-1")
    assert door.authenticate(_request(token), NOW).purpose == "home-visit"
    assert door.authenticate(_request(token, purpose="home-visit"), NOW).case == "c-1"
    with pytest.raises(PurposeUnavailable):
        door.authenticate(_request(token, purpose="break-glass"), NOW)
    with pytest.raises(CaseUnavailable):
        door.authenticate(_request(token, case="c-2"), NOW)


@pytest.mark.parametrize("header", ["short", "x" * 501, "%ff%fe" * 10, "line%0Abreak is not a reason"])
def test_a_justification_is_ten_to_five_hundred_printable_characters(
    door: Authenticator, issuer: Issuer, header: str
) -> None:
    with pytest.raises(JustificationMissing):
        door.authenticate(_request(_token(issuer), justification=header), NOW)


def test_a_justification_may_be_chinese(door: Authenticator, issuer: Issuer) -> None:
    header = "".join(f"%{byte:02X}" for byte in "患者昏迷，急需联系其家属".encode())
    assert door.authenticate(_request(_token(issuer), justification=header), NOW).justification is not None


def test_another_issuers_signature_is_none(door: Authenticator, tmp_path: Path) -> None:
    stranger = Issuer.create(tmp_path / "stranger", ISSUER)
    with pytest.raises(PersonNotAuthenticated):
        door.authenticate(_request(_token(stranger)), NOW)


@pytest.mark.parametrize(
    "change",
    [{"apikey": ""}, {"apikey": KEY[:-1]}, {"apikey": KEY.replace("lq_", "lq-")}, {"apikey": new_api_key()[0]}],
)
def test_every_bad_key_answers_alike(door: Authenticator, issuer: Issuer, change: Mapping[str, str]) -> None:
    with pytest.raises(AppNotAuthenticated) as refused:
        door.authenticate(_request(_token(issuer), **change), NOW)
    assert str(refused.value) == str(AppNotAuthenticated())


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=st.text(max_size=200))
def test_no_text_in_a_credential_does_anything_but_refuse(door: Authenticator, text: str) -> None:
    request = _request("x")
    for headers in ({"apikey": text}, {"authorization": text}, {"authorization": f"Bearer {text}"}):
        with pytest.raises(NotAuthenticated):
            door.authenticate(
                InboundRequest(
                    method="GET",
                    path="/",
                    query_string="",
                    headers={**request.headers, **headers},
                    client_address=text,
                    received_at=NOW,
                    trace_id="1" * 32,
                ),
                NOW,
            )


def test_errors_hold_nothing_of_the_credentials(door: Authenticator, issuer: Issuer) -> None:
    token = _token(issuer)
    with pytest.raises(GatewayError) as refused:
        door.authenticate(_request(token + "x"), NOW)
    assert token[:20] not in repr(refused.value) + str(refused.value)
