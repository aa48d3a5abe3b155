"""The key ring: files that only the gateway reads, and nothing in a repr or an error."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import SettingsInvalid
from gateway.keys import KeyRing, new_api_key, read_api_key, same_digest
from gateway.keys.digests import keyed_digest
from gateway.model.ids import PurposeId


@pytest.fixture(scope="module")
def ring(tmp_path_factory: pytest.TempPathFactory) -> KeyRing:
    return KeyRing.open(tmp_path_factory.mktemp("ring") / "keys", create=True)


def test_a_ring_is_the_same_when_opened_again(tmp_path: Path) -> None:
    made = KeyRing.open(tmp_path / "keys", create=True)
    again = KeyRing.open(tmp_path / "keys", create=False)
    assert made.subject_hash("330102199001011234") == again.subject_hash("330102199001011234")
    assert made.log_signer("a.example/log").vkey == again.log_signer("a.example/log").vkey


def test_files_are_for_the_gateway_alone(tmp_path: Path) -> None:
    KeyRing.open(tmp_path / "keys", create=True)
    assert (tmp_path / "keys").stat().st_mode & 0o777 == 0o700
    assert {path.stat().st_mode & 0o777 for path in (tmp_path / "keys").iterdir()} == {0o600}


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604])
def test_a_key_file_open_to_others_is_refused(tmp_path: Path, mode: int) -> None:
    KeyRing.open(tmp_path / "keys", create=True)
    next((tmp_path / "keys").iterdir()).chmod(mode)
    with pytest.raises(SettingsInvalid, match="open to other users"):
        KeyRing.open(tmp_path / "keys", create=False)


def test_a_lost_key_is_never_made_anew_in_silence(tmp_path: Path) -> None:
    KeyRing.open(tmp_path / "keys", create=True)
    next((tmp_path / "keys").glob("subject*")).unlink()
    for create in (True, False):
        with pytest.raises(SettingsInvalid, match="missing"):
            KeyRing.open(tmp_path / "keys", create=create)


def test_a_ring_that_was_not_made_is_not_made_by_opening(tmp_path: Path) -> None:
    with pytest.raises(SettingsInvalid):
        KeyRing.open(tmp_path / "keys", create=False)
    assert not (tmp_path / "keys").exists()


def test_a_subject_hash_ignores_the_case_of_the_check_letter(ring: KeyRing) -> None:
    assert ring.subject_hash(" 34052419800101001x ") == ring.subject_hash("34052419800101001X")
    assert len(ring.subject_hash("1")) == 32


def test_pseudonyms_of_two_purposes_cannot_be_joined(ring: KeyRing) -> None:
    one, other = (ring.mask_keys(PurposeId(name)).pseudonym() for name in ("statistics", "home-visit"))
    assert one.digest(b"x") != other.digest(b"x")
    assert one.digest(b"x") == ring.mask_keys(PurposeId("statistics")).pseudonym().digest(b"x")


def test_the_keyed_function_is_aes_256_cmac() -> None:
    # NIST SP 800-38B, examples for AES-256 (D.3): empty message and 16 bytes
    key = bytes.fromhex("603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4")
    assert keyed_digest("aes-cmac", key).digest(b"").hex() == "028962f61b7bf89efc6b551f4667d983"
    message = bytes.fromhex("6bc1bee22e409f96e93d7e117393172a")
    assert keyed_digest("aes-cmac", key).digest(message).hex() == "28a7023f452e8f82bd4bf28d8c37c35c"


@given(plain=st.binary(max_size=200), context=st.binary(max_size=20), flip=st.integers(min_value=0, max_value=10_000))
def test_what_is_sealed_opens_for_its_own_context_only(ring: KeyRing, plain: bytes, context: bytes, flip: int) -> None:
    sealed = ring.seal(plain, context)
    assert ring.unseal(sealed, context) == plain
    with pytest.raises(ValueError, match="sealed"):
        ring.unseal(sealed, context + b"x")
    damaged = bytearray(sealed)
    damaged[flip % len(sealed)] ^= 1
    with pytest.raises(ValueError, match="sealed"):
        ring.unseal(bytes(damaged), context)


def test_no_key_is_shown(ring: KeyRing, tmp_path: Path) -> None:
    KeyRing.open(tmp_path / "keys", create=True)
    secrets = [path.read_bytes() for path in (tmp_path / "keys").iterdir()]
    opened = KeyRing.open(tmp_path / "keys", create=False)
    shown = "".join(
        repr(thing)
        for thing in (
            opened,
            opened.mask_keys(PurposeId("x")),
            opened.mask_keys(PurposeId("x")).pseudonym(),
            opened.log_signer("a.example/log"),
        )
    )
    assert not any(secret.hex() in shown or repr(secret)[2:20] in shown for secret in secrets)


def test_api_keys_are_kept_as_digests() -> None:
    text, key_id, digest = new_api_key()
    assert read_api_key(text) == (key_id, digest)
    assert text.rpartition("_")[2] not in digest
    assert read_api_key(text + "x") is None
    assert read_api_key("") is None
    assert same_digest(digest, digest)
    assert not same_digest(digest, new_api_key()[2])


@pytest.mark.parametrize("origin", ["", "with space", "with+plus"])
def test_a_log_name_that_breaks_notes_is_refused(ring: KeyRing, origin: str) -> None:
    with pytest.raises(SettingsInvalid, match=r"audit\.origin"):
        ring.log_signer(origin)
