"""Surnames, and names written with an interpunct: how a text is known to look like a person's name.

A look only: many words begin with a character that is a surname too. The caller wants many different ones.
"""

import re
from typing import Final

from gateway.masks import COMPOUND_SURNAMES, HAN

_SURNAMES: Final = frozenset(
    "王李张刘陈杨黄赵吴周徐孙马朱胡郭何高林罗郑梁谢宋唐许韩冯邓曹彭曾肖萧田董袁潘于余叶蒋杜苏魏程吕丁沈任姚卢"
    "傅钟姜崔谭廖范汪陆金石戴贾韦夏邱方侯邹熊孟秦白江阎薛尹段雷黎史龙陶贺顾毛郝龚邵万钱严覃武戴莫孔向汤常温康"
    "施文牛樊葛邢安齐易乔伍庞颜倪庄聂章鲁岳翟殷詹申欧耿关兰焦俞左柳甘祝包宁尚符舒阮柯纪梅童凌毕单季裴霍涂成苗"
    "谷盛曲翁冉骆蓝路游辛靳欧管柴蒙鲍华喻祁蒲房滕屈饶解牟艾尤阳时穆农司卓古吉缪简车项连芦麦褚娄窦戚岑景党宫费"
    "卜冷晏席卫米柏宗瞿桂全佟应臧闵苟邬边卞姬师和仇栾隋商刁沙荣巫寇桑郎甄丛仲虞敖巩明佘池查麻苑迟邝官封谈匡"
    "鞠惠荆乐冀郁胥南班储原栗燕楚鄢劳谌奚皮粟冼蔺楼盘满闻位厉伊仝区郜海阚花权强帅屠豆朴盖练廉禹井祖漆巴丰"
    "支卿国狄平计索宣晋相初门云容敬来扈晁芮都普阙浦戈伏鹿薄邸雍辜羊阿乌母裘亓修邰赫杭况那宿鲜印逯隆茹诺战慕危"
    "玉银亢嵇公哈湛宾戎勾茅利於呼居揭干但尉冶斯元束檀衣信展阴昝智幸奉植衡富尧闭由蔡郦竺诸裘陳張劉黃趙吳孫馬許鄭"
    "羅韓馮鄧蕭葉蔣蘇魏呂盧鐘譚陸賈鄒龍賀顧龔邵萬錢嚴湯齊龐顏莊聶魯關蘭蓝"
)
_HAN_NAME: Final = re.compile(f"[{HAN}]{{2,4}}")
_DOTTED: Final = re.compile(f"[{HAN}]{{1,12}}(?:[·•．][{HAN}]{{1,12}}){{1,4}}")
_HIDDEN: Final = re.compile(f"[{HAN}](?:[*＊×某]{{1,3}}[{HAN}]?)")
_ENDS = (
    "市 区 县 镇 乡 村 路 街 社区 街道 公司 局 院 校 族 费 款 证 号 厂 店 站 所 处 科 部 型 类 级 度 率 量 中 色 苗 业"
)
_NOT_NAMES: Final = tuple(_ENDS.split())
"""Ends that a given name hardly has; a column of names is judged by its share, so a rare one does no harm."""


def is_name(text: str) -> bool:
    """Whether it looks like a person's name: surname first, two to four characters; or with an interpunct."""
    if _DOTTED.fullmatch(text) or _HIDDEN.fullmatch(text):
        return True
    if _HAN_NAME.fullmatch(text) is None or text.endswith(_NOT_NAMES):
        return False
    return (len(text) > 2 and text[:2] in COMPOUND_SURNAMES) or (len(text) < 4 and text[0] in _SURNAMES)
