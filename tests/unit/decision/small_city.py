"""A city that fits on a page: two departments, four roles, five purposes, three masks; for the tests of the PDP."""

from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

from gateway.decision import PolicyEngine
from gateway.model.caller import Caller
from gateway.model.case import CaseFacts, CaseState
from gateway.model.catalog import (
    App,
    Catalog,
    Classification,
    Dataset,
    Department,
    Field,
    FieldType,
    MaskChoice,
    MaskDeclaration,
    ObligationSpec,
    Purpose,
    Region,
    Role,
    Storage,
    Title,
)
from gateway.model.ids import (
    AppId,
    CaseId,
    DatasetName,
    DepartmentName,
    FieldName,
    MaskName,
    PolicyVersion,
    PrincipalId,
    PurposeId,
    RegionCode,
    RoleName,
    SourceName,
    TermName,
)
from gateway.model.predicate import EVERYTHING
from gateway.model.query import BoundQuery, FieldUse, MediaType, OutputColumn

NOW = datetime(2026, 12, 1, 4, tzinfo=UTC)
SOMEBODY = "330102194910010010"
MODEL = Path(__file__).parents[3] / "policies" / "model.conf"
_T = Title(zh="题", en="title")


def field(name: str, grade: str = "internal", term: str | None = None, kind: FieldType = FieldType.TEXT) -> Field:
    return Field(
        name=FieldName(name),
        column=name.upper(),
        type=kind,
        storage=Storage.NATIVE,
        codes={},
        term=TermName(term) if term else None,
        classification=Classification(grade),
        title=_T,
    )


def dataset(
    name: str, *fields: Field, subject: str | None = "id_number", region: str | None = "community_code"
) -> Dataset:
    return Dataset(
        name=DatasetName(name),
        department=DepartmentName(name.partition(".")[0]),
        title=_T,
        source=SourceName("db"),
        table=name,
        key=(fields[0].name,),
        subject=FieldName(subject) if subject else None,
        region=FieldName(region) if region else None,
        fields={each.name: each for each in fields},
        links={},
    )


def purpose(
    name: str,
    parents: tuple[str, ...] = ("normal",),
    *,
    roles: tuple[str, ...] = ("any",),
    is_abstract: bool = False,
    needs_case: bool = False,
    needs_justification: bool = False,
    ceiling: str | None = None,
    obligations: tuple[ObligationSpec, ...] = (),
) -> Purpose:
    return Purpose(
        id=PurposeId(name),
        title=_T,
        legal_basis=(),
        controller=_T,
        parents=tuple(PurposeId(each) for each in parents),
        is_abstract=is_abstract,
        apps=(AppId("desk"), AppId("dim-desk")),
        roles=tuple(RoleName(each) for each in roles),
        valid_from=datetime(2026, 1, 1, tzinfo=UTC),
        valid_until=datetime(2029, 1, 1, tzinfo=UTC),
        retention_days=30,
        needs_case=needs_case,
        needs_justification=needs_justification,
        is_break_glass=False,
        ceiling=MaskName(ceiling) if ceiling else None,
        matches_per_day=None,
        obligations=obligations,
    )


def mask(name: str, rank: int) -> MaskDeclaration:
    return MaskDeclaration(
        name=MaskName(name), title=_T, rank=rank, by_term={}, otherwise=MaskChoice(kind="redact", parameters={})
    )


def catalog() -> Catalog:
    """The whole city."""
    datasets = (
        dataset(
            "police.resident",
            field("id_number", "sensitive", "person.id_number"),
            field("name", "internal", "person.name"),
            field("phone", "sensitive", "person.phone"),
            field("age", "public", None, FieldType.INTEGER),
            field("community_code", "public", "region.community"),
        ),
        dataset(
            "aid.allowance",
            field("id_number", "sensitive", "person.id_number"),
            field("monthly", "sensitive", "aid.amount", FieldType.NUMERIC),
            field("community_code", "public", "region.community"),
        ),
        dataset("aid.office", field("office", "public"), field("note", "core"), subject=None, region=None),
    )
    roles = {"staff": (), "worker": ("staff",), "officer": ("staff",), "chief": ("officer", "worker"), "vendor": ()}
    purposes = (
        purpose("any", (), is_abstract=True, roles=()),
        purpose("normal", ("any",), is_abstract=True, roles=()),
        purpose("visit"),
        purpose(
            "verify", roles=("officer",), ceiling="dim", obligations=(ObligationSpec(name="max_rows", value="50"),)
        ),
        purpose("pickup", needs_case=True),
        purpose("rescue", ("any",), needs_justification=True),
    )
    regions = [("33", None), ("3301", "33"), ("330102", "3301"), ("330102001", "330102"), ("330102001002", "330102001")]
    return Catalog(
        version=PolicyVersion("0" * 64),
        departments={DepartmentName(n): Department(name=DepartmentName(n), title=_T) for n in ("police", "aid")},
        datasets={each.name: each for each in datasets},
        terms={
            TermName(n): _T
            for n in ("person.id_number", "person.name", "person.phone", "region.community", "aid.amount")
        },
        regions={
            RegionCode(code): Region(
                code=RegionCode(code), name=code, parent=RegionCode(parent) if parent is not None else None
            )
            for code, parent in regions
        },
        purposes={each.id: each for each in purposes},
        masks={each.name: each for each in (mask("dim", 20), mask("dark", 60), mask("gone", 100))},
        roles={
            RoleName(name): Role(name=RoleName(name), title=_T, inherits=tuple(RoleName(up) for up in ups))
            for name, ups in roles.items()
        },
        apps={
            AppId(name): App(
                id=AppId(name),
                title=_T,
                organisation="",
                purposes=tuple(each.id for each in purposes if not each.is_abstract),
                ceiling=MaskName(ceiling) if ceiling else None,
            )
            for name, ceiling in (("desk", None), ("dim-desk", "dark"))
        },
    )


def write_bundle(folder: Path, *rules: str, model: str | None = None) -> Path:
    """A bundle with these rule lines (ids may be left to `numbered`) and the real model."""
    (folder / "rules").mkdir(parents=True, exist_ok=True)
    (folder / "rules" / "city.csv").write_text("\n".join(rules) + "\n", encoding="utf-8")
    (folder / "model.conf").write_text(model if model is not None else MODEL.read_text("utf-8"), encoding="utf-8")
    return folder


def engine(folder: Path, *rules: str) -> PolicyEngine:
    """The city's engine under these rules."""
    return PolicyEngine.load(write_bundle(folder, *rules), catalog())


def line(
    rule_id: str,
    eft: str,
    obj: str,
    *,
    act: str = "show",
    sub: str = "role:any",
    app: str = "app:any",
    pur: str = "pur:any",
    reg: str = "cn",
    case: str = "*",
    nbf: str = "",
    exp: str = "",
    cond: str = "",
    obl: str = "",
) -> str:
    """One rule line."""
    cells = ("p", rule_id, sub, app, obj, act, pur, reg, case, nbf, exp, cond, eft, obl)
    return ", ".join('"' + cell.replace('"', '""') + '"' if "," in cell or '"' in cell else cell for cell in cells)


def caller(
    *roles: str,
    purpose: str = "visit",
    app: str = "desk",
    regions: tuple[str, ...] = ("330102001002",),
    case: str | None = None,
    network: str = "",
    id_number: str | None = None,
    justification: str | None = None,
) -> Caller:
    """Somebody with these roles (a worker when none is named)."""
    return Caller(
        principal=PrincipalId("p-1"),
        app=AppId(app),
        roles=tuple(RoleName(role) for role in roles or ("worker",)),
        organisation="",
        regions=tuple(RegionCode(region) for region in regions),
        assurance=1,
        network=network,
        id_number=id_number,
        purpose=PurposeId(purpose),
        case=CaseId(case) if case else None,
        justification=justification,
        token_id="t",
    )


def case_of(*subjects: str, purpose: str = "pickup", state: CaseState = CaseState.APPROVED, app: str = "") -> CaseFacts:
    """An approved case C-1 that is open for a year."""
    return CaseFacts(
        id=CaseId("C-1"),
        purpose=PurposeId(purpose),
        state=state,
        subjects=subjects,
        assignee_app=AppId(app),
        opened_by=PrincipalId("p-2"),
        approved_by=PrincipalId("p-3"),
        expires_at=NOW.replace(year=2027),
    )


def question(
    city: Catalog,
    who: Caller,
    name: str = "police.resident",
    *,
    uses: Iterable[tuple[str, FieldUse]] = (),
) -> BoundQuery:
    """Every field of a dataset, and these further uses."""
    asked = city.datasets[DatasetName(name)]
    assert who.purpose is not None
    return BoundQuery(
        catalog=city,
        dataset=asked,
        purpose=city.purposes[who.purpose],
        case=who.case,
        columns=tuple(OutputColumn(name=each, field=each, aggregate=None) for each in asked.fields),
        starred=frozenset(asked.fields),
        where=EVERYTHING,
        order=(),
        limit=None,
        offset=0,
        wants_count=False,
        media_type=MediaType.JSON,
        is_head=False,
        uses=frozenset(
            {(each, FieldUse.SHOW) for each in asked.fields} | {(FieldName(each), use) for each, use in uses}
        ),
        filter_shape="",
    )
