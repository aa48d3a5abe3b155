"""The columns of `benchmarks.masks`."""

from collections.abc import Sequence
from decimal import Decimal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray


class Columns:
    """Columns like those of a city's registers, the same every time."""

    def __init__(self, count: int) -> None:
        self._count = count
        self._random = np.random.default_rng(20_261_124)

    def _numbers(self, low: int, high: int) -> NDArray[np.int64]:
        return self._random.integers(low, high, self._count)

    def ids(self) -> pa.Array:
        """ID numbers of 18 characters, their check characters right."""
        weights, checks = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2), "10X98765432"
        born, last = self._numbers(0, 10**6), self._numbers(0, 1_000)
        bodies = _joined(
            "330102",
            _digits(1940 + born // 372 % 80, 4),
            _digits(born % 12 + 1, 2),
            _digits(born // 12 % 28 + 1, 2),
            _digits(last, 3),
        )
        numerals = np.frombuffer(bodies.buffers()[2], np.uint8)[: 17 * self._count].reshape(-1, 17) - 48
        return _joined(bodies, _chosen(checks, (numerals * np.array(weights)).sum(axis=1) % 11))

    def mixed_ids(self) -> pa.Array:
        """The same; of a hundred one is of 15 digits or none at all."""
        values = self.ids().to_pylist()
        for at in range(0, len(values), 100):
            values[at] = values[at][:6] + values[at][8:17] if at % 200 else "不详"
        return pa.array(values)

    def phones(self) -> pa.Array:
        """Mobile numbers."""
        return _digits(13 * 10**9 + self._numbers(0, 7 * 10**9), 11)

    def cards(self) -> pa.Array:
        """Bank cards of 16 and 19 digits."""
        numbers = self._numbers(0, 10**12)
        return pc.if_else(
            numbers % 2 == 1, _joined("6222", _digits(numbers, 12)), _joined("6222", _digits(numbers, 15))
        )

    def digits(self) -> pa.Array:
        """Texts of 18 digits."""
        return _digits(self._numbers(0, 10**18), 18)

    def names(self) -> pa.Array:
        """Names of two to four characters, some with compound surnames, some foreign."""
        surnames = "王李张刘陈杨赵黄周吴徐孙胡朱高林何郭马罗"
        given = "伟芳娜敏静丽强磊军洋勇艳杰娟涛明超秀霞平"
        first, middle, last = (self._numbers(0, 1_000) for _ in range(3))
        chinese = _joined(
            _chosen([*surnames, "欧阳"], np.where(first > 994, 20, first % 20)),
            _chosen(given, middle % 20),
            _chosen([*given, ""], np.where(last % 5 > 0, last % 20, 20)),
        )
        return pc.if_else(first == 7, "John Smith", chinese)

    def plates(self) -> pa.Array:
        """Plates of ordinary and of electric cars."""
        numbers = self._numbers(0, 10**5)
        return _joined("浙A", _chosen(["D", "", "", ""], numbers % 4), _digits(numbers, 5))

    def emails(self) -> pa.Array:
        """Mail addresses of a few firms and of many small ones."""
        numbers = self._numbers(0, 10**6)
        domains = ["example.org", "mail.example.com", "example.net.cn", *(f"firm{at}.example" for at in range(97))]
        which = np.where(numbers % 10 < 9, numbers % 3, numbers // 10 % 100)
        return _joined(
            _chosen("abcdefghijklmnopqrstuvwxyz", numbers % 26), _digits(numbers), "@", _chosen(domains, which)
        )

    def organisations(self) -> pa.Array:
        """Names of firms, no two alike but by chance."""
        trades = ("科技有限公司", "贸易股份有限公司", "餐饮店", "律师事务所", "水果专业合作社")
        given = "天地玄黄宇宙洪荒日月盈昃辰宿列张"
        one = self._numbers(0, 10**6)
        parts = (_chosen(given, one // scale % 16) for scale in (1, 16, 256))
        return _joined("杭州", *parts, _chosen(trades, one % 5))

    def addresses(self) -> pa.Array:
        """Flats of 512 communities."""
        parts = [first + second for first in "甲乙丙丁戊己庚辛" for second in "东南西北上中下前"]
        streets = ("清波", "湖滨", "小营", "南星", "紫阳", "四季青", "笕桥", "彭埠")
        one = self._numbers(0, 10**6)
        return _joined(
            "浙江省杭州市上城区",
            _chosen(streets, one % 8),
            "街道",
            _chosen(parts, one // 8 % 64),
            "社区",
            _digits(one % 97),
            "幢",
            _digits(one % 900),
            "室",
        )

    def dates(self) -> pa.Array:
        """Birth dates."""
        return pa.array(self._random.integers(-10_000, 18_000, self._count).astype(np.int32)).view(pa.date32())

    def amounts(self) -> pa.Array:
        """Allowances, in yuan with two decimals."""
        return pa.array([Decimal(number) / 100 for number in self._numbers(0, 300_000).tolist()], pa.decimal128(12, 2))

    def regions(self) -> pa.Array:
        """Communities' codes."""
        return _joined("330102", _digits(self._numbers(0, 10**6), 6))


def _digits(numbers: NDArray[np.int64], width: int = 0) -> pa.Array:
    """Decimal, with zeros before as the width asks."""
    return pc.ascii_lpad(pa.array(numbers).cast(pa.string()), width, "0")


def _chosen(texts: Sequence[str], places: NDArray[np.int64]) -> pa.Array:
    return pa.array(list(texts)).take(pa.array(places))


def _joined(*parts: pa.Array | str) -> pa.Array:
    return pc.binary_join_element_wise(*parts, "")
