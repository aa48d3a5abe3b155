"""Tokens: RFC 7519 claims under an issuer's published keys, each algorithm bound to its kind of key."""

import json
import math
from datetime import UTC, datetime
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from hypothesis import example, given
from hypothesis import strategies as st

from gateway.errors import GatewayError, PersonNotAuthenticated
from gateway.keys import judge_times, times_of, verify_token

NOW = datetime(2026, 11, 1, tzinfo=UTC)
CLAIMS: dict[str, Any] = {
    "iss": "https://issuer.example",
    "aud": "langqiao",
    "sub": "wang",
    "jti": "1",
    "iat": int(NOW.timestamp()),
    "exp": int(NOW.timestamp()) + 60,
}


def _jwk(key: Any, algorithm: type[Any], **more: str) -> dict[str, Any]:
    public: dict[str, Any] = json.loads(algorithm.to_jwk(key.public_key()))
    return public | {"kid": "k1"} | more


def _verify(token: str, *keys: dict[str, Any]) -> Any:
    return verify_token(
        token, jwks={"keys": list(keys)}, issuer=CLAIMS["iss"], audience="langqiao", leeway_seconds=5, now=NOW
    )


RSA_2048 = rsa.generate_private_key(public_exponent=65537, key_size=2048)
RSA_1024 = rsa.generate_private_key(public_exponent=65537, key_size=1024)
P256 = ec.generate_private_key(ec.SECP256R1())


@pytest.mark.parametrize(("key", "algorithm", "name"), [
    (RSA_2048, jwt.algorithms.RSAAlgorithm, "RS256"), (P256, jwt.algorithms.ECAlgorithm, "ES256"),
])  # fmt: skip
def test_the_kinds_of_key_that_city_issuers_have_are_taken(key: Any, algorithm: type[Any], name: str) -> None:
    token = jwt.encode(CLAIMS, key, name, headers={"kid": "k1"})
    assert _verify(token, _jwk(key, algorithm))["sub"] == "wang"


def test_a_key_is_good_for_its_own_algorithm_only() -> None:
    token = jwt.encode(CLAIMS, RSA_2048, "PS256", headers={"kid": "k1"})
    with pytest.raises(PersonNotAuthenticated):
        _verify(token, _jwk(RSA_2048, jwt.algorithms.RSAAlgorithm))


@pytest.mark.filterwarnings("ignore::jwt.warnings.InsecureKeyLengthWarning")
def test_a_short_rsa_key_is_no_key() -> None:
    token = jwt.encode(CLAIMS, RSA_1024, "RS256", headers={"kid": "k1"})
    with pytest.raises(PersonNotAuthenticated):
        _verify(token, _jwk(RSA_1024, jwt.algorithms.RSAAlgorithm))


@pytest.mark.parametrize("missing", sorted(CLAIMS))
def test_every_claim_is_needed(missing: str) -> None:
    token = jwt.encode(
        {name: value for name, value in CLAIMS.items() if name != missing}, P256, "ES256", headers={"kid": "k1"}
    )
    with pytest.raises(PersonNotAuthenticated):
        _verify(token, _jwk(P256, jwt.algorithms.ECAlgorithm))


@pytest.mark.parametrize("more", [{"kid": "k2"}, {"use": "enc"}])
def test_an_unknown_key_and_one_for_another_use_are_none(more: dict[str, str]) -> None:
    token = jwt.encode(CLAIMS, P256, "ES256", headers={"kid": "k1"})
    with pytest.raises(PersonNotAuthenticated):
        _verify(token, _jwk(P256, jwt.algorithms.ECAlgorithm, **more))


def test_a_critical_extension_that_is_not_understood_is_refused() -> None:
    token = jwt.encode(CLAIMS, P256, "ES256", headers={"kid": "k1", "crit": ["x"], "x": 1})
    with pytest.raises(PersonNotAuthenticated):
        _verify(token, _jwk(P256, jwt.algorithms.ECAlgorithm))


NEAR = st.integers(1_790_000_000, 1_790_000_020)
MOMENTS = NEAR | st.sampled_from([float("nan"), float("inf"), float("-inf"), -(10**30), 10**30])


@given(expires=MOMENTS, issued=MOMENTS, begins=st.none() | MOMENTS, leeway=st.integers(0, 5), moment=NEAR)
@example(expires=1_790_000_010, issued=1_790_000_000, begins=None, leeway=0, moment=1_790_000_010)
@example(expires=1_790_000_020, issued=1_790_000_003, begins=None, leeway=3, moment=1_790_000_000)
def test_the_times_that_are_kept_of_a_token_are_those_that_are_judged(
    expires: float, issued: float, begins: float | None, leeway: int, moment: int
) -> None:
    claims = {"exp": expires, "iat": issued} | ({} if begins is None else {"nbf": begins})
    try:
        judge_times(claims, leeway, datetime.fromtimestamp(moment, UTC))
        is_good = True
    except GatewayError:
        is_good = False
    since, until = times_of(claims, leeway)
    is_kept = since <= moment < until
    assert is_good or not is_kept  # never longer
    if not any(map(math.isnan, claims.values())):
        assert is_kept == is_good
