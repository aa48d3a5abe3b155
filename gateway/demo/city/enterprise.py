"""Households -> the businesses registered in their community."""

from datetime import date, timedelta

from gateway.demo.city import contacts, names
from gateway.demo.city.chance import Chance, Weighted
from gateway.demo.city.people import FEMALE, MALE, REFERENCE_DAY, Business, Household, Person
from gateway.demo.city.registry import CompanyRegistry, IdentityOffice
from gateway.demo.city.territory import Community

_BUSINESSES_A_RESIDENT = 0.05
_OWNED_OUTSIDE = 0.15
_TRADES = Weighted(
    {
        ("餐饮业", "小吃店"): 14.0,
        ("餐饮业", "面馆"): 8.0,
        ("零售业", "便利店"): 12.0,
        ("零售业", "水果店"): 7.0,
        ("零售业", "服装店"): 9.0,
        ("居民服务业", "理发店"): 7.0,
        ("居民服务业", "家政服务部"): 4.0,
        ("机动车修理业", "汽车修理部"): 4.0,
        ("洗染服务业", "洗衣店"): 3.0,
        ("建筑装饰业", "装饰工程"): 5.0,
        ("软件和信息技术服务业", "网络科技"): 12.0,
        ("批发业", "贸易"): 10.0,
        ("制造业", "包装制品"): 4.0,
        ("道路运输业", "物流"): 4.0,
    }
)
_COMPANIES = frozenset({"装饰工程", "网络科技", "贸易", "包装制品", "物流"})
_FIRST, _SECOND = "鑫恒兴瑞泰祥嘉禾云启盛达益民乐佳顺福安和", "源通达隆昌丰悦辰康宁诚信宏远邻里香味美华"


def businesses_of(
    community: Community,
    households: tuple[Household, ...],
    office: IdentityOffice,
    registry: CompanyRegistry,
    chance: Chance,
) -> tuple[Business, ...]:
    """About one business to twenty residents, and the quiet stalls of families on allowance."""
    its_roads = contacts.roads(community, chance)
    adults = [person for home in households for person in home.members if 22 <= person.age <= 66]
    stalls = [home.members[0] for home in households if home.keeps_stall]
    many = int(len(adults) * _BUSINESSES_A_RESIDENT * 1.5) + 1
    owners: list[Person | None] = list(stalls)
    owners += [None if not adults or chance.happens(_OWNED_OUTSIDE) else chance.pick(adults) for _ in range(many)]
    return tuple(
        _business(owner, community, its_roads, office, registry=registry, chance=chance, is_stall=place < len(stalls))
        for place, owner in enumerate(owners)
    )


def _business(
    owner: Person | None,
    community: Community,
    its_roads: tuple[str, ...],
    office: IdentityOffice,
    *,
    registry: CompanyRegistry,
    chance: Chance,
    is_stall: bool,
) -> Business:
    industry, trade = ("餐饮业", "小吃店") if is_stall else chance.weighted(_TRADES)
    is_individual = trade not in _COMPANIES
    brand = chance.pick(_FIRST) + chance.pick(_SECOND)
    name = f"杭州市{community.district_name}{brand}{trade}" if is_individual else f"杭州{brand}{trade}有限公司"
    adult_since = date(2001, 1, 1)
    if owner is None:
        owner_name, owner_id_number, owner_phone = _outsider(office, chance)
    else:
        owner_name, owner_id_number, owner_phone = owner.name, owner.id_number, owner.phone
        adult_since = max(adult_since, date(owner.birth.year + 20, 1, 1))
    return Business(
        credit_code=registry.issue(community.district_code, is_individual=is_individual),
        name=name,
        owner_name=owner_name,
        owner_id_number=owner_id_number,
        owner_phone=owner_phone,
        is_individual=is_individual,
        industry=industry,
        address=contacts.shop_address(community, its_roads, chance),
        registered=adult_since + timedelta(days=chance.below(max(1, (REFERENCE_DAY - adult_since).days))),
    )


def _outsider(office: IdentityOffice, chance: Chance) -> tuple[str, str, str | None]:
    sex = MALE if chance.happens(0.6) else FEMALE
    birth = date(1962, 1, 1) + timedelta(days=chance.below(14_000))
    name = names.surname(chance) + names.given_name(chance, is_male=sex == MALE, born=birth.year)
    return name, office.issue(office.any_area(chance), birth, sex, chance), contacts.phone(chance)
