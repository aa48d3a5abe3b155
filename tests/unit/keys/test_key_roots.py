"""Roots: a file, the environment, a key service; and settings that never show one."""

import base64
import traceback
from collections.abc import Mapping
from importlib.metadata import EntryPoint, EntryPoints
from pathlib import Path
from typing import Self

import pytest
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

from gateway.errors import SettingsInvalid
from gateway.keys import open_root, roots
from gateway.settings import Keys, load_settings

KEY = bytes(range(100, 132))
TEXT = base64.b64encode(KEY).decode()


class Vault:
    """A key service as a plug-in offers one: it wraps with its own cipher and never gives its key."""

    name = "vault"

    def __init__(self, secret: bytes) -> None:
        self._cipher = ChaCha20Poly1305(secret)

    @classmethod
    def open(cls, options: Mapping[str, str]) -> Self:
        return cls(bytes.fromhex(options["secret"]))

    def wrap_key(self, key: bytes, context: bytes, wrap: str) -> bytes:
        return b"\0" * 12 + self._cipher.encrypt(b"\0" * 12, key, context + wrap.encode())

    def unwrap_key(self, wrapped: bytes, context: bytes, wrap: str) -> bytes:
        try:
            return self._cipher.decrypt(wrapped[:12], wrapped[12:], context + wrap.encode())
        except InvalidTag:
            msg = "not wrapped here"
            raise ValueError(msg) from None


@pytest.fixture
def plugged(monkeypatch: pytest.MonkeyPatch) -> None:
    point = EntryPoint(name="vault", value=f"{__name__}:Vault.open", group="langqiao.kms")
    monkeypatch.setattr(roots, "plugins", lambda group: EntryPoints([point]).select(group=group))


@pytest.mark.usefixtures("plugged")
def test_a_key_service_wraps_and_unwraps() -> None:
    root = open_root(Keys.model_validate({"kms": "vault", "kms_options": {"secret": KEY.hex()}}))
    wrapped = root.wrap_key(b"k" * 32, b"seal/1", "aes-gcm")
    assert root.unwrap_key(wrapped, b"seal/1", "aes-gcm") == b"k" * 32
    with pytest.raises(ValueError, match="not wrapped here"):
        root.unwrap_key(wrapped, b"seal/2", "aes-gcm")


@pytest.mark.usefixtures("plugged")
@pytest.mark.parametrize("options", [{}, {"secret": KEY.hex() + "zz"}, {"secret": "00"}])
def test_a_key_service_with_wrong_options_says_so_without_them(options: dict[str, str]) -> None:
    with pytest.raises(SettingsInvalid, match="can't be opened") as caught:
        open_root(Keys.model_validate({"kms": "vault", "kms_options": options}))
    assert KEY.hex() not in "".join(traceback.format_exception(caught.value))


def test_an_unknown_key_service_and_two_roots_are_refused() -> None:
    with pytest.raises(SettingsInvalid, match="no key service"):
        open_root(Keys.model_validate({"kms": "elsewhere"}))
    with pytest.raises(SettingsInvalid, match="both"):
        open_root(Keys.model_validate({"kms": "elsewhere", "root": TEXT}))


@pytest.mark.parametrize("wrap", ["aes-gcm", "sm4-gcm"])
def test_a_root_of_the_environment_wraps(monkeypatch: pytest.MonkeyPatch, wrap: str) -> None:
    monkeypatch.setenv("LANGQIAO_KEYS__ROOT", TEXT)
    settings = load_settings(None)
    root = open_root(settings.keys)
    wrapped = root.wrap_key(b"k" * 32, b"seal/1", wrap)
    assert b"k" * 8 not in wrapped
    assert root.unwrap_key(wrapped, b"seal/1", wrap) == b"k" * 32
    for context, other in ((b"seal/2", wrap), (b"seal/1", {"aes-gcm": "sm4-gcm", "sm4-gcm": "aes-gcm"}[wrap])):
        with pytest.raises(ValueError, match="not sealed"):
            root.unwrap_key(wrapped, context, other)
    shown = "".join(
        (repr(settings), str(settings), settings.model_dump_json(), repr(settings.model_dump()), repr(root))
    )
    assert not any(text in shown for text in (TEXT, KEY.hex(), repr(KEY)[2:12]))


@pytest.mark.parametrize("text", ["", "no base64 !", TEXT[:-4], TEXT + "AAAA"])
def test_a_root_that_is_no_key_is_refused_and_not_shown(text: str) -> None:
    with pytest.raises(SettingsInvalid, match="not 32 bytes") as caught:
        open_root(Keys.model_validate({"root": text}))
    assert not text or text not in "".join(traceback.format_exception(caught.value))


def test_options_of_a_key_service_are_not_shown() -> None:
    keys = Keys.model_validate({"kms": "vault", "kms_options": {"secret": "hunter2hunter2"}})
    assert "hunter2" not in repr(keys) + keys.model_dump_json() + repr(keys.model_dump())


@pytest.mark.parametrize("content", [b"", b"x" * 31, b"x" * 33])
def test_a_root_file_of_another_length_is_refused(tmp_path: Path, content: bytes) -> None:
    folder = tmp_path / "keys"
    folder.mkdir(mode=0o700)
    roots.write_secret(folder / "root.key", content)
    with pytest.raises(SettingsInvalid, match="no key of 32 bytes"):
        open_root(Keys(root_file=folder / "root.key"))
