"""The name of a kind of content -> cells of it, made up by seed. Nobody real is meant; numbers are drawn, not issued.

Kinds come good, dirty, empty and deceptive: order numbers that look like cards, serials that look like ID numbers.
"""

import csv
import hashlib
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from functools import lru_cache
from pathlib import Path

from gateway.catalog.identifiers import gb11643_check, gb32100_check
from gateway.demo.city.chance import Chance

ROWS = 120
_ROOT = Path(__file__).parents[2]
_SURNAMES = "王李张刘陈杨黄赵吴周徐孙马朱胡郭何高林罗郑梁谢宋唐许韩冯邓曹彭曾萧田董袁潘蒋蔡余杜叶程苏魏吕丁任沈姚卢姜崔钟谭陆汪范金石廖贾夏韦付方白邹孟熊秦邱江尹薛闫段雷侯龙史陶黎贺顾毛郝龚邵万钱严覃武戴莫孔向汤"
_GIVEN = "伟芳娜敏静丽强磊军洋勇艳杰娟涛明超秀英霞平刚桂兰玉华建国文博子轩雨涵梓萱浩然思琪欣怡佳俊宇晨志鹏海燕红梅永春晓东家豪"
_COMPOUND = ("欧阳", "司马", "上官", "诸葛", "皇甫", "东方", "令狐", "慕容")
_DOTTED = ("阿卜杜拉·买买提", "古丽娜尔·艾力", "迪丽热巴·吐尔逊", "多吉·才让", "努尔·艾合买提")
_ROADS = ("文三路", "解放大街", "中山北路", "体育场路", "古墩路", "凤起路", "人民东路", "建国巷", "学院路", "金城大道")
_ESTATES = ("翠苑新村", "阳光花园", "锦绣家园", "和睦小区", "绿城春江苑", "")
_TRADES = ("贸易", "科技", "餐饮管理", "建筑工程", "信息技术", "医药", "物流", "文化传播")
_FORMS = ("有限公司", "股份有限公司", "有限责任公司", "合伙企业经营部", "个人独资商行")
_ETHNIC = ("汉族", "汉族", "汉族", "回族", "满族", "苗族", "土家族", "壮族", "畲族")
_DISEASES = ("高血压", "2型糖尿病", "急性上呼吸道感染", "慢性胃炎", "腰椎间盘突出", "冠心病", "支气管哮喘", "肺炎")
_TEXTS = (
    "经现场检查，该单位台账不完整，已责令限期整改。", "居民反映楼道堆放杂物，已联系物业清理。",
    "申请材料齐全，同意受理，转下一环节办理。", "患者主诉头晕三天，伴恶心，无发热，建议复查。",
    "上门走访未遇，电话联系后改约下周二上午。", "该户房屋漏雨，需协调维修资金，情况已上报。",
)  # fmt: skip
_PLACES = ("清波街道", "湖滨街道", "小营街道", "望江街道", "九堡街道", "丁兰街道", "笕桥街道", "闸弄口街道")
_PROVINCES = "京津沪渝冀豫云辽黑湘皖鲁新苏浙赣鄂桂甘晋蒙陕吉闽贵粤青藏川宁琼"


@lru_cache(maxsize=1)
def _regions() -> tuple[str, ...]:
    with (_ROOT / "policies" / "regions.csv").open(encoding="utf-8") as file:
        return tuple(row["code"] for row in csv.DictReader(file))


def _digits(chance: Chance, count: int) -> str:
    return "".join(str(chance.below(10)) for _ in range(count))


def _day(chance: Chance, first: int, last: int) -> date:
    return date(first, 1, 1) + timedelta(days=chance.below((date(last, 1, 1) - date(first, 1, 1)).days))


def _id_18(chance: Chance) -> str:
    counties = [code for code in _regions() if len(code) == 6] + ["340524", "420106", "510107", "110105"]
    body = chance.pick(counties) + f"{_day(chance, 1938, 2020):%Y%m%d}" + f"{chance.between(1, 999):03d}"
    return body + gb11643_check(body)


def _id_wrong(chance: Chance) -> str:
    right = _id_18(chance)
    return right[:17] + chance.pick([sign for sign in "0123456789X" if sign != right[17]])


def _id_15(chance: Chance) -> str:
    return f"3301{chance.between(1, 10):02d}{_day(chance, 1938, 1985):%y%m%d}{chance.between(1, 999):03d}"


def _name(chance: Chance) -> str:
    if chance.happens(0.03):
        return chance.pick(_DOTTED)
    surname = chance.pick(_COMPOUND) if chance.happens(0.02) else chance.pick(_SURNAMES)
    return surname + chance.pick(_GIVEN) + (chance.pick(_GIVEN) if chance.happens(0.75) else "")


def _mobile(chance: Chance) -> str:
    return "1" + chance.pick("3456789") + _digits(chance, 9)


def _landline(chance: Chance) -> str:
    return chance.pick(("0571-", "0571", "010-", "")) + chance.pick("2345678") + _digits(chance, 7)


def _luhn(body: str) -> str:
    total = 0
    for place, digit in enumerate(reversed(body)):
        value = int(digit) * (2 if place % 2 == 0 else 1)
        total += value - 9 if value > 9 else value
    return str(-total % 10)


def _card(chance: Chance) -> str:
    body = chance.pick(("622202", "621700", "622848", "621661", "623058")) + _digits(chance, chance.pick((9, 12)))
    return body + _luhn(body)


def _uscc(chance: Chance) -> str:
    body = chance.pick(("91", "92", "12", "52")) + "3301" + f"{chance.between(0, 10):02d}"
    body += "".join(chance.pick("0123456789ABCDEFGHJKLMNPQRTUWXY") for _ in range(9))
    return body + gb32100_check(body)


def _organisation(chance: Chance) -> str:
    word = chance.pick("鑫恒瑞达华盛联创德信宏远") + chance.pick("丰源通泰康正明顺兴腾")
    return chance.pick(("杭州", "浙江", "杭州市", "")) + word + chance.pick(_TRADES) + chance.pick(_FORMS)


def _address(chance: Chance) -> str:
    place = chance.pick(("浙江省杭州市上城区", "杭州市西湖区", "拱墅区", "上城区清波街道", "河南省郑州市金水区"))
    return f"{place}{chance.pick(_ROADS)}{chance.between(1, 400)}号{chance.pick(_ESTATES)}{chance.between(1, 30)}幢{chance.between(101, 1802)}室"


def _plate(chance: Chance) -> str:
    tail = "".join(chance.pick("ABCDEFGHJKLMNPQRSTUVWXYZ0123456789") for _ in range(5))
    return f"{chance.pick('浙' * 6 + _PROVINCES)}{chance.pick('ABCDEFGH')}{tail}"


def _plate_green(chance: Chance) -> str:
    return f"浙A{chance.pick('DF')}{_digits(chance, 5)}"


def _email(chance: Chance) -> str:
    user = "".join(chance.pick("abcdefghijklmnopqrstuvwxyz0123456789") for _ in range(chance.between(5, 10)))
    return f"u{user}@{chance.pick(('qq.com', '163.com', 'example.gov.cn', 'gmail.com'))}"


def _code(length: int) -> Callable[[Chance], str]:
    return lambda chance: chance.pick([code for code in _regions() if len(code) == length])


def _uuid(chance: Chance) -> str:
    text = hashlib.sha256(_digits(chance, 20).encode()).hexdigest()
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:32]}"


def _moment(chance: Chance) -> datetime:
    return datetime(2024, 1, 1, tzinfo=UTC) + timedelta(minutes=chance.below(500_000), seconds=chance.below(60))


def _text_with_person(chance: Chance) -> str:
    return f"{chance.pick(_TEXTS)}联系人{_name(chance)}，电话{_mobile(chance)}，证件{_id_18(chance)}。"


def _of(*things: object) -> Callable[[Chance], object]:
    return lambda chance: chance.pick(things)


def _mixed(*parts: tuple[float, Callable[[Chance], object]]) -> Callable[[Chance], object]:
    def draw(chance: Chance) -> object:
        share = chance.share()
        for upto, make in parts:
            if share < upto:
                return make(chance)
        return parts[-1][1](chance)

    return draw


_NOTHING = _of(None)
KINDS: dict[str, Callable[[Chance], object]] = {
    "empty": _NOTHING,
    "id": _id_18,
    "id_dirty": _mixed((0.7, _id_18), (0.82, _id_wrong), (0.9, _id_15), (1, _of(None, "无", "不详", ""))),
    "id_mixed": _mixed((0.6, _id_18), (0.9, _id_15), (1, lambda c: "E" + _digits(c, 8))),
    "id_15": _id_15,
    "id_lower": lambda c: _id_18(c).lower(),
    "id_masked": lambda c: (text := _id_18(c))[:6] + "********" + text[-4:],
    "id_hashed": lambda c: hashlib.md5(_id_18(c).encode()).hexdigest(),
    "id_few": _mixed((0.06, _id_18), (1, _NOTHING)),
    "name": _name,
    "name_dirty": _mixed((0.8, _name), (0.9, lambda c: _name(c) + "（代）"), (1, _of(None, "无", "匿名"))),
    "name_masked": lambda c: c.pick(_SURNAMES) + "**",
    "mobile": _mobile,
    "mobile_number": lambda c: int(_mobile(c)),
    "landline": _landline,
    "phones": _mixed((0.7, _mobile), (0.9, _landline), (1, _of(None, "无"))),
    "phones_dirty": _mixed((0.45, _mobile), (0.6, _landline), (0.8, lambda c: _mobile(c) + "/" + _mobile(c)), (1, _NOTHING)),
    "phone_masked": lambda c: (text := _mobile(c))[:3] + "****" + text[-4:],
    "address": _address,
    "address_dirty": _mixed((0.7, _address), (0.85, _of("本市", "同上", "翠苑")), (1, _NOTHING)),
    "village_address": lambda c: f"{c.pick(('双桥', '东塘', '白洋', '仁和'))}村{c.between(1, 20)}组{c.between(1, 99)}号",
    "shop_address": _address,
    "card": _card,
    "card_dirty": _mixed((0.9, _card), (1, lambda c: "6222" + _digits(c, 15))),
    "order_16": lambda c: f"{_day(c, 2023, 2025):%Y%m%d}" + _digits(c, 8),
    "order_19": lambda c: "62" + _digits(c, 17),
    "serial_18": lambda c: _digits(c, 18),
    "serial_18_dated": lambda c: "330106" + f"{_day(c, 2019, 2025):%Y%m%d}" + _digits(c, 4),
    "phone_like": lambda c: "13" + f"{c.between(0, 40):04d}" + _digits(c, 5),
    "uscc": _uscc,
    "uscc_dirty": _mixed((0.6, _uscc), (0.8, lambda c: _digits(c, 15)), (1, _NOTHING)),
    "organisation": _organisation,
    "school": lambda c: c.pick(("文三街", "学军", "保俶塔", "求是", "天长")) + c.pick(("小学", "中学", "幼儿园", "实验学校")),
    "hospital": lambda c: "杭州市" + c.pick(("第一", "第二", "第三", "中医", "妇幼")) + c.pick(("人民医院", "医院", "卫生服务中心")),
    "birth": lambda c: _day(c, 1935, 2021),
    "birth_8": lambda c: f"{_day(c, 1935, 2021):%Y%m%d}",
    "birth_text": lambda c: f"{_day(c, 1935, 2021):%Y-%m-%d}",
    "birth_month": lambda c: f"{_day(c, 1935, 2021):%Y%m}",
    "recent": lambda c: _day(c, 2022, 2026),
    "recent_8": lambda c: f"{_day(c, 2022, 2026):%Y%m%d}",
    "founded": lambda c: _day(c, 1985, 2025),
    "moment": _moment,
    "sex_code": _of("1", "2"),
    "sex_number": _of(1, 2, 0),
    "sex_word": _of("男", "女"),
    "ethnic_code": _of("01", "01", "01", "03", "08", "11", "15"),
    "ethnic_word": _of(*_ETHNIC),
    "ethnic_short": _of(*(word.removesuffix("族") for word in _ETHNIC)),
    "region_12": _code(12),
    "region_9": _code(9),
    "region_6": _code(6),
    "postcode": lambda c: "3100" + _digits(c, 2),
    "plate": _mixed((0.8, _plate), (1, _plate_green)),
    "passport": lambda c: c.pick("EG") + _digits(c, 8),
    "email": _email,
    "amount": lambda c: Decimal(c.below(900_000)) / 100,
    "amount_text": lambda c: f"{c.below(900_000) / 100:.2f}",
    "fen": lambda c: c.below(900_000),
    "count": lambda c: c.between(1, 9),
    "age": lambda c: c.between(1, 95),
    "age_band": _of("0-6", "7-17", "18-59", "60-79", "80+"),
    "sequence": lambda c: c.below(1_000_000),
    "year": lambda c: c.between(2010, 2025),
    "uuid": _uuid,
    "case_no": lambda c: f"XZ{c.between(2019, 2025)}{_digits(c, 6)}",
    "letters_no": lambda c: c.pick("ABCDEFG") + _digits(c, 7),
    "status_code": _of("0", "1", "2", "9"),
    "status_word": _of("正常", "注销", "迁出", "暂停"),
    "flag": _of("Y", "N"),
    "truth": _of(True, False),
    "level": _of("甲", "乙", "丙"),
    "text": lambda c: c.pick(_TEXTS),
    "text_persons": _mixed((0.15, _text_with_person), (0.7, lambda c: c.pick(_TEXTS)), (1, _NOTHING)),
    "words": _of("已处理", "待核实", "同意", "退回补正", "一般", "良好"),
    "street_name": _of(*_PLACES),
    "place_name": _of("丁桥", "高桥", "江南", "马塍", "白荡海", "石桥", "方家畈", "余杭塘", "金沙湖", "叶青兜", "林司后"),
    "disease": _of(*_DISEASES),
    "icd": _of("I10.x00", "E11.900", "J06.900", "K29.500", "M51.200"),
    "drug": _of("阿莫西林胶囊", "二甲双胍片", "布洛芬缓释胶囊", "氯化钠注射液", "硝苯地平控释片"),
    "vaccine": _of("流感疫苗", "乙肝疫苗", "新冠灭活疫苗", "麻腮风疫苗"),
    "industry": _of("餐饮业", "零售业", "软件和信息技术服务业", "房屋建筑业", "物业管理"),
    "industry_code": _of("F5211", "I6510", "H6210", "E4710"),
    "project": lambda c: c.pick(("旧小区", "地铁", "河道", "学校")) + c.pick(("改造", "扩建", "整治")) + "工程" + c.pick("一二三四") + "期",
    "subject": _of("语文", "数学", "英语", "物理", "化学", "体育"),
    "education": _of("小学", "初中", "高中", "大专", "本科", "硕士研究生"),
    "education_code": _of("10", "20", "30", "40", "60"),
    "marriage": _of("未婚", "已婚", "离婚", "丧偶"),
    "marriage_code": _of("10", "20", "30", "40"),
    "politics": _of("群众", "中共党员", "共青团员"),
    "politics_code": _of("01", "03", "13"),
    "job": _of("教师", "个体经营者", "公司职员", "退休", "农民", "公务员"),
    "nationality": _of("中国", "中国", "中国", "美国", "韩国"),
    "religion": _of("无", "佛教", "基督教", "伊斯兰教"),
    "blood": _of("A", "B", "O", "AB"),
    "card_type": _of("身份证", "护照", "港澳通行证", "军官证"),
    "relation": _of("户主", "配偶", "子", "女", "父母"),
    "vehicle": _of("小型汽车", "大型货车", "摩托车"),
    "brand": _of("大众", "丰田", "比亚迪", "别克", "奥迪"),
    "vin": lambda c: "L" + "".join(c.pick("ABCDEFGHJKLMNPRSTUVWXYZ0123456789") for _ in range(16)),
    "coordinate": lambda c: Decimal(120_000_000 + c.below(900_000)) / 1_000_000,
    "value": lambda c: Decimal(c.below(9000)) / 100,
    "url": lambda c: f"https://files.example.gov.cn/{_digits(c, 9)}.pdf",
    "photo": lambda c: f"/photo/{_digits(c, 9)}.jpg",
    "json": _NOTHING,
    "agency": lambda c: "杭州市" + c.pick(("公安局", "民政局", "市场监督管理局")) + c.pick(("上城", "西湖", "拱墅")) + "分局",
    "bank": _of("中国工商银行杭州分行", "建设银行文三支行", "农业银行城西支行"),
    "ssn": lambda c: "A" + _digits(c, 8),
}  # fmt: skip


def cells(kind: str, seed: int) -> Sequence[object]:
    """A sample's worth of one column."""
    chance = Chance(seed, 7)
    return [None if (cell := KINDS[kind](chance)) == "" else cell for _ in range(ROWS)]
