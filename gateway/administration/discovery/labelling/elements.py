"""The standard data elements that discovery proposes: term, title, class, and what a column of it may be made of.

A closed list; policies/terms.yaml has every one of them under the same title (a test holds that).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from gateway.model.catalog import Classification, FieldType, Title

_WRITTEN: Final = frozenset({FieldType.TEXT, FieldType.INTEGER, FieldType.NUMERIC})
_DAYS: Final = frozenset({FieldType.DATE, FieldType.TIMESTAMP, FieldType.TEXT, FieldType.INTEGER})
_AMOUNTS: Final = _WRITTEN
_ANY: Final = frozenset(FieldType)


@dataclass(frozen=True, slots=True, kw_only=True)
class Element:
    """One standard data element. `family`: elements with one kind of content, told apart by whose it is."""

    term: str
    title: Title
    classification: Classification
    types: frozenset[FieldType]
    family: str


_SENSITIVE, _INTERNAL, _PUBLIC = Classification.SENSITIVE, Classification.INTERNAL, Classification.PUBLIC

_LIST: Final = (
    ("aid.amount", "月救助金额", "Monthly aid", _SENSITIVE, _AMOUNTS, "amount"),
    ("aid.case_no", "救助编号", "Aid case number", _INTERNAL, _WRITTEN, "aid.case_no"),
    ("aid.level", "救助等级", "Level of aid", _INTERNAL, _WRITTEN, "aid.level"),
    ("health.clinic", "接种单位", "Clinic", _INTERNAL, _WRITTEN, "organisation"),
    ("health.diagnosis", "诊断与健康状况", "Diagnosis or state of health", _SENSITIVE, _ANY, "diagnosis"),
    ("health.dose", "剂次", "Dose", _SENSITIVE, _WRITTEN, "dose"),
    ("health.given_on", "接种日期", "Day of vaccination", _SENSITIVE, _DAYS, "day"),
    ("health.vaccine", "疫苗", "Vaccine", _SENSITIVE, _WRITTEN, "vaccine"),
    ("household.number", "户号", "Household number", _INTERNAL, _WRITTEN, "household"),
    ("household.size", "户人口数", "Members of a household", _INTERNAL, _WRITTEN, "size"),
    ("money.amount", "金额", "Amount of money", _INTERNAL, _AMOUNTS, "amount"),
    ("org.address", "单位地址", "Address of an organisation", _PUBLIC, frozenset({FieldType.TEXT}), "address"),
    ("org.capital", "注册资本（元）", "Registered capital (yuan)", _INTERNAL, _AMOUNTS, "amount"),
    ("org.industry", "行业", "Industry", _PUBLIC, _WRITTEN, "industry"),
    ("org.name", "单位名称", "Name of an organisation", _PUBLIC, frozenset({FieldType.TEXT}), "organisation"),
    ("org.phone", "单位电话", "Phone of an organisation", _INTERNAL, _WRITTEN, "phone"),
    ("org.registered_on", "成立日期", "Day of establishment", _PUBLIC, _DAYS, "day"),
    ("org.status", "登记状态", "Status of registration", _PUBLIC, _WRITTEN, "status"),
    ("org.uscc", "统一社会信用代码", "Unified social credit code", _PUBLIC, frozenset({FieldType.TEXT}), "uscc"),
    ("person.address", "居住地址", "Home address", _SENSITIVE, frozenset({FieldType.TEXT}), "address"),
    ("person.age", "年龄", "Age", _INTERNAL, _WRITTEN, "age"),
    ("person.age_band", "年龄段", "Age band", _PUBLIC, _WRITTEN, "age"),
    ("person.bank_card", "银行账号", "Bank card or account", _SENSITIVE, _WRITTEN, "bank_card"),
    ("person.biometric", "人脸、指纹等生物特征", "Biometric feature or portrait", _SENSITIVE, _ANY, "biometric"),
    ("person.birth_date", "出生日期", "Date of birth", _INTERNAL, _DAYS, "day"),
    ("person.education", "文化程度", "Education", _INTERNAL, _WRITTEN, "education"),
    ("person.email", "电子邮箱", "E-mail address", _SENSITIVE, frozenset({FieldType.TEXT}), "email"),
    ("person.ethnicity", "民族", "Ethnicity", _SENSITIVE, _WRITTEN, "ethnicity"),
    ("person.id_number", "公民身份号码", "ID number", _SENSITIVE, _WRITTEN, "id_number"),
    ("person.income", "个人收入", "Income of a person", _SENSITIVE, _AMOUNTS, "amount"),
    ("person.marital_status", "婚姻状况", "Marital status", _INTERNAL, _ANY, "marital_status"),
    ("person.name", "姓名", "Name of a person", _INTERNAL, frozenset({FieldType.TEXT}), "name"),
    ("person.nationality", "国籍", "Nationality", _INTERNAL, _WRITTEN, "nationality"),
    ("person.occupation", "职业", "Occupation", _INTERNAL, _WRITTEN, "occupation"),
    ("person.passport", "护照号码", "Passport number", _SENSITIVE, frozenset({FieldType.TEXT}), "passport"),
    ("person.phone", "联系电话", "Phone of a person", _SENSITIVE, _WRITTEN, "phone"),
    ("person.political_status", "政治面貌", "Political status", _SENSITIVE, _WRITTEN, "political_status"),
    ("person.registered_on", "户籍登记日期", "Day of residence registration", _INTERNAL, _DAYS, "day"),
    ("person.religion", "宗教信仰", "Religion", _SENSITIVE, _WRITTEN, "religion"),
    ("person.sex", "性别", "Sex", _INTERNAL, _ANY, "sex"),
    ("person.social_security_no", "社会保障号", "Social security number", _SENSITIVE, _WRITTEN, "social_security"),
    ("region.community", "社区代码", "Community code", _PUBLIC, _WRITTEN, "region"),
    ("region.county", "行政区划代码", "Administrative division code", _PUBLIC, _WRITTEN, "region"),
    ("region.street", "街道代码", "Street code", _PUBLIC, _WRITTEN, "region"),
    ("vehicle.plate", "车辆号牌", "Number plate", _SENSITIVE, frozenset({FieldType.TEXT}), "plate"),
    ("violation.fine", "罚款金额（元）", "Fine (yuan)", _INTERNAL, _AMOUNTS, "amount"),
)

ELEMENTS: Final[Mapping[str, Element]] = MappingProxyType(
    {
        term: Element(
            term=term, title=Title(zh=zh, en=en), classification=grade, types=types | {FieldType.JSON}, family=family
        )
        for term, zh, en, grade, types, family in _LIST
    }
)
"""By term."""
