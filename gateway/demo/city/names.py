"""Draws -> plausible names: weighted surnames, given names of their generation, compound and minority names.

Nobody real is meant. Surname weights are rounded from published name statistics, with those of Zhejiang raised.
"""

from gateway.demo.city.chance import Chance, Weighted

_SURNAMES = Weighted(
    {
        "王": 72, "李": 68, "张": 66, "陈": 64, "刘": 44, "杨": 34, "黄": 26, "周": 30, "吴": 30, "徐": 34,
        "孙": 22, "朱": 24, "马": 14, "胡": 20, "林": 18, "郭": 10, "何": 16, "高": 12, "罗": 9, "郑": 16,
        "梁": 8, "谢": 9, "宋": 8, "唐": 9, "许": 12, "邓": 6, "冯": 10, "韩": 7, "曹": 8, "曾": 6,
        "彭": 6, "萧": 3, "蔡": 8, "潘": 9, "田": 4, "董": 8, "袁": 7, "于": 4, "余": 10, "叶": 14,
        "蒋": 11, "杜": 5, "苏": 5, "魏": 5, "程": 7, "吕": 8, "丁": 10, "沈": 26, "任": 5, "姚": 10,
        "卢": 6, "傅": 7, "钟": 6, "姜": 5, "崔": 3, "谭": 3, "廖": 3, "范": 7, "汪": 8, "陆": 11,
        "金": 15, "石": 4, "戴": 7, "贾": 2, "韦": 2, "夏": 7, "邱": 5, "方": 10, "侯": 2, "邹": 4,
        "熊": 3, "孟": 2, "秦": 3, "白": 2, "江": 5, "阎": 1, "薛": 2, "尹": 2, "段": 2, "雷": 2,
        "俞": 14, "章": 11, "钱": 11, "楼": 6, "施": 7, "孔": 3, "毛": 6, "洪": 5, "倪": 5, "严": 5,
        "盛": 3, "祝": 3, "华": 2, "裘": 3, "来": 4, "瞿": 2, "诸": 2, "竺": 1, "郦": 1, "应": 2,
        "欧阳": 1.6, "上官": 0.5, "诸葛": 0.6, "司马": 0.3, "皇甫": 0.3, "端木": 0.2, "慕容": 0.2, "令狐": 0.2,
    }
)  # fmt: skip

_OLD, _MIDDLE, _YOUNG = 0, 1, 2
_MALE = (
    ("国德志金永根福祥林荣生水明海忠宝仁法关松", "华根明林法生兴良荣泉祥夫康庆松"),
    ("伟强军勇建斌峰磊涛超志晓文海永俊国立", "华平刚波辉鹏军明东杰锋飞敏良民宏"),
    ("浩宇子博文睿泽俊一昊铭嘉思承天梓亦", "轩涵熙辰然杰航阳哲霖宸诺睿豪恒"),
)
_FEMALE = (
    ("桂秀玉凤金素彩爱水阿美月惠瑞雪", "英珍兰菊梅香花仙娥娟芬莲琴凤云"),
    ("丽晓雪海小春文建美红志慧燕亚", "敏静芳艳娟霞燕红玲洁萍莉慧婷颖琳芬"),
    ("梓欣雨诗梦思可依若语子佳一沐", "涵怡桐琪瑶语馨诺萱妍彤然宁悦欣"),
)
_UYGHUR_MALE = ("艾力", "买买提", "阿不都", "吐尔逊", "热合曼", "玉素甫", "艾尼瓦尔", "库尔班", "亚森", "伊力哈木")
_UYGHUR_FEMALE = ("古丽娜尔", "阿依古丽", "热依汗", "帕提古丽", "迪丽拜尔", "阿米娜", "茹仙古丽", "努尔曼古丽")
_UYGHUR_FATHERS = ("买买提", "吐尔逊", "阿不力孜", "依明", "肉孜", "司马义", "卡德尔")

_LOOK_OR_SOUND_ALIKE = dict(
    zip(
        "萧傅阎戴余丁婷颖静芳燕丽敏国建志海俊涵浩宇子梓桂珍英凤福荣晓小琪轩睿辉波明欣诗语",
        "肖付闫代佘于亭颍净方艳莉民囯健智诲峻函皓雨梓子贵针瑛风富蓉小晓琦宣瑞晖坡铭新思雨",
        strict=True,
    )
)


def surname(chance: Chance) -> str:
    """A Han surname, one or two characters."""
    return chance.weighted(_SURNAMES)


def given_name(chance: Chance, *, is_male: bool, born: int) -> str:
    """A given name of one or two characters, as people born in that year have."""
    era = _OLD if born < 1962 else _MIDDLE if born < 1995 else _YOUNG
    first, last = (_MALE if is_male else _FEMALE)[era]
    end = chance.pick(last)
    if chance.share() < (0.12, 0.34, 0.16)[era]:
        return end
    return chance.pick(first) + end


def uyghur_name(chance: Chance, *, is_male: bool, father: str | None) -> str:
    """Own name, a middle dot, the father's name (drawn where he is not known)."""
    own = chance.pick(_UYGHUR_MALE if is_male else _UYGHUR_FEMALE)
    return f"{own}·{father or chance.pick(_UYGHUR_FATHERS)}"


def mistyped(name: str, chance: Chance) -> str:
    """The name as a clerk might have typed it: another dot, a like character, a space. Never the same text."""
    if "·" in name:
        return name.replace("·", chance.pick("•．. "))
    for place in range(len(name) - 1, -1, -1):
        other = _LOOK_OR_SOUND_ALIKE.get(name[place])
        if other is not None and (place > 0 or chance.happens(0.5)):
            return name[:place] + other + name[place + 1 :]
    return f"{name[0]} {name[1:]}"
