"""Draws -> phone numbers and addresses in the forms that registers hold, well and badly typed ones.

The numbers follow the national numbering plan's shapes; whom they ring is not known and must not be tried.
"""

from collections.abc import Sequence

from gateway.demo.city.chance import Chance, Weighted
from gateway.demo.city.territory import Community

_MOBILE = Weighted(
    dict.fromkeys(
        ("134", "135", "136", "137", "138", "139", "150", "151", "152", "157", "158", "159", "187", "188"), 6.0
    )
    | dict.fromkeys(("130", "131", "132", "155", "156", "185", "186", "176", "178", "182", "183", "184"), 3.0)
    | dict.fromkeys(("133", "153", "173", "177", "180", "181", "189", "199", "191", "198", "195", "166"), 2.0)
)
_LANDLINE_STARTS = ("85", "86", "87", "88", "81", "56")
_ROAD_STEMS = (
    "新风",
    "东宁",
    "凤起",
    "水湘",
    "文晖",
    "庆春",
    "学林",
    "海达",
    "金沙",
    "江陵",
    "义府",
    "青六",
    "塘新",
    "秋涛",
)
_FLATS_A_BUILDING = 24  # 2 units of 6 floors with 2 flats
_BUILDINGS_AN_ESTATE = 3
_ROAD_ENDINGS = ("路", "街", "巷", "弄")


def mobile(chance: Chance) -> str:
    """Eleven digits of a mobile number."""
    return f"{chance.weighted(_MOBILE)}{chance.below(100_000_000):08d}"


def landline(chance: Chance) -> str:
    """A Hangzhou landline with its area code: 0571-, eight digits."""
    return f"0571-{chance.pick(_LANDLINE_STARTS)}{chance.below(1_000_000):06d}"


def phone(chance: Chance) -> str:
    """A well-formed number: mobile, one in thirty a landline."""
    return landline(chance) if chance.happens(1 / 30) else mobile(chance)


def malformed(number: str, chance: Chance) -> str:
    """The number as badly kept registers have it; never of a known shape."""
    bad = (
        number[:-1],
        f"{number} 儿子",
        f"{number[:3]} {number[3:7]} {number[7:]}",
        f"{number[:-1]}l",
        f"{number}转802",
        "无",
        f"{number}/{mobile(chance)}",
        "".join(chr(ord(character) + 0xFEE0) if character.isdigit() else character for character in number),
    )
    return chance.pick(bad)


def roads(community: Community, chance: Chance) -> tuple[str, ...]:
    """Three roads of a community: its own and two of the neighbourhood."""
    stem = community.name.removesuffix("委会").removesuffix("社区").removesuffix("村")
    own = stem if stem.endswith(_ROAD_ENDINGS) else f"{stem}{chance.pick(_ROAD_ENDINGS)}"
    return (
        own,
        f"{chance.pick(_ROAD_STEMS)}{chance.pick('路路街')}",
        f"{chance.pick(_ROAD_STEMS)}{chance.pick(('东路', '西路', '北路', '弄'))}",
    )


def home_address(community: Community, its_roads: Sequence[str], place: int) -> str:
    """The address of the flat (or village house) at a place of the community: a different one for each place."""
    if community.is_village:
        return f"{community.place}{place // 40 + 1}组{place % 40 + 1}号"
    building, flat = divmod(place, _FLATS_A_BUILDING)
    estate, block = divmod(building, _BUILDINGS_AN_ESTATE)
    unit, level = divmod(flat, 12)
    floor, door = divmod(level, 2)
    road = its_roads[estate % len(its_roads)]
    number = 2 * (int(community.code[-3:]) % 40) + 36 * estate + 8
    return f"{community.place}{road}{number}号{block + 1}幢{unit + 1}单元{floor + 1}{door + 1:02d}室"


def shop_address(community: Community, its_roads: Sequence[str], chance: Chance) -> str:
    """Where a business is registered: a shop or an office on one of the roads."""
    kind = "商铺" if chance.happens(0.6) else "室"
    return f"{community.place}{chance.pick(its_roads)}{chance.between(1, 398)}号{chance.between(101, 818)}{kind}"
