"""Draws -> numbers that national registers issue: valid, each once."""

from datetime import date

from gateway.catalog.identifiers import gb11643_check, gb11714_check, gb32100_check
from gateway.demo.city.chance import Chance, Weighted
from gateway.demo.city.people import MALE

_USCC_DIGITS = "0123456789ABCDEFGHJKLMNPQRTUWXY"
_CODES_A_PREFIX = 31**5
_STRIDE = 17_408_917  # prime to 31, so that serials visit every code once, in no visible order

_ABOLISHED = {"330103": 20.0, "330104": 22.0}  # 下城区 and 江干区, in force until 2021
_ELSEWHERE = (
    "330203", "330302", "330402", "330502", "330602", "330681", "330702", "330802", "331002", "331102",
    "340104", "340303", "341221", "350102", "360102", "360121", "370102", "320102", "320311", "310101",
    "310115", "410102", "410105", "420106", "420111", "430102", "440103", "500103", "510104", "520102",
    "530102", "610103", "620102", "210102", "220102", "230103", "130102", "140105", "110105", "120103",
)  # fmt: skip


class IdentityOffice:
    """Issues identity numbers (GB 11643); keeps what it issued, about 100 bytes each."""

    def __init__(self, counties: tuple[str, ...]) -> None:
        weights = dict.fromkeys(counties, 6.0) | {"330102": 40.0, "330114": 14.0} | _ABOLISHED
        self._local = Weighted(weights)
        self._anywhere = Weighted(dict.fromkeys(_ELSEWHERE, 3.0) | {"330102": 8.0})
        self._issued: set[int] = set()

    def local_area(self, chance: Chance) -> str:
        """County code of a birthplace in the prefecture."""
        return chance.weighted(self._local)

    def any_area(self, chance: Chance) -> str:
        """County code of a birthplace anywhere in the country."""
        return chance.weighted(self._anywhere)

    def issue(self, area: str, birth: date, sex: str, chance: Chance) -> str:
        """An identity number that nobody has yet; raises ValueError where a day and area have no more."""
        prefix = f"{area}{birth.year}{birth.month:02d}{birth.day:02d}"
        parity = 1 if sex == MALE else 0
        start = chance.below(500)
        for step in range(500):
            body = f"{prefix}{(start + step) % 500 * 2 + parity:03d}"
            number = int(body)
            if number not in self._issued:
                self._issued.add(number)
                return body + gb11643_check(body)
        raise ValueError(f"no identity number left for {area} on a day: take fewer residents")


class CompanyRegistry:
    """Issues credit codes (GB 32100) with valid organisation codes (GB 11714)."""

    def __init__(self) -> None:
        self._issued = 0

    def issue(self, district: str, *, is_individual: bool) -> str:
        """A credit code that no business has yet: 91 for companies, 92 for individual businesses."""
        rest = (self._issued * _STRIDE + 9_241_421) % _CODES_A_PREFIX
        self._issued += 1
        tail = ""
        for _ in range(5):
            rest, digit = divmod(rest, 31)
            tail += _USCC_DIGITS[digit]
        organisation = f"MA2{tail}"
        body = f"9{'2' if is_individual else '1'}{district}{organisation}{gb11714_check(organisation)}"
        return body + gb32100_check(body)
