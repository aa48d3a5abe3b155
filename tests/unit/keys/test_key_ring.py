"""The key ring: versions wrapped in the database, a root outside it, and no key in a repr or an error."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from cryptography.hazmat.primitives import cmac, hashes, hmac
from cryptography.hazmat.primitives.ciphers.algorithms import AES, SM4
from hypothesis import given
from hypothesis import strategies as st

from gateway.administration import create_ring
from gateway.errors import KeysUnreadable, KeyUnavailable, SettingsInvalid
from gateway.keys import KeyRing, LocalRoot, make_ring, new_api_key, read_api_key, rewrap, same_digest
from gateway.keys.digests import keyed_digest
from gateway.keys.ring import _context, unwrap
from gateway.keys.roots import derive
from gateway.model.data_key import DataKey, KeyState, KeyUse
from gateway.model.ids import PurposeId
from gateway.settings import Keys
from gateway.store import insert_data_keys, open_state, read_data_keys
from tests.key_rings import ring_at

NOW = datetime(2026, 11, 24, 8, tzinfo=UTC)
ROOT = LocalRoot("a test", bytes(range(32)))
HOME_VISIT = PurposeId("home-visit")


class Table:
    """The table of keys, and the clock, of a ring that a test moves."""

    def __init__(self, algorithms: str = "international") -> None:
        self.records = make_ring(ROOT, algorithms, NOW)
        self.now = NOW
        self.elapsed = 0.0
        self.fails = False
        self.ring = KeyRing.open(self.read, ROOT, lambda: self.now, stale_seconds=10, elapsed=lambda: self.elapsed)

    def read(self) -> tuple[DataKey, ...]:
        if self.fails:
            raise KeysUnreadable(why=("away", "无"))
        return self.records

    def rotate(self, use: KeyUse, algorithms: str = "international") -> None:
        self.records += (self.ring.new_version(use, algorithms),)
        self.ring.refresh()
        self.now += timedelta(seconds=1)

    def change(self, use: KeyUse, version: int, **values: object) -> None:
        self.records = tuple(
            replace(record, **values) if (record.use, record.version) == (use, version) else record  # type: ignore[arg-type] # a test names real fields
            for record in self.records
        )
        self.ring.refresh()


@pytest.fixture
def table() -> Table:
    return Table()


@pytest.fixture(scope="module")
def ring(tmp_path_factory: pytest.TempPathFactory) -> KeyRing:
    return ring_at(tmp_path_factory.mktemp("ring") / "keys")


def test_a_ring_is_the_same_when_opened_again(tmp_path: Path) -> None:
    made, again = ring_at(tmp_path / "keys"), ring_at(tmp_path / "keys")
    assert made.subject_hash("330102199001011234") == again.subject_hash("330102199001011234")
    assert made.log_signer("a.example/log").vkey == again.log_signer("a.example/log").vkey


def test_the_root_file_is_for_the_gateway_alone(tmp_path: Path) -> None:
    LocalRoot.from_file(tmp_path / "keys" / "root.key", create=True)
    assert (tmp_path / "keys").stat().st_mode & 0o777 == 0o700
    assert (tmp_path / "keys" / "root.key").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604])
def test_a_root_file_open_to_others_is_refused(tmp_path: Path, mode: int) -> None:
    LocalRoot.from_file(tmp_path / "keys" / "root.key", create=True)
    (tmp_path / "keys" / "root.key").chmod(mode)
    with pytest.raises(SettingsInvalid, match="open to other users"):
        LocalRoot.from_file(tmp_path / "keys" / "root.key")


def test_a_folder_open_to_others_is_refused(tmp_path: Path) -> None:
    LocalRoot.from_file(tmp_path / "keys" / "root.key", create=True)
    (tmp_path / "keys").chmod(0o755)
    with pytest.raises(SettingsInvalid, match="open to other users"):
        LocalRoot.from_file(tmp_path / "keys" / "root.key")


def test_a_lost_root_is_never_made_anew_in_silence(tmp_path: Path) -> None:
    ring_at(tmp_path / "keys")
    (tmp_path / "keys" / "root.key").unlink()
    with pytest.raises(SettingsInvalid, match="missing"):
        ring_at(tmp_path / "keys")
    assert not (tmp_path / "keys" / "root.key").exists()


def test_a_ring_with_some_keys_is_never_completed(tmp_path: Path) -> None:
    root = LocalRoot.from_file(tmp_path / "keys" / "root.key", create=True)
    state = open_state(f"sqlite:///{tmp_path / 'state.db'}")
    try:
        assert insert_data_keys(state, make_ring(root, "international", NOW)[:3])
        with pytest.raises(SettingsInvalid, match="no key for"):
            create_ring(Keys(root_file=tmp_path / "keys" / "root.key"), state, lambda: NOW)
        assert len(read_data_keys(state)) == 3
    finally:
        state.close()


def test_another_root_is_refused_and_shows_nothing(table: Table) -> None:
    other = LocalRoot("other", b"\x07" * 32)
    with pytest.raises(SettingsInvalid, match="doesn't open under this root key") as caught:
        KeyRing.open(table.read, other, lambda: NOW)
    wrapped = table.records[0].wrapped or b""
    assert wrapped.hex() not in repr(caught.value) + str(caught.value)


@pytest.mark.parametrize("algorithms", ["international", "national"])
@pytest.mark.parametrize("changed", [{"version": 2}, {"use": KeyUse.TOKEN}, {"algorithms": "other"}])
def test_a_wrapped_key_moved_to_another_place_does_not_open(algorithms: str, changed: dict[str, object]) -> None:
    records = make_ring(ROOT, algorithms, NOW)
    seal = next(record for record in records if record.use is KeyUse.SEAL)
    moved = replace(seal, **changed)  # type: ignore[arg-type] # real fields
    with pytest.raises(SettingsInvalid, match="doesn't open"):
        KeyRing.open(lambda: (moved,), ROOT, lambda: NOW)


@pytest.mark.parametrize("wrapped", [b"", b"x", b"\0" * 27, b"\0" * 28, b"\xff" * 60, b"\0" * 100_000])
def test_rubbish_where_a_wrapped_key_should_be_is_refused(table: Table, wrapped: bytes) -> None:
    with pytest.raises(SettingsInvalid, match="doesn't open"):
        table.change(KeyUse.SEAL, 1, wrapped=wrapped)


@pytest.mark.parametrize("wrap", ["aes-gcm", "sm4-gcm"])
def test_wrapping_anew_changes_the_root_and_no_key(table: Table, wrap: str) -> None:
    new = LocalRoot("new", b"\x09" * 32)
    moved = tuple(after for _, after in rewrap(ROOT, new, table.records, wrap))
    opened = KeyRing.open(lambda: moved, new, lambda: NOW)
    assert opened.subject_hash("x") == table.ring.subject_hash("x")
    assert {record.wrap for record in moved} == {wrap}
    with pytest.raises(SettingsInvalid):
        KeyRing.open(lambda: moved, ROOT, lambda: NOW)


def test_a_new_version_serves_a_second_after_it_was_made_and_not_before(table: Table) -> None:
    key = table.ring.new_version(KeyUse.TOKEN, "international")
    table.records += (key,)
    table.ring.refresh()
    table.now += timedelta(microseconds=999_999)
    assert table.ring.mask_keys(HOME_VISIT).token_version == 1
    table.now += timedelta(microseconds=1)
    assert table.ring.mask_keys(HOME_VISIT).token_version == 2


@pytest.mark.parametrize("algorithms", ["international", "national"])
def test_old_tokens_turn_back_after_a_rotation(algorithms: str) -> None:
    table = Table(algorithms)
    plain = np.frombuffer(b"\1\2\3\4\5\6\7\10\11", np.uint8).reshape(1, -1)
    before = table.ring.mask_keys(HOME_VISIT).token("id").encrypt(plain, 10)
    table.rotate(KeyUse.TOKEN, "national" if algorithms == "international" else "international")
    after = table.ring.mask_keys(HOME_VISIT).token("id").encrypt(plain, 10)
    assert (before != after).any()
    assert (table.ring.token_key(HOME_VISIT, "id", 1).decrypt(before, 10) == plain).all()
    assert (table.ring.token_key(HOME_VISIT, "id", 2).decrypt(after, 10) == plain).all()


def test_what_was_sealed_before_a_rotation_opens_after_it(table: Table) -> None:
    sealed = table.ring.seal(b"subjects", b"case")
    table.rotate(KeyUse.SEAL, "national")
    again = table.ring.seal(b"subjects", b"case")
    assert (sealed[0], again[0]) == (1, 2)
    assert table.ring.unseal(sealed, b"case") == table.ring.unseal(again, b"case") == b"subjects"


def test_a_retired_version_serves_for_nothing_until_it_is_reinstated(table: Table) -> None:
    sealed = table.ring.seal(b"subjects", b"case")
    for use in (KeyUse.SEAL, KeyUse.TOKEN):
        table.rotate(use)
        table.change(use, 1, retired_at=table.now, retired_by="anna")
    with pytest.raises(KeyUnavailable, match="retired"):
        table.ring.unseal(sealed, b"case")
    with pytest.raises(KeyUnavailable, match="retired"):
        table.ring.token_key(HOME_VISIT, "id", 1)
    table.change(KeyUse.SEAL, 1, retired_at=None, retired_by=None)
    assert table.ring.unseal(sealed, b"case") == b"subjects"


def test_a_destroyed_version_is_gone(table: Table) -> None:
    sealed = table.ring.seal(b"subjects", b"case")
    table.rotate(KeyUse.SEAL)
    table.change(KeyUse.SEAL, 1, retired_at=table.now, wrapped=None, destroyed_at=table.now)
    with pytest.raises(KeyUnavailable, match="destroyed"):
        table.ring.unseal(sealed, b"case")
    with pytest.raises(KeyUnavailable, match="unknown"):
        table.ring.token_key(HOME_VISIT, "id", 9)


def test_each_version_has_its_state(table: Table) -> None:
    table.rotate(KeyUse.TOKEN)
    table.rotate(KeyUse.TOKEN)
    table.change(KeyUse.TOKEN, 1, retired_at=table.now)
    table.records += (table.ring.new_version(KeyUse.TOKEN, "national"),)
    table.ring.refresh()
    states = [state for record, state in table.ring.records() if record.use is KeyUse.TOKEN]
    assert states == [KeyState.RETIRED, KeyState.OLD, KeyState.ACTIVE, KeyState.PENDING]


def test_a_ring_that_can_not_read_its_table_for_ten_seconds_uses_no_key(table: Table) -> None:
    sealed = table.ring.seal(b"x", b"y")
    table.fails, table.elapsed = True, 10.0
    with pytest.raises(KeysUnreadable):
        table.ring.refresh()
    assert table.ring.unseal(sealed, b"y") == b"x"
    table.elapsed = 10.1
    for use in (
        lambda: table.ring.mask_keys(HOME_VISIT),
        lambda: table.ring.subject_hash("x"),
        lambda: table.ring.unseal(sealed, b"y"),
        lambda: table.ring.seal(b"x", b"y"),
        lambda: table.ring.token_key(HOME_VISIT, "id", 1),
    ):
        with pytest.raises(KeysUnreadable):
            use()
    table.fails = False
    table.ring.refresh()
    assert table.ring.unseal(sealed, b"y") == b"x"


def test_the_keys_of_a_purpose_are_made_once(table: Table) -> None:
    assert table.ring.mask_keys(HOME_VISIT) is table.ring.mask_keys(HOME_VISIT)
    before = table.ring.mask_keys(HOME_VISIT)
    table.rotate(KeyUse.PSEUDONYM)
    assert table.ring.mask_keys(HOME_VISIT) is not before


def test_a_subject_hash_ignores_the_case_of_the_check_letter(ring: KeyRing) -> None:
    assert ring.subject_hash(" 34052419800101001x ") == ring.subject_hash("34052419800101001X")
    assert len(ring.subject_hash("1")) == 32


@pytest.mark.parametrize("algorithms", ["international", "national"])
@pytest.mark.parametrize("digest", ["", "cmac"])
@given(
    st.lists(st.text(max_size=20) | st.sampled_from([" 34052419800101001x ", "\ud800"]), max_size=30),
    st.sampled_from([1, 1, 40]),
)
def test_many_people_are_hashed_as_each_by_itself(digest: str, algorithms: str, some: list[str], times: int) -> None:
    """Rings made before there was another digest go on with HMAC, so that who was looked at is found again."""
    people, table = some * times, Table(algorithms)
    (record,) = (one for one in table.records if one.use is KeyUse.SUBJECT)
    assert record.digest == "cmac"
    key, expected = unwrap(ROOT, record), []
    if not digest:
        older = replace(record, digest="", wrapped=None)
        older = replace(older, wrapped=ROOT.wrap_key(key, _context(older), older.wrap))
        table.records = tuple(older if one is record else one for one in table.records)
        table.ring.refresh()
    for one in people:
        mac: hmac.HMAC | cmac.CMAC
        if digest:
            name = "sm4-cmac" if algorithms == "national" else "aes-cmac"
            own = derive(key, f"langqiao/{KeyUse.SUBJECT}/v1/people/{name}")
            mac = cmac.CMAC(SM4(own[:16]) if algorithms == "national" else AES(own))
        else:
            mac = hmac.HMAC(key, hashes.SM3() if algorithms == "national" else hashes.SHA256())
        mac.update(one.strip().upper().encode("utf-8", "surrogatepass"))
        expected.append(mac.finalize().hex()[:32])
    assert table.ring.subject_hashes(people) == expected
    plain = ["34052419800101001x", "330102199001011234", ""] * 40
    for told in (plain, plain[:1] * 100, [*plain, "\x1c1 2"], [""] * 100):
        assert table.ring.subject_hashes(told) == [table.ring.subject_hash(one) for one in told]
    assert [table.ring.subject_hash(one) for one in people] == expected


def test_how_people_are_hashed_cannot_be_changed_in_the_table() -> None:
    table = Table()
    (record,) = (one for one in table.records if one.use is KeyUse.SUBJECT)
    with pytest.raises(SettingsInvalid):
        unwrap(ROOT, replace(record, digest=""))


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


def test_no_key_is_shown(table: Table) -> None:
    seen: list[bytes] = [bytes(range(32))]
    for record in table.records:
        assert record.wrapped is not None
        seen += [record.wrapped, ROOT.unwrap_key(record.wrapped, _context(record), "aes-gcm")]
    keys = table.ring.mask_keys(HOME_VISIT)
    things = (
        table.ring, ROOT, table.records, table.ring.records(), keys, keys.pseudonym(), keys.token("id"), keys.shift(),
        table.ring.token_key(HOME_VISIT, "id", 1), table.ring.log_signer("a.example/log"),
    )  # fmt: skip
    shown = "".join(repr(thing) + str(thing) for thing in things)
    assert not any(secret.hex() in shown or repr(secret)[2:20] in shown for secret in seen)


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
