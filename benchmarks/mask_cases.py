"""The masks of `benchmarks.masks` over their columns, and what other libraries do for the same columns."""

import hashlib
import hmac
from bisect import bisect_right
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from cryptography.hazmat.primitives import cmac
from cryptography.hazmat.primitives.ciphers import algorithms
from ff3 import FF3Cipher
from joserfc import jwe
from joserfc.jwk import ECKey

from benchmarks.mask_columns import Columns
from gateway.masks import build_mask
from gateway.model.catalog import MaskChoice
from gateway.spi import Mask, Octets

KEY = bytes(range(32))


@dataclass(frozen=True, kw_only=True)
class Case:
    """One mask over one column, and another way to do about the same; `slow`: how many values of it are measured."""

    name: str
    mask: Mask
    column: pa.Array
    other_name: str
    other: Callable[[pa.Array], object]
    slow: int = 1_000_000


def cases(count: int) -> Iterator[Case]:
    """Every kind with its column."""
    made = Columns(count)
    ids, mixed, phones = made.ids(), made.mixed_ids(), made.phones()
    stars = "the stamp of pyarrow: `utf8_replace_slice`"
    yield Case(
        name="partial id_number",
        mask=_mask("partial", shape="id_number"),
        column=ids,
        other_name=stars,
        other=lambda column: pc.utf8_replace_slice(column, 4, 17, "*" * 13),
    )
    yield Case(
        name="partial id_number, 1 in 100",
        mask=_mask("partial", shape="id_number"),
        column=mixed,
        other_name=stars,
        other=lambda column: pc.utf8_replace_slice(column, 4, 17, "*" * 13),
    )
    yield Case(
        name="partial id_number",
        mask=_mask("partial", shape="id_number"),
        column=ids,
        other_name="a fixed-width numpy stamp",
        other=_stamp,
    )
    yield Case(
        name="partial mobile",
        mask=_mask("partial", shape="mobile"),
        column=phones,
        other_name=stars,
        other=lambda column: pc.utf8_replace_slice(column, 3, 7, "****"),
    )
    yield Case(
        name="partial bank_card, 16 and 19 digits",
        mask=_mask("partial", shape="bank_card"),
        column=made.cards(),
        other_name=stars,
        other=lambda column: pc.utf8_replace_slice(column, 0, 12, "*" * 12),
    )
    yield Case(
        name="partial name",
        mask=_mask("partial", shape="name"),
        column=made.names(),
        other_name="pyarrow: first character and `**`",
        other=lambda column: pc.binary_join_element_wise(pc.utf8_slice_codeunits(column, 0, 1), "**", ""),
    )
    yield Case(
        name="partial plate",
        mask=_mask("partial", shape="plate"),
        column=made.plates(),
        other_name=stars,
        other=lambda column: pc.utf8_replace_slice(column, 2, 6, "****"),
    )
    yield Case(
        name="partial email",
        mask=_mask("partial", shape="email"),
        column=made.emails(),
        other_name="pyarrow: `replace_substring_regex`",
        slow=100_000,
        other=lambda column: pc.replace_substring_regex(column, "^(.)[^@]+", r"\1***"),
    )
    yield Case(
        name="partial organisation",
        mask=_mask("partial", shape="organisation"),
        column=made.organisations(),
        other_name="pyarrow: `replace_substring_regex`",
        slow=100_000,
        other=lambda column: pc.replace_substring_regex(column, "^(.).*?((?:股份)?有限公司)?$", r"\1****\2"),
    )
    yield Case(
        name="partial address",
        mask=_mask("partial", shape="address"),
        column=made.addresses(),
        other_name="pyarrow: `replace_substring_regex`",
        slow=100_000,
        other=lambda column: pc.replace_substring_regex(column, "街道.*$", "街道***"),
    )
    yield Case(
        name="redact",
        mask=_mask("redact"),
        column=ids,
        other_name="pyarrow: `utf8_replace_slice` of all",
        other=lambda column: pc.utf8_replace_slice(column, 0, 18, "***"),
    )
    yield Case(
        name="generalise to year",
        mask=_mask("generalise", to="year"),
        column=made.dates(),
        other_name="pyarrow: `year`, as text",
        other=lambda column: pc.year(column).cast(pa.string()),
    )
    yield Case(
        name="generalise to age_band",
        mask=_mask("generalise", to="age_band"),
        column=made.dates(),
        other_name="pyarrow: `year`, as text",
        other=lambda column: pc.year(column).cast(pa.string()),
    )
    yield Case(
        name="generalise to month",
        mask=_mask("generalise", to="month"),
        column=made.dates(),
        other_name="pyarrow: `strftime`",
        slow=200_000,
        other=lambda column: pc.strftime(column.cast(pa.timestamp("s")), "%Y-%m"),
    )
    yield Case(
        name="generalise bucket",
        mask=_mask("generalise", bucket="0, 200, 500, 1000, 2000"),
        column=made.amounts(),
        other_name="Python: `bisect`, the name",
        slow=100_000,
        other=_bisected,
    )
    yield Case(
        name="generalise region_level",
        mask=_mask("generalise", region_level="street"),
        column=made.regions(),
        other_name="pyarrow: `utf8_slice_codeunits`",
        other=lambda column: pc.utf8_slice_codeunits(column, 0, 9),
    )
    yield Case(
        name="date-shift",
        mask=_mask("date-shift"),
        column=made.dates(),
        slow=100_000,
        other_name="`hmac.digest` of the person, `timedelta`",
        other=_shifted,
    )
    pseudonym = _mask("pseudonym")
    yield Case(
        name="pseudonym aes-cmac, 18 characters",
        mask=pseudonym,
        column=ids,
        slow=100_000,
        other_name="`hmac.digest` of the standard library, hex",
        other=_hmac,
    )
    yield Case(
        name="pseudonym aes-cmac, 18 characters",
        mask=pseudonym,
        column=ids,
        slow=50_000,
        other_name="CMAC by `cryptography`, one by one, hex",
        other=_cmac,
    )
    yield Case(
        name="pseudonym aes-cmac, 11 characters",
        mask=pseudonym,
        column=phones,
        slow=100_000,
        other_name="`hmac.digest` of the standard library, hex",
        other=_hmac,
    )
    yield Case(
        name="pseudonym sm4-cmac, 18 characters",
        mask=_mask("pseudonym", algorithm="sm4-cmac"),
        column=ids,
        slow=100_000,
        other_name="`hmac.digest` of the standard library, hex",
        other=_hmac,
    )
    yield Case(
        name="pseudonym hmac-sha256",
        mask=_mask("pseudonym", algorithm="hmac-sha256"),
        column=ids[:100_000],
        slow=100_000,
        other_name="`hmac.digest` of the standard library, hex",
        other=_hmac,
    )
    digits = made.digits()
    yield Case(
        name="token, 18 digits",
        mask=_mask("token", alphabet="0123456789", shortest=18, longest=18),
        column=digits,
        slow=2_000,
        other_name="FF3-1 by PyPI `ff3`",
        other=_ff3,
    )
    yield Case(
        name="token id_number (with its check character)",
        mask=_mask("token", shape="id_number"),
        column=ids,
        slow=2_000,
        other_name="FF3-1 by PyPI `ff3` of 17 digits",
        other=lambda column: _ff3(pc.utf8_slice_codeunits(column, 0, 17)),
    )
    yield Case(
        name="token mobile (cycle walking)",
        mask=_mask("token", shape="mobile"),
        column=phones,
        slow=2_000,
        other_name="FF3-1 by PyPI `ff3`",
        other=_ff3,
    )
    yield Case(
        name="seal", mask=_mask("seal"), column=ids[:2_000], slow=500, other_name="joserfc, one by one", other=_joserfc
    )


def _mask(kind: str, **parameters: str | int | bool) -> Mask:
    return build_mask(MaskChoice(kind=kind, parameters=parameters))


def _stamp(column: pa.Array) -> Octets:
    rows = np.frombuffer(column.buffers()[2], np.uint8)[: 18 * len(column)].reshape(-1, 18).copy()
    rows[:, 4:17] = 42
    return rows


def _bisected(column: pa.Array) -> list[str]:
    edges = [Decimal(edge) for edge in (0, 200, 500, 1_000, 2_000)]
    names = ["<0", "[0,200)", "[200,500)", "[500,1000)", "[1000,2000)", ">=2000"]
    return [names[bisect_right(edges, amount)] for amount in column.to_pylist()]


def _shifted(column: pa.Array) -> list[str]:
    found = []
    for number, day in enumerate(column.to_pylist()):
        person = f"{number % 100_000:018d}".encode()
        days = int.from_bytes(hmac.digest(KEY, person, hashlib.sha256)[:8], "big") % 360 - 180
        found.append((day + timedelta(days=days)).isoformat())
    return found


def _hmac(column: pa.Array) -> list[str]:
    return [hmac.digest(KEY, text.encode(), hashlib.sha256)[:16].hex() for text in column.to_pylist()]


def _cmac(column: pa.Array) -> list[str]:
    found = []
    for text in column.to_pylist():
        mac = cmac.CMAC(algorithms.AES256(KEY))
        mac.update(text.encode())
        found.append(mac.finalize().hex())
    return found


def _ff3(column: pa.Array) -> list[str]:
    cipher = FF3Cipher(KEY.hex(), "D8E7920AFA330A")
    return [cipher.encrypt(text) for text in column.to_pylist()]


def _joserfc(column: pa.Array) -> list[str]:
    key = ECKey.generate_key("P-256")
    header = {"alg": "ECDH-ES", "enc": "A256GCM"}
    return [jwe.encrypt_compact(header, text, key) for text in column.to_pylist()]
