"""terms.yaml, masks.yaml, roles.yaml and apps.yaml -> typed declarations.

Mask kinds and obligations are plug-ins of sibling rooms: here only their shape is checked, the PDP builds them at load.
"""

from types import MappingProxyType

from gateway.catalog._hierarchy import check_hierarchy
from gateway.catalog._section import NAME, ROLE, TERM, Section, check_name, title_of
from gateway.catalog._yaml import Leaf
from gateway.model.catalog import App, MaskChoice, MaskDeclaration, Role, Title
from gateway.model.ids import AppId, MaskName, PurposeId, RoleName, TermName

MOST_HIDING = 100


def read_terms(top: Section) -> dict[TermName, Title]:
    """The city's standard data elements."""
    terms: dict[TermName, Title] = {}
    for name, section in top.entries("term"):
        check_name(section, name, name, TERM)
        terms[TermName(name)] = title_of(section)
    return terms


def read_masks(top: Section, terms: dict[TermName, Title]) -> dict[MaskName, MaskDeclaration]:
    """Masks by name; ranks are distinct, so that of two masks one always hides more."""
    masks: dict[MaskName, MaskDeclaration] = {}
    ranks: dict[int, str] = {}
    for name, section in top.entries("mask"):
        check_name(section, name, name, NAME)
        if name in {"clear", "denied"}:
            section.blame(None, f"`{name}` is not a mask", "choose another name")
        rank = section.count("rank", 1, MOST_HIDING, default=MOST_HIDING) or MOST_HIDING
        if not section.has("rank"):
            section.blame(None, "`rank` is missing", f"add `rank: 1` (hides least) to `{MOST_HIDING}` (hides all)")
        elif rank in ranks:
            section.blame("rank", f"`{ranks[rank]}` has the same rank", "give each mask a rank of its own")
        ranks.setdefault(rank, name)
        masks[MaskName(name)] = MaskDeclaration(
            name=MaskName(name),
            title=section.title(),
            rank=rank,
            by_term=MappingProxyType(_by_term(section, terms)),
            otherwise=_choice(section.section("otherwise", required=True)),
        )
        section.finish()
    return masks


def _by_term(mask: Section, terms: dict[TermName, Title]) -> dict[TermName, MaskChoice]:
    section = mask.section("terms", required=False)
    if section is None:
        return {}
    choices: dict[TermName, MaskChoice] = {}
    for name, choice in section.entries(f"{mask.what}, term"):
        if name not in terms:
            section.blame(name, f"the term `{name}` is not declared", section.meant(name, terms))
        choices[TermName(name)] = _choice(choice)
    return choices


def _choice(section: Section | None) -> MaskChoice:
    if section is None:
        return MaskChoice(kind="redact", parameters=MappingProxyType({}))
    kind = section.name("kind")
    parameters: dict[str, str | int | bool] = {}
    for key, node in section.branch.entries.items():
        if key == "kind":
            continue
        if isinstance(node, Leaf) and node.kind == "bool":
            parameters[key] = section.flag(key)
        elif isinstance(node, Leaf) and node.kind == "int":
            parameters[key] = section.count(key, -(10**9), 10**9) or 0
        else:
            parameters[key] = section.text(key)
    return MaskChoice(kind=kind, parameters=MappingProxyType(parameters))


def read_roles(top: Section) -> dict[RoleName, Role]:
    """Roles and what they inherit; every role also inherits `any`, which is not written."""
    roles: dict[RoleName, Role] = {}
    sections: dict[str, Section] = {}
    for name, section in top.entries("role"):
        check_name(section, name, name, ROLE)
        if name == "any":
            section.blame(None, "`any` stands for everybody and is not declared", "remove it")
        inherits = section.names_of("inherits", top.branch.entries, "role")
        roles[RoleName(name)] = Role(
            name=RoleName(name), title=section.title(), inherits=tuple(RoleName(parent) for parent in inherits)
        )
        sections[name] = section
        section.finish()
    check_hierarchy(
        {str(role.name): role.inherits for role in roles.values()},
        reserved_hops=2,  # from the person to the role, and from the last role to `any`
        blame=lambda name, fault, fix: sections[name].blame("inherits", fault, fix),
    )
    return roles


def read_apps(top: Section, purposes: Section | None, masks: dict[MaskName, MaskDeclaration]) -> dict[AppId, App]:
    """Applications; the purposes they list exist."""
    known = purposes.branch.entries if purposes is not None else {}
    apps: dict[AppId, App] = {}
    for name, section in top.entries("app"):
        check_name(section, name, name, NAME)
        if name == "any":
            section.blame(None, "`any` stands for every app and is not declared", "remove it")
        ceiling = section.one_of("ceiling", masks, "mask")
        apps[AppId(name)] = App(
            id=AppId(name),
            title=section.title(),
            organisation=section.text("organisation"),
            purposes=tuple(PurposeId(purpose) for purpose in section.names_of("purposes", known, "purpose")),
            ceiling=MaskName(ceiling) if ceiling is not None else None,
        )
        section.finish()
    return apps
