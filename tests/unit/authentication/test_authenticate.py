"""Credentials -> Caller: what is declared is taken once, and what disagrees is refused."""

import ipaddress
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.authentication import AppKey, Authenticator, TrustedIssuer
from gateway.authentication.recall import Latest
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


class _Door:
    """A door whose database and whose clock of freshness are at hand."""

    def __init__(self, issuer: Issuer) -> None:
        self.keys = {KEY_ID: AppKey(app=AppId("desk"), digest=DIGEST)}
        self.reads = 0
        self.seconds = 100.0
        self.door = Authenticator(
            issuers=(TrustedIssuer(issuer=ISSUER, audience="langqiao", leeway_seconds=5, jwks=issuer.jwks()),),
            find_app_key=self._find,
            networks={},
            monotonic=lambda: self.seconds,
        )

    def _find(self, key_id: str) -> AppKey | None:
        self.reads += 1
        return self.keys.get(key_id)


def test_what_was_verified_is_recalled_without_asking_the_database(issuer: Issuer) -> None:
    at, request = _Door(issuer), _request(_token(issuer), purpose="home-visit")
    assert at.door.recall(request, NOW) is None
    caller = at.door.authenticate(request, NOW)
    assert at.door.recall(request, NOW) is caller
    assert at.reads == 1


def test_a_revoked_app_key_is_refused_within_a_second(issuer: Issuer) -> None:
    at, request = _Door(issuer), _request(_token(issuer))
    at.door.authenticate(request, NOW)
    at.keys.clear()
    at.seconds += 0.499
    assert at.door.recall(request, NOW) is not None
    at.seconds += 0.5
    assert at.door.recall(request, NOW) is not None  # it is due, and whoever reads it takes their time
    assert at.door.due == [KEY_ID]
    at.seconds += 0.001
    assert at.door.recall(request, NOW) is None
    assert at.door.recall(request, NOW) is None
    with pytest.raises(AppNotAuthenticated):
        at.door.authenticate(request, NOW)
    at.seconds -= 1
    assert at.door.recall(request, NOW) is None


def test_a_key_that_is_read_again_makes_every_caller_of_it_fresh(issuer: Issuer) -> None:
    at, one, other = _Door(issuer), _request(_token(issuer, sub="wang")), _request(_token(issuer, sub="li"))
    callers = [at.door.authenticate(request, NOW) for request in (one, other)]
    at.seconds += 5
    assert at.door.authenticate(one, NOW) is callers[0]
    assert at.door.recall(other, NOW) is callers[1]


def test_a_key_is_due_once_in_half_a_second_and_nobody_waits_for_it(issuer: Issuer) -> None:
    at, request = _Door(issuer), _request(_token(issuer))
    caller = at.door.authenticate(request, NOW)
    at.seconds += 0.6
    assert [at.door.recall(request, NOW) for _ in range(5)] == [caller] * 5
    assert at.door.due == [KEY_ID]
    at.door.renew(at.door.due.pop())
    at.seconds += 0.45
    assert at.door.recall(request, NOW) is caller  # read 0.45 s ago
    assert at.door.due == []
    at.seconds += 0.1
    assert [at.door.recall(request, NOW) for _ in range(2)] == [caller] * 2
    assert at.door.due == [KEY_ID]
    assert at.reads == 2


@pytest.mark.parametrize("other", [None, AppKey(app=AppId("other"), digest="0" * 64)])
def test_a_key_that_is_read_again_and_is_another_or_none_counts_no_more(issuer: Issuer, other: AppKey | None) -> None:
    at, request = _Door(issuer), _request(_token(issuer))
    at.door.authenticate(request, NOW)
    at.seconds += 0.6
    at.keys.clear()
    if other is not None:
        at.keys[KEY_ID] = other
    assert at.door.recall(request, NOW) is not None
    at.door.renew(at.door.due.pop())
    assert at.door.recall(request, NOW) is None  # for everybody, at once
    with pytest.raises(AppNotAuthenticated):
        at.door.authenticate(request, NOW)


def test_a_key_that_is_gone_before_it_was_read_again_stays_gone(issuer: Issuer) -> None:
    at, request = _Door(issuer), _request(_token(issuer))
    at.door.renew(KEY_ID)  # it was never anybody's here
    assert at.door.recall(request, NOW) is None
    at.door.authenticate(request, NOW)
    keys = dict(at.keys)
    at.keys.clear()
    with pytest.raises(AppNotAuthenticated):
        at.door.authenticate(request, NOW)
    at.keys.update(keys)
    at.door.renew(KEY_ID)
    assert at.door.recall(request, NOW) is None, "only one who comes with its secret makes it count"


def test_a_token_that_has_expired_is_not_recalled(issuer: Issuer) -> None:
    at, request = _Door(issuer), _request(_token(issuer))
    at.door.authenticate(request, NOW)
    late = NOW + timedelta(seconds=66)
    assert at.door.recall(request, late) is None
    with pytest.raises(TokenExpired):
        at.door.authenticate(request, late)


@pytest.mark.parametrize(
    "changed",
    [
        {"apikey": "x"}, {"authorization": "Bearer x"}, {"purpose": "other"}, {"case": "C-1"}, {"terminal": "t-0"},
        {"justification": ""}, {"purpose": ""},
    ],
)  # fmt: skip
def test_who_says_anything_else_is_not_recalled(issuer: Issuer, changed: Mapping[str, str]) -> None:
    at, request = _Door(issuer), _request(_token(issuer), purpose="home-visit")
    at.door.authenticate(request, NOW)
    assert at.door.recall(_request(_token(issuer), **({"purpose": "home-visit"} | dict(changed))), NOW) is None
    elsewhere = InboundRequest(
        method="GET", path="/data/a.b", query_string="", headers=request.headers, client_address="10.9.1.3",
        received_at=NOW, trace_id="1" * 32,
    )  # fmt: skip
    assert at.door.recall(elsewhere, NOW) is None


def test_what_is_recalled_is_bounded() -> None:
    kept = Latest[int](most=3)
    for number in range(5):
        kept.keep(bytes([number]), number)
    assert [kept.find(bytes([number])) for number in range(5)] == [None, None, 2, 3, 4]
    assert len(kept) == 3
