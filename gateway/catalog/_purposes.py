"""purposes.yaml -> purposes: a closed hierarchy under `any`, each with its law, its apps, its people and its limits."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from gateway.catalog._hierarchy import ancestors, check_hierarchy
from gateway.catalog._section import NAME, NO_TITLE, Section, check_name
from gateway.model.catalog import App, LegalBasis, MaskDeclaration, ObligationSpec, Purpose, Role
from gateway.model.ids import AppId, MaskName, PurposeId, RoleName

LONGEST_RETENTION_DAYS = 36_500
MOST_MATCHES = 1_000_000
MOST_REIDENTIFICATIONS = 1_000
MOST_A_DAY = 1_000_000_000
LONGEST_GRANT_MINUTES = 1440
ROOT, ORDINARY = "any", "normal"
_OBLIGATION = re.compile(r"([a-z][a-z0-9_]*)(?:=([^\x00-\x1f;]{1,200}))?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Declared:
    """What a purpose may name."""

    apps: Mapping[AppId, App]
    roles: Mapping[RoleName, Role]
    masks: Mapping[MaskName, MaskDeclaration]


def read_purposes(top: Section, declared: Declared) -> dict[PurposeId, Purpose]:
    """Every purpose; its apps list it in turn, so that neither file can widen it alone."""
    purposes: dict[PurposeId, Purpose] = {}
    sections: dict[str, Section] = {}
    for name, section in top.entries("purpose"):
        check_name(section, name, name, NAME)
        sections[name] = section
        parents = tuple(PurposeId(parent) for parent in section.names_of("parents", top.branch.entries, "purpose"))
        if section.flag("abstract"):
            purpose = _abstract(name, section, parents)
        else:
            purpose = _purpose(name, section, parents, declared)
        purposes[purpose.id] = purpose
        section.finish()
    _check_roots(top, purposes, sections)
    _check_agreement(purposes, sections, declared.apps)
    return purposes


def _abstract(name: str, section: Section, parents: tuple[PurposeId, ...]) -> Purpose:
    """A group of purposes: nobody can declare it, so it states nothing else."""
    return Purpose(
        id=PurposeId(name),
        title=section.title(),
        legal_basis=(),
        controller=NO_TITLE,
        parents=parents,
        is_abstract=True,
        apps=(),
        roles=(),
        valid_from=datetime.min.replace(tzinfo=UTC),
        valid_until=datetime.max.replace(tzinfo=UTC),
        retention_days=0,
        needs_case=False,
        needs_justification=False,
        is_break_glass=False,
        ceiling=None,
        matches_per_day=None,
        obligations=(),
    )


def _purpose(name: str, section: Section, parents: tuple[PurposeId, ...], declared: Declared) -> Purpose:
    valid_from, valid_until = section.period("valid")
    ceiling = section.one_of("ceiling", declared.masks, "mask")
    if not section.has("retention_days"):
        section.blame(None, "`retention_days` is missing", "add `retention_days: 365`")
    purpose = Purpose(
        id=PurposeId(name),
        title=section.title(),
        legal_basis=_legal_basis(section),
        controller=section.title("controller"),
        parents=parents,
        is_abstract=False,
        apps=tuple(AppId(app) for app in section.names_of("apps", declared.apps, "app")),
        roles=tuple(RoleName(role) for role in section.names_of("roles", declared.roles, "role")),
        valid_from=valid_from,
        valid_until=valid_until,
        retention_days=section.count("retention_days", 1, LONGEST_RETENTION_DAYS) or 0,
        needs_case=section.flag("needs_case"),
        needs_justification=section.flag("needs_justification"),
        is_break_glass=section.flag("break_glass"),
        ceiling=MaskName(ceiling) if ceiling is not None else None,
        matches_per_day=section.count("matches_per_day", 1, MOST_MATCHES),
        obligations=_obligations(section),
        rows_per_day=section.count("rows_per_day", 1, MOST_A_DAY),
        subjects_per_day=section.count("subjects_per_day", 1, MOST_A_DAY),
        reidentifications_per_day=section.count("reidentifications_per_day", 1, MOST_REIDENTIFICATIONS),
        sample_per_hundred=section.count("sample_per_hundred", 1, 100) or 0,
        max_minutes=section.count("max_minutes", 1, LONGEST_GRANT_MINUTES),
    )
    for key, values, fix in (
        ("legal_basis", purpose.legal_basis, "name the law and the article that it stands on"),
        ("apps", purpose.apps, "name an app of apps.yaml"),
        ("roles", purpose.roles, "name a role of roles.yaml"),
    ):
        if not values:
            section.blame(key, f"a purpose without `{key}` can't be used", fix)
    if purpose.reidentifications_per_day is not None and not purpose.needs_case:
        section.blame("reidentifications_per_day", "re-identification without a case", "add `needs_case: true`")
    if purpose.is_break_glass and not purpose.needs_justification:
        section.blame("break_glass", "break-glass without a justification", "add `needs_justification: true`")
    if purpose.max_minutes is not None and not purpose.is_break_glass:
        section.blame("max_minutes", "only a break-glass grant has a life of its own", "remove it")
    return purpose


def _legal_basis(purpose: Section) -> tuple[LegalBasis, ...]:
    bases: list[LegalBasis] = []
    for node in purpose.items("legal_basis"):
        section = purpose.nested(node, f"{purpose.what}, legal_basis")
        if section is not None:
            bases.append(LegalBasis(law=section.title("law"), article=section.title("article")))
            section.finish()
    return tuple(bases)


def _obligations(section: Section) -> tuple[ObligationSpec, ...]:
    specs: list[ObligationSpec] = []
    for text in section.texts("obligations"):
        found = _OBLIGATION.fullmatch(text)
        if found is None or found[1] in {"level", "where"}:
            fix = "write `name` or `name=value`; what may be seen is said by `ceiling` and by rules"
            section.blame("obligations", f"`{text[:60]}` is no obligation of a purpose", fix)
        elif found[1] in {spec.name for spec in specs}:
            section.blame("obligations", f"`{found[1]}` stands there twice", "keep one")
        else:
            specs.append(ObligationSpec(name=found[1], value=found[2] or ""))
    return tuple(specs)


def _check_roots(top: Section, purposes: Mapping[PurposeId, Purpose], sections: Mapping[str, Section]) -> None:
    parents = {str(purpose.id): purpose.parents for purpose in purposes.values()}
    for root, expected in ((ROOT, ()), (ORDINARY, (ROOT,))):
        purpose = purposes.get(PurposeId(root))
        if purpose is None:
            top.blame(None, f"the purpose `{root}` is missing", f"add `{root}` with `abstract: true`")
        elif not purpose.is_abstract or purpose.parents != expected:
            fix = f"write `abstract: true` and `parents: [{', '.join(expected)}]`"
            sections[root].blame(None, f"`{root}` is a fixed root", fix)
    check_hierarchy(
        parents,
        reserved_hops=0,
        blame=lambda name, fault, fix: sections[name].blame("parents", fault, fix),
    )
    for purpose in purposes.values():
        above = ancestors(purpose.id, parents)
        if ROOT not in above:
            sections[purpose.id].blame(None, f"it does not descend from `{ROOT}`", f"add `parents: [{ORDINARY}]`")
        elif ORDINARY not in above and not purpose.is_break_glass and purpose.id != ROOT:
            sections[purpose.id].blame(
                None, f"only break-glass may stand outside `{ORDINARY}`", f"add `parents: [{ORDINARY}]`"
            )


def _check_agreement(
    purposes: Mapping[PurposeId, Purpose], sections: Mapping[str, Section], apps: Mapping[AppId, App]
) -> None:
    for purpose in purposes.values():
        for app in purpose.apps:
            if app in apps and purpose.id not in apps[app].purposes:
                fix = "add it to the app's purposes in apps.yaml, or remove the app here"
                sections[purpose.id].blame("apps", f"the app `{app}` does not list this purpose", fix)
        for parent in purpose.parents:
            if parent in purposes and not purposes[parent].is_abstract:
                fix = "inherit from a purpose with `abstract: true`"
                sections[purpose.id].blame("parents", f"`{parent}` is not abstract", fix)
