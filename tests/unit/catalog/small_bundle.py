"""A small bundle that is right, so that each test can make exactly one thing wrong."""

from collections.abc import Mapping

SMALL: Mapping[str, str] = {
    "model.conf": "[request_definition]\n",
    "terms.yaml": """\
person.id_number: {zh: 公民身份号码, en: ID number}
aid.amount: {zh: 金额, en: Amount}
""",
    "masks.yaml": """\
partial:
  title: {zh: 部分遮盖, en: Partly hidden}
  rank: 40
  terms:
    person.id_number: {kind: partial, shape: id_number, keeps: 4, strict: true}
  otherwise: {kind: redact}
redact:
  title: {zh: 遮盖, en: Hidden}
  rank: 90
  otherwise: {kind: redact}
""",
    "roles.yaml": """\
staff:
  title: {zh: 工作人员, en: Staff}
community/grid-worker:
  title: {zh: 网格员, en: Grid worker}
  inherits: [staff]
""",
    "apps.yaml": """\
community-desk:
  title: {zh: 社区工作台, en: Community desk}
  organisation: 社区
  purposes: [home-visit]
  ceiling: null
""",
    "purposes.yaml": """\
any:
  title: {zh: 任何, en: Any}
  abstract: true
normal:
  title: {zh: 日常, en: Normal}
  abstract: true
  parents: [any]
home-visit:
  title: {zh: 入户走访, en: Home visit}
  parents: [normal]
  legal_basis:
    - law: {zh: 个人信息保护法, en: PIPL}
      article: {zh: 第三十四条, en: Article 34}
  controller: {zh: 街道, en: Street}
  apps: [community-desk]
  roles: [community/grid-worker]
  valid: [2026-01-01, "2029-01-01"]
  retention_days: 365
  matches_per_day: 50
  ceiling: partial
  obligations: ["max_rows=200", no_export]
""",
    "regions.csv": """\
code,name,level,parent
33,浙江省,province,
3301,杭州市,prefecture,33
330102,上城区,county,3301
330102001,清波街道,street,330102
330102001051,清波门社区,community,330102001
""",
    "rules/main.csv": "p, R1\n",
    "catalog/civil-affairs.yaml": """\
department: civil-affairs
title: {zh: 民政局, en: Civil Affairs}
source: civil-db
datasets:
  assistance:
    title: {zh: 低保救助, en: Allowance}
    table: t_dibao
    key: [case_no]
    subject: id_number
    region: community_code
    fields:
      case_no: {column: BH, type: text, class: internal, title: {zh: 编号, en: Number}}
      id_number: {column: SFZH, type: text, term: person.id_number, class: sensitive, title: {zh: 身份证, en: ID}}
      monthly: {type: numeric, storage: fen, term: aid.amount, class: sensitive, title: {zh: 月额, en: Monthly}}
      status: {type: text, codes: {"1": 在保, "2": 停保}, class: internal, title: {zh: 状态, en: Status}}
      needy: {type: boolean, storage: 01, class: internal, title: {zh: 困难, en: Needy}}
      since: {type: date, storage: yyyymmdd, class: internal, title: {zh: 起, en: Since}}
      community_code: {type: text, class: public, title: {zh: 社区, en: Community}}
    links:
      payments: {to: civil-affairs.payment, on: {id_number: id_number}}
  payment:
    title: {zh: 发放, en: Payments}
    table: t_ff
    key: [payment_no]
    fields:
      payment_no: {type: text, class: internal, title: {zh: 编号, en: Number}}
      id_number: {type: text, class: sensitive, title: {zh: 身份证, en: ID}}
      payments_made: {type: integer, class: internal, title: {zh: 次数, en: Count}}
""",
    "catalog/langqiao.yaml": """\
department: langqiao
title: {zh: 廊桥, en: Langqiao}
datasets:
  case:
    title: {zh: 案件, en: Case}
    fields:
      approval: {type: text, class: internal, title: {zh: 批准, en: Approval}}
""",
}
