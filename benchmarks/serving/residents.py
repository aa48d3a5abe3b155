"""The city that is asked about: residents with right check digits, in the real communities; the same every time."""

import csv
import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

from gateway.catalog.identifiers import gb11643_check

REGIONS = Path(__file__).parents[2] / "policies" / "regions.csv"
COUNTY = "330109"  # the asker's: it has a sixth of the city's communities
_SURNAMES = "王李张刘陈杨黄赵吴周徐孙马朱胡郭何林高罗郑梁谢宋唐许韩冯邓曹彭曾肖田董袁潘蒋蔡余"
_GIVEN = "伟芳娜敏静丽强磊军洋勇艳杰娟涛明超秀霞平刚桂英华玉兰红波辉玲宁飞鹏欣怡子涵梓萱雨泽浩宇"
_PHONES = ("130", "135", "136", "138", "139", "150", "158", "177", "186", "188")
_FIRST_BIRTH, _DAYS = date(1936, 1, 1), 30_000
_VACCINES = ("流感疫苗", "新冠疫苗", "肺炎疫苗", "带状疱疹疫苗")


@dataclass(frozen=True, slots=True)
class Community:
    """A community and how its addresses begin."""

    code: str
    place: str


def communities() -> list[Community]:
    """The city's communities in the order of their codes."""
    with REGIONS.open(encoding="utf-8", newline="") as file:
        rows = {row["code"]: row for row in csv.DictReader(file)}
    return [
        Community(code, f"杭州市{rows[code[:6]]['name']}{rows[code[:9]]['name']}{row['name']}")
        for code, row in sorted(rows.items())
        if row["level"] == "community"
    ]


class City:
    """So many residents, spread evenly; what other departments hold of some of them."""

    def __init__(self, residents: int) -> None:
        self.residents = residents
        self.communities = communities()
        self._days = [_FIRST_BIRTH + timedelta(days=day) for day in range(_DAYS)]
        self._iso = [day.isoformat() for day in self._days]
        self._short = [iso.replace("-", "") for iso in self._iso]

    def of_county(self) -> list[Community]:
        """The communities whose residents the asker may see."""
        return [one for one in self.communities if one.code.startswith(COUNTY)]

    def resident_rows(self) -> Iterator[str]:
        """Blocks of lines as COPY takes them, community by community."""
        seen: dict[str, int] = {}
        number = 0
        for at, community in enumerate(self.communities):
            lines = []
            for _ in range(self._count(at)):
                in_county = seen.get(community.code[:6], 0)
                seen[community.code[:6]] = in_county + 1
                lines.append(self._resident(number, in_county, community))
                number += 1
            yield "".join(lines)

    def _count(self, at: int) -> int:
        each, left = divmod(self.residents, len(self.communities))
        return each + (at < left)

    def _resident(self, number: int, in_county: int, community: Community) -> str:
        # 7,919 has no factor in common with the days: all of them come before one comes again
        day, turn = in_county * 7_919 % _DAYS, in_county // _DAYS
        body = f"{community.code[:6]}{self._short[day]}{turn * 7 + number % 7:03}"
        sex = "男" if int(body[16]) % 2 else "女"
        name = (
            _SURNAMES[number % len(_SURNAMES)]
            + _GIVEN[number // 7 % len(_GIVEN)]
            + (_GIVEN[number // 301 % len(_GIVEN)] if number % 5 else "")
        )
        phone = f"{_PHONES[number % 10]}{number * 48_271 % 100_000_000:08}"
        address = f"{community.place}{number % 40 + 1}幢{number % 4 + 1}单元{number % 18 + 1}0{number % 2 + 1}室"
        registered = self._iso[20_000 + number % 9_000]
        return (
            f"{body}{gb11643_check(body)}\t{name}\t{sex}\t{self._iso[day]}\t{phone}\t{address}\t{community.code}"
            f"\t{registered}\n"
        )


def assistance_row(number: int, id_number: str, community: str) -> str | None:
    """What civil affairs holds: of one resident in five."""
    if number % 5:
        return None
    return f"DB{number:09}\t{id_number}\t{'甲乙丙'[number % 3]}\t{300 + number % 900}\t{community}\n"


def vaccination_rows(number: int, id_number: str, community: str) -> Iterator[str]:
    """What health holds: of two residents in three, two doses."""
    if number % 3 == 0:
        return
    for dose in (1, 2):
        vaccine = _VACCINES[number % len(_VACCINES)]
        given = (date(2024, 1, 1) + timedelta(days=number % 700 + dose)).isoformat()
        yield f"VC{number:09}{dose}\t{id_number}\t{vaccine}\t{dose}\t{given}\t{community}\n"


def blocks(lines: Iterator[str], size: int = 5_000) -> Iterator[str]:
    """Lines, many at a time."""
    while block := "".join(itertools.islice(lines, size)):
        yield block
