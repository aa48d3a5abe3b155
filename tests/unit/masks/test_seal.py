"""seal: the terminal reads the value, and nobody reads it without one."""

from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from joserfc import jwe
from joserfc.jwk import ECKey

from gateway.keys.jwe import TerminalPublicKey
from gateway.masks.seal import Seal
from gateway.model.catalog import FieldType
from tests.mask_keys import mask_context

KEY = ECKey.generate_key("P-256")
CONTEXT = replace(mask_context(), terminal=TerminalPublicKey.read(KEY.as_dict(private=False)))


def _opened(text: str | None) -> str:
    plaintext = jwe.decrypt_compact(text or "", KEY, algorithms=["ECDH-ES", "A256GCM"]).plaintext
    assert plaintext is not None
    return plaintext.rstrip(b"\0")[:-1].decode()


def test_the_terminal_reads_every_value() -> None:
    values: list[object] = ["张三", "", "x" * 4_096, 42, Decimal("1.50"), True, date(2020, 2, 29),
                            datetime(2020, 1, 1, 8, tzinfo=UTC)]  # fmt: skip
    opened = [_opened(text) for text in Seal().apply(values, CONTEXT)]
    assert opened == ["张三", "", "x" * 4_096, "42", "1.50", "t", "2020-02-29", "2020-01-01T08:00:00Z"]


def test_without_a_terminal_it_is_hidden_whole() -> None:
    assert Seal().apply(["张三", 42], mask_context()) == ["***", "***"]


@pytest.mark.parametrize("value", ["x" * 4_097, "张" * 1_366, "\ud800", None, 1.5, ("a",)])
def test_what_can_not_be_sealed_is_hidden_whole(value: object) -> None:
    masked = Seal().apply(["a", value, "b"], CONTEXT)
    assert masked[1] == "***"
    assert [_opened(masked[0]), _opened(masked[2])] == ["a", "b"]


def test_it_fits_every_plain_type_and_never_goes_to_a_source() -> None:
    assert {kind for kind in FieldType if Seal().accepts(kind)} == {kind for kind in FieldType if kind.is_scalar}
    assert Seal().sql_form() is None
