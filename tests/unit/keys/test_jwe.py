"""Sealing to a terminal's key: another library opens it, nothing else does, and no wrong key is taken."""

import base64
import json

import pytest
from joserfc import jwe
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, OKPKey

from gateway.keys.jwe import TerminalPublicKey, derived_key

KINDS = [("EC", "P-256"), ("OKP", "X25519")]
Private = ECKey | OKPKey


def _new(kind: tuple[str, str]) -> Private:
    return ECKey.generate_key("P-256") if kind[0] == "EC" else OKPKey.generate_key("X25519")


def _public(key: Private) -> TerminalPublicKey:
    return TerminalPublicKey.read(key.as_dict(private=False))


def _opened(text: str, key: Private) -> bytes:
    plaintext = jwe.decrypt_compact(text, key, algorithms=["ECDH-ES", "A256GCM"]).plaintext
    assert plaintext is not None
    return plaintext.rstrip(b"\0")[:-1]  # as gateway.keys.jwe tells a terminal to do


@pytest.mark.parametrize("kind", KINDS)
def test_another_library_opens_it(kind: tuple[str, str]) -> None:
    key = _new(kind)
    values = ["张三".encode(), b"", b"34052419800101001X", b"ends in \x80\0\0", b"x" * 4_096]
    assert [_opened(text, key) for text in _public(key).seal(values)] == values


@pytest.mark.parametrize("kind", KINDS)
def test_no_other_key_opens_it(kind: tuple[str, str]) -> None:
    (text,) = _public(_new(kind)).seal([b"secret"])
    with pytest.raises(JoseError):
        _opened(text, _new(kind))


def test_a_changed_part_does_not_open() -> None:
    key = _new(KINDS[0])
    (text,) = _public(key).seal([b"secret"])
    header, empty, nonce, body, tag = text.split(".")
    assert empty == ""
    changed = base64.urlsafe_b64encode(bytes(48)).decode().rstrip("=")
    for parts in ((header, empty, nonce, changed, tag), (header, empty, changed[:16], body, tag)):
        with pytest.raises(JoseError):
            _opened(".".join(parts), key)


def test_equal_values_are_sealed_differently_and_short_lengths_are_not_told() -> None:
    sealed = _public(_new(KINDS[0])).seal([b"a", b"a", b"x" * 63, b""])
    assert len(set(sealed)) == 4
    assert len({len(text) for text in sealed}) == 1
    assert _public(_new(KINDS[0])).seal([]) == []


def test_each_answer_has_an_ephemeral_key_of_its_own() -> None:
    terminal = _public(_new(KINDS[1]))
    headers = [
        json.loads(base64.urlsafe_b64decode(text.split(".")[0] + "=="))
        for text in (*terminal.seal([b"a", b"b"]), *terminal.seal([b"a"]))
    ]
    assert headers[0]["epk"] == headers[1]["epk"] != headers[2]["epk"]
    assert {header["kid"] for header in headers} == {terminal.thumbprint}
    assert "d" not in headers[0]["epk"]


def test_the_thumbprint_is_that_of_rfc_7638() -> None:
    for kind in KINDS:
        key = _new(kind)
        assert _public(key).thumbprint == key.thumbprint()
    noisy = {**_new(KINDS[0]).as_dict(private=False), "use": "enc", "alg": "ECDH-ES"}
    plain = {name: noisy[name] for name in ("kty", "crv", "x", "y")}
    assert TerminalPublicKey.read(noisy).thumbprint == TerminalPublicKey.read(plain).thumbprint


def test_the_derived_key_is_that_of_rfc_7518_appendix_c() -> None:
    secret = bytes([158, 86, 217, 29, 129, 113, 53, 211, 114, 131, 66, 131, 191, 132, 38, 156,
                    251, 49, 110, 163, 218, 128, 106, 72, 246, 218, 167, 121, 140, 254, 144, 196])  # fmt: skip
    key = derived_key(secret, "A128GCM", b"Alice", b"Bob", 16)
    assert base64.urlsafe_b64encode(key).decode().rstrip("=") == "VqqN6vgjbSBcIijNcacQGg"


_GOOD = _new(KINDS[0]).as_dict(private=False)
_GOOD_X = _new(KINDS[1]).as_dict(private=False)


@pytest.mark.parametrize(
    ("jwk", "fault"),
    [
        ({}, "kty"),
        ({"kty": "RSA", "n": "AQAB", "e": "AQAB"}, "kty"),
        ({**_GOOD, "crv": "P-384"}, "kty"),
        (_new(KINDS[0]).as_dict(private=True), "private"),
        (_new(KINDS[1]).as_dict(private=True), "private"),
        ({**_GOOD, "x": _GOOD["y"]}, "no point"),
        ({**_GOOD, "x": str(_GOOD["x"]) + "="}, "coordinate"),
        ({**_GOOD, "x": "AA"}, "coordinate"),
        ({**_GOOD, "y": 5}, "coordinate"),
        ({**_GOOD, "y": "!" * 43}, "coordinate"),
        ({**_GOOD_X, "x": "A" * 43}, "no point"),
    ],
)
def test_what_is_no_public_key_of_a_terminal_is_refused(jwk: dict[str, object], fault: str) -> None:
    with pytest.raises(ValueError, match=fault):
        TerminalPublicKey.read(jwk)


def test_the_key_is_not_shown_whole() -> None:
    assert str(_GOOD["x"]) not in repr(TerminalPublicKey.read(_GOOD))
