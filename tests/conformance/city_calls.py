"""Calls over the demo city, as its people ask: what each may see, under the department's own rules.

The SQL reads the departments' own databases; {home} is the grid worker's community, {street} the officer's street.
A text `true` or `false` in it stands for a boolean, one that begins with { or [ for JSON.
"""

from typing import Any

from tests.conformance.calls import Call

_SEX = "CASE r.XB WHEN '1' THEN '男' WHEN '2' THEN '女' END"
_LEVEL = "CASE a.dengji WHEN '1' THEN '甲' WHEN '2' THEN '乙' WHEN '3' THEN '丙' END"
_ALONE = "CASE n.duju WHEN '1' THEN 'true' WHEN '0' THEN 'false' END"
_NEEDS = "ledger.xuqiu n WHERE n.sq = '{home}'"
_PEOPLE = "police.T_CZRK r WHERE r.SQDM = '{home}'"
_HOMES = "police.T_HJ h WHERE h.SQDM = '{home}'"
_VISITS = "ledger.zoufang v WHERE v.sq = '{home}'"
_AID = "civil.t_dibao a WHERE a.jiedao_dm = '{street}'"
_COUNTY = "substr(r.SQDM, 1, 6) = '330102'"
_BY_NEED = ("order", "need_no")
_BY_NAME = (("order", "name"), ("order", "household_no"))


def _worker(name: str, schema: str, table: str, *steps: tuple[object, ...], **told: Any) -> Call:
    return Call(id=name, schema=schema, table=table, steps=steps, person="grid-worker", purpose="home-visit", **told)


def _needs(name: str, *filters: tuple[object, ...], where: str) -> Call:
    return _worker(
        name, "community", "need", ("select", "need_no,need_kind"), *filters, _BY_NEED,
        rows=f"SELECT n.xq_id AS need_no, n.xqlx AS need_kind FROM {_NEEDS} AND ({where}) ORDER BY 1",
    )  # fmt: skip


def _people(name: str, *filters: tuple[object, ...], where: str) -> Call:
    return _worker(
        name, "public-security", "resident", ("select", "name,household_no"), *filters, *_BY_NAME,
        rows=f"SELECT r.XM AS name, r.HH AS household_no FROM {_PEOPLE} AND ({where}) ORDER BY 1, 2",
    )  # fmt: skip


def _officer(name: str, schema: str, table: str, *steps: tuple[object, ...], **told: Any) -> Call:
    purpose = "low-income-verification"
    return Call(id=name, schema=schema, table=table, steps=steps, person="civil-officer", purpose=purpose, **told)


def _analyst(name: str, schema: str, table: str, *steps: tuple[object, ...], **told: Any) -> Call:
    return Call(id=name, schema=schema, table=table, steps=steps, person="analyst", purpose="statistics", **told)


WORKER = (
    _worker(
        "needs", "community", "need", ("select", "need_no,name,need_kind,lives_alone"), _BY_NEED,
        rows=f"SELECT n.xq_id AS need_no, n.xm AS name, n.xqlx AS need_kind, {_ALONE} AS lives_alone FROM {_NEEDS} ORDER BY 1",
    ),
    _worker(
        "alias", "community", "need", ("select", "number:need_no,wants:need_kind"), _BY_NEED,
        rows=f"SELECT n.xq_id AS number, n.xqlx AS wants FROM {_NEEDS} ORDER BY 1",
    ),
    _worker(
        "cast", "community", "need", ("select", "need_no,lives_alone::text"), _BY_NEED,
        rows=f"SELECT n.xq_id AS need_no, '\"' || {_ALONE} || '\"' AS lives_alone FROM {_NEEDS} ORDER BY 1",
    ),
    _worker(
        "masked-phone", "community", "need", ("select", "need_no,phone"), _BY_NEED,
        rows=f"SELECT n.xq_id AS need_no, substr(n.dh, 1, 3) || '****' || substr(n.dh, -4) AS phone FROM {_NEEDS} ORDER BY 1",
    ),
    _needs("eq", ("eq", "need_kind", "送餐"), where="n.xqlx = '送餐'"),
    _needs("neq", ("neq", "need_kind", "陪诊"), where="n.xqlx <> '陪诊'"),
    _needs("in", ("in", "need_kind", ["陪诊", "保洁"]), where="n.xqlx IN ('陪诊', '保洁')"),
    _needs("not-in", ("notIn", "need_kind", ["陪诊", "保洁"]), where="n.xqlx NOT IN ('陪诊', '保洁')"),
    _needs("is-true", ("is", "lives_alone", True), where="n.duju = '1'"),
    _needs("is-false", ("is", "lives_alone", False), where="n.duju = '0'"),
    _needs("gt-text", ("gt", "need_no", "XQ{home}00003"), where="n.xq_id > 'XQ{home}00003'"),
    _needs("like", ("like", "name", "杨%"), where="n.xm LIKE '杨%'"),
    _needs("like-any", ("likeAnyOf", "name", ["杨%", "杜%"]), where="n.xm LIKE '杨%' OR n.xm LIKE '杜%'"),
    _needs("regex", ("regexMatch", "name", "^[许杜]"), where="substr(n.xm, 1, 1) IN ('许', '杜')"),
    _needs("is-distinct", ("isDistinct", "need_kind", "陪诊"), where="n.xqlx IS NOT '陪诊'"),
    _needs("or", ("or", "need_kind.eq.送餐,lives_alone.is.true"), where="n.xqlx = '送餐' OR n.duju = '1'"),
    _needs(
        "or-and-not",
        ("or", "and(lives_alone.is.false,need_kind.not.eq.陪诊),need_kind.eq.谈心"),
        where="(n.duju = '0' AND n.xqlx <> '陪诊') OR n.xqlx = '谈心'",
    ),
    _needs("match", ("match", {"need_kind": "谈心", "lives_alone": "true"}), where="n.xqlx = '谈心' AND n.duju = '1'"),
    _people("sex-by-its-word", ("eq", "sex", "女"), where="r.XB = '2'"),
    _people("age-bands", ("in", "age_band", ["65-69", "70-74"]), where="r.NLD IN ('65-69', '70-74')"),
    _people("two-filters", ("eq", "sex", "男"), ("gte", "age_band", "60-64"), where="r.XB = '1' AND r.NLD >= '60-64'"),
    _people("not-null", ("not", "household_no", "is", None), where="r.HH IS NOT NULL"),
    _worker(
        "order-descending", "public-security", "resident", ("select", "name,age_band,household_no"),
        ("order", "age_band", {"ascending": False}), *_BY_NAME, ("limit", 5),
        rows=f"SELECT r.XM AS name, r.NLD AS age_band, r.HH AS household_no FROM {_PEOPLE} ORDER BY r.NLD DESC, 1, 3 LIMIT 5",
    ),
    _worker(
        "range-and-count", "public-security", "resident", ("select", "name", {"count": "exact"}), *_BY_NAME, ("range", 10, 14),
        rows=f"SELECT r.XM AS name FROM {_PEOPLE} ORDER BY r.XM, r.HH LIMIT 5 OFFSET 10",
        count=f"SELECT count(*) FROM {_PEOPLE}",
    ),
    _worker(
        "head", "public-security", "resident", ("select", "name", {"count": "exact", "head": True}), ("eq", "sex", "女"),
        count=f"SELECT count(*) FROM {_PEOPLE} AND r.XB = '2'",
    ),
    _worker(
        "homes", "public-security", "household", ("select", "household_no,member_count"), ("gte", "member_count", 4),
        ("order", "household_no"),
        rows=f"SELECT h.HH AS household_no, h.RKS AS member_count FROM {_HOMES} AND h.RKS >= 4 ORDER BY 1",
    ),
    _worker(
        "visits-by-day", "community", "visit", ("select", "visit_no,visited_on"), ("gte", "visited_on", "2026-06-01"),
        ("order", "visit_no"),
        rows="SELECT v.zf_id AS visit_no, substr(v.zfrq, 1, 4) || '-' || substr(v.zfrq, 5, 2) || '-' || substr(v.zfrq, 7) "
        f"AS visited_on FROM {_VISITS} AND v.zfrq >= '20260601' ORDER BY 1",
    ),
    _worker(
        "csv", "public-security", "household", ("select", "household_no,member_count"), ("order", "household_no"),
        ("limit", 3), ("csv",), text=f"SELECT h.HH AS household_no, h.RKS AS member_count FROM {_HOMES} ORDER BY 1 LIMIT 3",
    ),
    _worker(
        "single", "community", "need", ("select", "name,need_kind"), ("eq", "need_no", "XQ{home}00001"), ("single",),
        one=f"SELECT n.xm AS name, n.xqlx AS need_kind FROM {_NEEDS} AND n.xq_id = 'XQ{{home}}00001'",
    ),
    _worker("single-of-none", "community", "need", ("select", "name"), ("eq", "need_no", "X"), ("single",), error="PGRST116"),
    _worker(
        "maybe-single", "community", "need", ("select", "name"), ("eq", "need_no", "X"), ("maybeSingle",),
        one=f"SELECT n.xm AS name FROM {_NEEDS} AND n.xq_id = 'X'",
    ),
    _worker(
        "household-of-a-resident", "public-security", "resident", ("select", "name,household_no,household(member_count)"),
        *_BY_NAME, ("limit", 10),
        rows="SELECT r.XM AS name, r.HH AS household_no, (SELECT json_object('member_count', h.RKS) FROM police.T_HJ h "
        f"WHERE h.HH = r.HH) AS household FROM {_PEOPLE} ORDER BY 1, 2 LIMIT 10",
    ),
    _worker(
        "residents-of-a-household", "public-security", "household", ("select", "household_no,residents(name)"),
        ("order", "household_no"), ("order", "name", {"referencedTable": "residents"}), ("limit", 10),
        rows="SELECT h.HH AS household_no, (SELECT json_group_array(json_object('name', o.XM)) FROM (SELECT r.XM FROM "
        f"{_PEOPLE} AND r.HH = h.HH ORDER BY r.XM) o) AS residents FROM {_HOMES} ORDER BY 1 LIMIT 10",
    ),
    _worker(
        "another-department", "community", "need", ("select", "need_no,resident(sex,age_band)"), _BY_NEED,
        rows=f"SELECT n.xq_id AS need_no, (SELECT json_object('sex', {_SEX}, 'age_band', r.NLD) FROM {_PEOPLE} "
        f"AND r.SFZH = n.sfz) AS resident FROM {_NEEDS} ORDER BY 1",
    ),
    _worker(
        "another-department-inner", "community", "need", ("select", "need_no,resident!inner(age_band)"),
        ("eq", "resident.sex", "女"), _BY_NEED,
        rows=f"SELECT n.xq_id AS need_no, (SELECT json_object('age_band', r.NLD) FROM {_PEOPLE} AND r.SFZH = n.sfz) "
        f"AS resident FROM {_NEEDS} AND n.sfz IN (SELECT r.SFZH FROM {_PEOPLE} AND r.XB = '2') ORDER BY 1",
    ),
    _worker(
        "another-department-spread", "community", "need", ("select", "need_no,...resident(age_band)"), _BY_NEED,
        rows=f"SELECT n.xq_id AS need_no, (SELECT r.NLD FROM {_PEOPLE} AND r.SFZH = n.sfz) AS age_band FROM {_NEEDS} ORDER BY 1",
    ),
    _worker(
        "by-full-name", "public-security", "resident",
        ("select", "name,needs:community.need!inner(need_kind)"), *_BY_NAME,
        ("order", "need_no", {"referencedTable": "needs"}),
        rows="SELECT r.XM AS name, (SELECT json_group_array(json_object('need_kind', o.xqlx)) FROM (SELECT n.xqlx FROM "
        f"{_NEEDS} AND n.sfz = r.SFZH ORDER BY n.xq_id) o) AS needs FROM {_PEOPLE} "
        f"AND r.SFZH IN (SELECT n.sfz FROM {_NEEDS}) ORDER BY r.XM, r.HH",
    ),
    _worker("denied-field", "public-security", "resident", ("select", "name,ethnicity"), error="42501"),
    _worker("unknown-field", "public-security", "resident", ("select", "name,nothing"), error="42501"),
    _worker("filter-on-a-mask", "community", "need", ("select", "name"), ("like", "phone", "138%"), error="42501"),
    _worker("order-by-a-mask", "community", "need", ("select", "name"), ("order", "phone"), error="42501"),
    _worker("unknown-dataset", "community", "nothing", ("select", "*"), error="PGRST205"),
    _worker("embed-of-nothing", "community", "need", ("select", "name,nothing(*)"), error="PGRST200"),
    _worker("denied-field-of-an-embed", "community", "need", ("select", "need_no,resident(ethnicity)"), error="42501"),
    _worker("filter-on-a-mask-of-an-embed", "community", "need", ("select", "need_no,resident!inner()"),
            ("like", "resident.phone", "138%"), error="42501"),
    _worker("wrong-date", "community", "visit", ("select", "visit_no"), ("gt", "visited_on", "soon"), error="22P02"),
)  # fmt: skip

OTHERS = (
    _officer(
        "allowances", "civil-affairs", "assistance", ("select", "case_no,level,monthly,since,members"), ("order", "case_no"),
        rows=f"SELECT a.bh AS case_no, {_LEVEL} AS level, a.je_fen / 100.0 AS monthly, a.kssj AS since, a.renshu AS members "
        f"FROM {_AID} ORDER BY 1",
    ),
    _officer(
        "money", "civil-affairs", "assistance", ("select", "case_no"), ("gt", "monthly", "1500.00"), ("order", "case_no"),
        rows=f"SELECT a.bh AS case_no FROM {_AID} AND a.je_fen > 150000 ORDER BY 1",
    ),
    _officer(
        "day", "civil-affairs", "assistance", ("select", "case_no"), ("lt", "since", "2020-01-01"), ("order", "case_no"),
        rows=f"SELECT a.bh AS case_no FROM {_AID} AND a.kssj < '2020-01-01' ORDER BY 1",
    ),
    _officer(
        "allowance-with-its-resident", "civil-affairs", "assistance", ("select", "case_no,resident(name,sex)"),
        ("order", "case_no"),
        rows=f"SELECT a.bh AS case_no, (SELECT json_object('name', r.XM, 'sex', {_SEX}) FROM police.T_CZRK r "
        f"WHERE r.SFZH = a.sfzhm AND r.JDDM = '{{street}}') AS resident FROM {_AID} ORDER BY 1",
    ),
    _officer(
        "through-two-departments", "civil-affairs", "assistance",
        ("select", "case_no,resident(name,household(member_count))"), ("order", "case_no"),
        rows="SELECT a.bh AS case_no, (SELECT json_object('name', r.XM, 'household', (SELECT json_object('member_count', h.RKS) "
        "FROM police.T_HJ h WHERE h.HH = r.HH)) FROM police.T_CZRK r WHERE r.SFZH = a.sfzhm AND r.JDDM = '{street}') "
        f"AS resident FROM {_AID} ORDER BY 1",
    ),
    _officer(
        "residents-with-an-allowance", "public-security", "resident", ("select", "resident_no,assistance!inner(level)"),
        ("order", "resident_no"),
        rows=f"SELECT r.RYBH AS resident_no, (SELECT json_group_array(json_object('level', {_LEVEL})) FROM {_AID} "
        f"AND a.sfzhm = r.SFZH) AS assistance FROM police.T_CZRK r WHERE r.JDDM = '{{street}}' "
        f"AND r.SFZH IN (SELECT a.sfzhm FROM {_AID}) ORDER BY 1",
    ),
    _officer("no-csv", "civil-affairs", "assistance", ("select", "case_no"), ("csv",), error="GW404"),
    _analyst(
        "people-by-age", "public-security", "resident", ("select", "age_band,count()"), ("lt", "age_band", "60"), ("order", "age_band"),
        rows=f"SELECT r.NLD AS age_band, count(*) AS count FROM police.T_CZRK r WHERE {_COUNTY} AND r.NLD < '60' GROUP BY 1 ORDER BY 1",
    ),
    _analyst(
        "people-by-sex", "public-security", "resident", ("select", "sex,number:count()"), ("order", "sex"),
        rows=f"SELECT {_SEX} AS sex, count(*) AS number FROM police.T_CZRK r WHERE {_COUNTY} GROUP BY 1 ORDER BY 1",
    ),
    _analyst(
        "allowances-by-level", "civil-affairs", "assistance", ("select", "level,count(),monthly.sum()"), ("order", "level"),
        rows=f"SELECT {_LEVEL} AS level, count(*) AS count, sum(a.je_fen) / 100.0 AS sum FROM civil.t_dibao a "
        "WHERE substr(a.shequ_dm, 1, 6) = '330102' GROUP BY 1 ORDER BY 1",
    ),
    _analyst("no-person", "public-security", "resident", ("select", "age_band"), error="GW403"),
)  # fmt: skip

CALLS = (*WORKER, *OTHERS)
