"""The columns of `benchmarks.masks`, the masks over them, and what other libraries do for the same columns."""

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
        other=lambda column: pc.replace_substring_regex(column, "^(.)[^@]+", r"\1***"),
    )
    yield Case(
        name="partial organisation",
        mask=_mask("partial", shape="organisation"),
        column=made.organisations(),
        other_name="pyarrow: `replace_substring_regex`",
        other=lambda column: pc.replace_substring_regex(column, "^(.).*?((?:股份)?有限公司)?$", r"\1****\2"),
    )
    yield Case(
        name="partial address",
        mask=_mask("partial", shape="address"),
        column=made.addresses(),
        other_name="pyarrow: `replace_substring_regex`",
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
        column=ids,
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


class Columns:
    """Columns like those of a city's registers, the same every time."""

    def __init__(self, count: int) -> None:
        self._count = count
        self._random = np.random.default_rng(20_261_124)

    def _numbers(self, low: int, high: int) -> list[int]:
        drawn: list[int] = self._random.integers(low, high, self._count).tolist()
        return drawn

    def ids(self) -> pa.Array:
        """ID numbers of 18 characters, their check characters right."""
        weights, checks = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2), "10X98765432"
        bodies = [
            f"330102{1940 + number // 372 % 80}{number % 12 + 1:02d}{number // 12 % 28 + 1:02d}{last:03d}"
            for number, last in zip(self._numbers(0, 10**6), self._numbers(0, 1_000), strict=True)
        ]
        digits = np.frombuffer("".join(bodies).encode(), np.uint8).reshape(-1, 17) - 48
        sums = (digits * np.array(weights)).sum(axis=1) % 11
        return pa.array([body + checks[place] for body, place in zip(bodies, sums.tolist(), strict=True)])

    def mixed_ids(self) -> pa.Array:
        """The same; of a hundred one is of 15 digits or none at all."""
        values = self.ids().to_pylist()
        for at in range(0, len(values), 100):
            values[at] = values[at][:6] + values[at][8:17] if at % 200 else "不详"
        return pa.array(values)

    def phones(self) -> pa.Array:
        """Mobile numbers."""
        return pa.array([f"1{number + 3 * 10**9:010d}" for number in self._numbers(0, 7 * 10**9)])

    def cards(self) -> pa.Array:
        """Bank cards of 16 and 19 digits."""
        return pa.array([f"6222{at:012d}" if at % 2 else f"6222{at:015d}" for at in self._numbers(0, 10**12)])

    def digits(self) -> pa.Array:
        """Texts of 18 digits."""
        return pa.array([f"{number:018d}" for number in self._numbers(0, 10**18)])

    def names(self) -> pa.Array:
        """Names of two to four characters, some with compound surnames, some foreign."""
        surnames = "王李张刘陈杨赵黄周吴徐孙胡朱高林何郭马罗"
        given = "伟芳娜敏静丽强磊军洋勇艳杰娟涛明超秀霞平"
        found = []
        for first, middle, last in zip(*(self._numbers(0, 1_000) for _ in range(3)), strict=True):
            surname = "欧阳" if first > 994 else surnames[first % 20]
            found.append(
                "John Smith" if first == 7 else surname + given[middle % 20] + given[last % 20] * (last % 5 > 0)
            )
        return pa.array(found)

    def plates(self) -> pa.Array:
        """Plates of ordinary and of electric cars."""
        return pa.array(
            [f"浙A{number:05d}" if number % 4 else f"浙AD{number:05d}" for number in self._numbers(0, 10**5)]
        )

    def emails(self) -> pa.Array:
        """Mail addresses."""
        return pa.array([f"user{number}@example.org" for number in self._numbers(0, 10**6)])

    def organisations(self) -> pa.Array:
        """Names of firms, no two alike but by chance."""
        trades = ("科技有限公司", "贸易股份有限公司", "餐饮店", "律师事务所", "水果专业合作社")
        given = "天地玄黄宇宙洪荒日月盈昃辰宿列张"
        return pa.array(
            [
                f"杭州{given[one % 16]}{given[one // 16 % 16]}{given[one // 256 % 16]}{trades[one % 5]}"
                for one in self._numbers(0, 10**6)
            ]
        )

    def addresses(self) -> pa.Array:
        """Flats of 512 communities."""
        parts = [first + second for first in "甲乙丙丁戊己庚辛" for second in "东南西北上中下前"]
        streets = ("清波", "湖滨", "小营", "南星", "紫阳", "四季青", "笕桥", "彭埠")
        return pa.array(
            [
                f"浙江省杭州市上城区{streets[one % 8]}街道{parts[one // 8 % 64]}社区{one % 97}幢{one % 900}室"
                for one in self._numbers(0, 10**6)
            ]
        )

    def dates(self) -> pa.Array:
        """Birth dates."""
        return pa.array(self._random.integers(-10_000, 18_000, self._count).astype(np.int32)).view(pa.date32())

    def amounts(self) -> pa.Array:
        """Allowances, in yuan with two decimals."""
        return pa.array([Decimal(number) / 100 for number in self._numbers(0, 300_000)], pa.decimal128(12, 2))

    def regions(self) -> pa.Array:
        """Communities' codes."""
        return pa.array([f"330102{number:06d}" for number in self._numbers(0, 10**6)])


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
