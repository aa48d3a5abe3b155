"""The third witness: the page on policy of CASBIN.md in plain Python. No index, no Casbin, no condition parser."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from gateway.model.caller import Caller
from gateway.model.case import CaseFacts, CaseState
from gateway.model.catalog import Catalog, Dataset

Cells = Mapping[str, str]
Row = Mapping[str, str | None]

CONDITIONS: Mapping[str, Callable[[Caller, CaseFacts | None], bool | None]] = {
    "": lambda _who, _case: True,
    "ctx.network = 'gov-vpn'": lambda who, _case: who.network == "gov-vpn" if who.network else None,
    "subject.assurance >= 2": lambda who, _case: who.assurance >= 2,
    "case.state = 'approved'": lambda _who, case: True if case else None,
}
"""Each condition by hand; None: an attribute is missing."""

FILTERS: Mapping[str, Callable[[Row, Caller, CaseFacts | None], bool | None]] = {
    "": lambda _row, _who, _case: True,
    "community_code under subject.regions": lambda row, who, _case: any(
        (row["community_code"] or "-").startswith(region) for region in who.regions
    ),
    "id_number = subject.id_number": lambda row, who, _case: (
        row["id_number"] == who.id_number if who.id_number else None
    ),
    "id_number in case.subjects": lambda row, _who, case: row["id_number"] in case.subjects if case else None,
    "not community_code under '330102001'": lambda row, _who, _case: (
        row["community_code"] is not None and not row["community_code"].startswith("330102001")
    ),
}
"""Whether a row passes for certain; None: an attribute is missing."""


@dataclass(frozen=True, slots=True)
class NaiveAnswer:
    levels: Mapping[str, str]
    granted: Mapping[str, frozenset[str]]
    sees: Callable[[Row], bool]


def above(start: str, parents: Mapping[str, tuple[str, ...]]) -> set[str]:
    return {start}.union(*(above(up, parents) for up in parents.get(start, ())))


def stands(city: Catalog, who: Caller, case: CaseFacts | None, now: datetime) -> bool:
    purpose = next((each for each in city.purposes.values() if each.id == who.purpose), None)
    if purpose is None or purpose.is_abstract or not purpose.valid_from <= now < purpose.valid_until:
        return False
    if who.app not in purpose.apps or who.app not in city.apps:
        return False
    inherits = {str(role.name): tuple(map(str, role.inherits)) for role in city.roles.values()}
    held = {"any"}.union(*(above(str(role), inherits) for role in who.roles)) if who.roles else set()
    if not held & set(purpose.roles):
        return False
    if purpose.needs_justification and not 10 <= len((who.justification or "").strip()) <= 500:
        return False
    if who.case is None:
        return not purpose.needs_case
    return (
        case is not None
        and (case.id, case.purpose, case.state) == (who.case, purpose.id, CaseState.APPROVED)
        and now < case.expires_at
        and case.assignee_app in {"", who.app}
    )


def matches(rule: Cells, city: Catalog, who: Caller, case: CaseFacts | None, now: datetime, objects: set[str]) -> bool:
    inherits = {f"role:{r.name}": tuple(f"role:{up}" for up in r.inherits) for r in city.roles.values()}
    parents = {f"pur:{p.id}": tuple(f"pur:{up}" for up in p.parents) for p in city.purposes.values()}
    held = {"role:any"}.union(*(above(f"role:{role}", inherits) for role in who.roles))
    condition = CONDITIONS[rule["cond"]](who, case)
    return (
        rule["sub"] in held
        and rule["obj"] in objects
        and rule["pur"] in {"pur:any"} | above(f"pur:{who.purpose}", parents)
        and rule["app"] in {"app:any", f"app:{who.app}"}
        and rule["case"] in {"*", who.case or ""}
        and (not rule["nbf"] or datetime.fromisoformat(rule["nbf"]) <= now)
        and (not rule["exp"] or now < datetime.fromisoformat(rule["exp"]))
        and (rule["eft"] != "allow" if condition is None else condition)
    )


def decide(
    city: Catalog, rules: list[Cells], who: Caller, case: CaseFacts | None, now: datetime, dataset: Dataset
) -> NaiveAnswer:
    ranks = {"clear": 0, "denied": 101} | {str(mask.name): mask.rank for mask in city.masks.values()}
    levels, granted = {}, {}
    open_case = case if who.case is not None else None
    for field in dataset.fields.values():
        objects = {f"field:{dataset.name}.{field.name}", f"ds:{dataset.name}", f"dep:{dataset.department}"}
        objects |= {"class:any", f"class:{field.classification}", f"term:{field.term}"}
        taken = [rule for rule in rules if matches(rule, city, who, open_case, now, objects)]
        shows = [rule for rule in taken if rule["act"] == "show"]
        grants = [rule["level"] or "clear" for rule in shows if rule["eft"] == "allow"]
        denied = any(rule["eft"] == "deny" for rule in shows)
        if not stands(city, who, case, now) or denied or not grants:
            levels[str(field.name)], granted[str(field.name)] = "denied", frozenset[str]()
            continue
        assert who.purpose is not None
        limits = [rule["level"] for rule in shows if rule["eft"] == "oblige" and rule["level"]]
        ups = above(str(who.purpose), {str(p.id): tuple(map(str, p.parents)) for p in city.purposes.values()})
        limits += [str(p.ceiling) for p in city.purposes.values() if p.id in ups and p.ceiling]
        limits += [str(city.apps[who.app].ceiling)] if city.apps[who.app].ceiling else []
        levels[str(field.name)] = max([min(grants, key=ranks.__getitem__), *limits], key=ranks.__getitem__)
        named = set()
        for act in ("match", "aggregate", "export"):
            effects = {rule["eft"] for rule in taken if rule["act"] == act}
            if "allow" in effects and "deny" not in effects:
                named.add(act)
        granted[str(field.name)] = frozenset(named)

    rows = [
        rule
        for rule in rules
        if rule["act"] == "rows"
        and matches(rule, city, who, open_case, now, {f"ds:{dataset.name}", f"dep:{dataset.department}"})
    ]

    def sees(row: Row) -> bool:
        def inside(rule: Cells) -> bool | None:
            if rule["reg"] == "cn":
                return True
            return row["community_code"].startswith(rule["reg"]) if row["community_code"] else None

        if not stands(city, who, case, now):
            return False
        if open_case is not None and row["id_number"] not in open_case.subjects:
            return False
        passes = [(rule, FILTERS[rule["where"]](row, who, open_case) is True) for rule in rows]
        return (
            any(rule["eft"] == "allow" and inside(rule) is True and passed for rule, passed in passes)
            and all(rule["eft"] != "oblige" or inside(rule) is False or passed for rule, passed in passes)
            and all(rule["eft"] != "deny" or inside(rule) is False for rule, _ in passes)
        )

    return NaiveAnswer(levels=levels, granted=granted, sees=sees)
