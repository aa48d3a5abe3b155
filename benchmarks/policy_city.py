"""A city's policy of any size, the same for the same seed: catalogue, rules, and questions that meet them.

At 100,000 rules: 5,000 roles in trees, 10,000 users, 220 datasets of 20 fields, 200 purposes in trees, 30 apps; smaller
policies have proportionally fewer of each. Rules belong together as officers' do: a purpose admits some trees of roles,
and its rules name roles of those trees. A tenth have a window or a condition. Denies and ceilings stand on `role:any`.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from gateway.model.caller import Caller
from gateway.model.catalog import (
    App,
    Catalog,
    Classification,
    Dataset,
    Department,
    Field,
    FieldType,
    LegalBasis,
    MaskChoice,
    MaskDeclaration,
    Purpose,
    Region,
    Role,
    Storage,
    Title,
)
from gateway.model.ids import (
    AppId,
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

NOW = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)
FIELDS, ROLE_TREES, HOT_ROLES = 20, 50, 5
_MASKS = {"partial": 40, "redact": 90}
_CONDITIONS = ("subject.assurance >= 2", "ctx.network = 'gov-vpn'")
_LINES = 8_000  # a rule file has at most a mebibyte


@dataclass(frozen=True, slots=True)
class Line:
    """One rule before it is written; the cells that any engine can express."""

    number: int
    sub: str
    app: str
    obj: str
    act: str
    pur: str
    nbf: str
    exp: str
    cond: str
    eft: str
    obl: str

    @property
    def text(self) -> str:
        """As a rule file has it."""
        return (
            f"p, R{self.number:06}, {self.sub}, {self.app}, {self.obj}, {self.act}, {self.pur}, cn, *, "
            f"{self.nbf}, {self.exp}, {self.cond}, {self.eft}, {self.obl}"
        )


@dataclass(frozen=True, slots=True)
class Question:
    """All fields of a dataset, and who asks."""

    bound: BoundQuery
    caller: Caller


@dataclass(frozen=True, slots=True)
class City:
    """A policy to load and what it speaks of."""

    catalog: Catalog
    lines: tuple[Line, ...]
    users: tuple[tuple[RoleName, ...], ...]
    below: dict[str, list[str]]  # role -> roles under it, itself included

    def write(self, folder: Path) -> Path:
        """The bundle's model and rule files."""
        (folder / "rules").mkdir(parents=True)
        model = Path(__file__).parent.parent / "policies" / "model.conf"
        (folder / "model.conf").write_text(model.read_text(encoding="utf-8"), encoding="utf-8")
        for start in range(0, len(self.lines), _LINES):
            text = "\n".join(line.text for line in self.lines[start : start + _LINES])
            (folder / "rules" / f"{start:06}.csv").write_text(text + "\n", encoding="utf-8")
        return folder

    def questions(self, count: int, seed: int, *, hot: bool = False) -> list[Question]:
        """At most so many questions that some rule speaks of; `hot`: about the dataset of the skewed rules."""
        chance = random.Random(seed)
        grants = [line for line in self.lines if (line.act, line.eft) == ("show", "allow")]
        if hot:
            name = next(iter(self.catalog.datasets))
            grants = [line for line in grants if line.obj == f"ds:{name}" and line.sub.startswith("role:t0-")]
        asked: dict[object, Question] = {}
        for _ in range(count * 20):
            if len(asked) == count:
                break
            line = chance.choice(grants)
            purpose = self.catalog.purposes[PurposeId(line.pur.removeprefix("pur:"))]
            known = [name for name in purpose.apps if line.app in {"app:any", f"app:{name}"}]
            role = RoleName(chance.choice(self.below[line.sub.removeprefix("role:")]))
            others = chance.choice(self.users)[: chance.choice((0, 0, 1, 2))]
            caller = Caller(
                principal=PrincipalId(f"u{len(asked)}"),
                app=chance.choice(known or purpose.apps),
                roles=tuple(dict.fromkeys((role, *others))),
                organisation="office",
                regions=(RegionCode("330102"),),
                assurance=chance.choice((1, 2, 2)),
                network=chance.choice(("", "gov-vpn")),
                id_number=None,
                purpose=purpose.id,
                case=None,
                justification=None,
                token_id="t",
            )
            dataset = self._dataset_of(line.obj, chance)
            key = caller.roles, caller.app, caller.purpose, dataset.name
            asked.setdefault(key, Question(_every_field(self.catalog, dataset, purpose), caller))
        return list(asked.values())

    def _dataset_of(self, obj: str, chance: random.Random) -> Dataset:
        kind, _, name = obj.partition(":")
        if kind == "ds":
            return self.catalog.datasets[DatasetName(name)]
        if kind == "field":
            return self.catalog.datasets[DatasetName(name.rpartition(".")[0])]
        return chance.choice(list(self.catalog.datasets.values()))


def build_city(rules: int, *, skew: int = 0, seed: int = 2026) -> City:
    """`skew`: so many of the rules match every field of the first dataset, for a few roles."""
    chance = random.Random(seed)
    trees = min(ROLE_TREES, max(4, rules // 100))
    roles, below = _roles(chance, max(20, rules // 20), trees)
    apps = [AppId(f"a{number}") for number in range(max(3, min(30, rules // 300)))]
    purposes = _purposes(chance, max(10, rules // 500), trees, apps)
    datasets = _datasets(chance, min(220, max(5, rules // 45)))
    catalog = Catalog(
        version=PolicyVersion(f"city-{rules}-{skew}-{seed}"),
        departments={
            each.department: Department(name=each.department, title=_title("dep")) for each in datasets.values()
        },
        datasets=datasets,
        terms={TermName(f"t{number}"): _title("term") for number in range(_TERMS)},
        regions={RegionCode("33"): _region("33", None), RegionCode("330102"): _region("330102", "33")},
        purposes=purposes,
        masks={MaskName(name): _mask(name, rank) for name, rank in _MASKS.items()},
        roles=roles,
        apps={
            name: App(
                id=name,
                title=_title("app"),
                organisation="office",
                purposes=tuple(purpose.id for purpose in purposes.values() if name in purpose.apps),
                ceiling=None,
            )
            for name in apps
        },
    )
    names = list(roles)
    users = tuple(tuple(chance.sample(names, chance.choice((1, 1, 2, 3)))) for _ in range(max(20, rules // 10)))
    maker = _Maker(chance, catalog, below)
    lines = [maker.line(number) for number in range(rules - skew)]
    lines += [maker.hot(number) for number in range(rules - skew, rules)]
    return City(catalog=catalog, lines=tuple(lines), users=users, below=below)


_TERMS = 60


class _Maker:
    def __init__(self, chance: random.Random, catalog: Catalog, below: dict[str, list[str]]) -> None:
        self._chance = chance
        self._catalog = catalog
        self._below = below
        self._purposes = list(catalog.purposes.values())
        self._datasets = list(catalog.datasets.values())
        self._shown: list[Line] = []

    def line(self, number: int) -> Line:
        chance = self._chance
        purpose = chance.choice(self._purposes)
        effect = chance.choices(("allow", "oblige", "deny"), (90, 5, 5))[0]
        act = chance.choices(("show", "match", "aggregate", "export", "rows"), (62, 8, 5, 5, 20))[0]
        if act == "rows" and effect == "allow" and self._shown:
            return self._rows_of(chance.choice(self._shown), number)
        sub = "role:any" if effect != "allow" else f"role:{chance.choice(self._below[chance.choice(purpose.roles)])}"
        narrow = chance.random() < 0.1
        window, condition = (chance.random() < 0.5, chance.random() < 0.5) if narrow else (False, False)
        line = Line(
            number=number,
            sub=sub,
            app=f"app:{chance.choice(purpose.apps)}" if chance.random() < 0.2 else "app:any",
            obj=self._object(act),
            act=act,
            pur=f"pur:{purpose.id}",
            nbf=f"2026-{chance.randrange(1, 11):02}-01T00:00:00Z" if window else "",
            exp=f"2027-{chance.randrange(1, 11):02}-01T00:00:00Z" if window else "",
            cond=chance.choice(_CONDITIONS) if condition else "",
            eft=effect,
            obl=self._obligations(act, effect),
        )
        if (act, effect) == ("show", "allow"):
            self._shown.append(line)
        return line

    def _rows_of(self, line: Line, number: int) -> Line:
        """Rows for those who are shown fields: rules belong together."""
        kind, _, name = line.obj.partition(":")
        dataset = name if kind == "ds" else name.rpartition(".")[0] if kind == "field" else self._datasets[0].name
        where = "where=region under subject.regions" if self._chance.random() < 0.8 else ""
        return replace(line, number=number, obj=f"ds:{dataset}", act="rows", obl=where)

    def hot(self, number: int) -> Line:
        """One of the rules that crowd on the first dataset; conditions differ, so that little of them is shared."""
        chance = self._chance
        purpose = next(each for each in self._purposes if "t0-0" in each.roles)
        return Line(
            number=number,
            sub=f"role:{chance.choice(self._below['t0-0'][:HOT_ROLES])}",
            app="app:any",
            obj=f"ds:{self._datasets[0].name}",
            act="show",
            pur=f"pur:{purpose.id}",
            nbf="",
            exp=f"2027-01-01T{number % 24:02}:{number % 60:02}:00Z" if number % 3 == 0 else "",
            cond=f"subject.assurance < {10 + number % 90}" if number % 3 == 1 else "",
            eft="allow",
            obl=chance.choice(("", "level=partial", "level=redact")),
        )

    def _object(self, act: str) -> str:
        chance = self._chance
        dataset = chance.choice(self._datasets)
        if act == "rows":
            return f"ds:{dataset.name}"
        kind = chance.choices(("field", "ds", "dep", "term", "class"), (600, 385, 8, 5, 2))[0]
        match kind:
            case "field":
                return f"field:{dataset.name}.{chance.choice(list(dataset.fields))}"
            case "ds":
                return f"ds:{dataset.name}"
            case "dep":
                return f"dep:{dataset.department}"
            case "term":
                return f"term:t{chance.randrange(_TERMS)}"
            case _:
                return f"class:{chance.choice(list(Classification)).value}"

    def _obligations(self, act: str, effect: str) -> str:
        chance = self._chance
        if effect == "deny":
            return ""
        if act == "rows":
            return "where=region under subject.regions" if effect == "oblige" or chance.random() < 0.8 else ""
        if effect == "oblige":
            return chance.choice(("level=partial", "level=redact", "k=10")) if act == "show" else "review"
        return chance.choice(("", "", "level=partial", "level=redact")) if act == "show" else ""


def _roles(chance: random.Random, count: int, trees: int) -> tuple[dict[RoleName, Role], dict[str, list[str]]]:
    """Trees at most five deep: every role but a root inherits from one that came before it in its tree."""
    roles: dict[RoleName, Role] = {}
    depth: dict[str, int] = {}
    below: dict[str, list[str]] = {}
    grown: dict[int, list[str]] = {tree: [] for tree in range(trees)}
    parent_of: dict[str, str] = {}
    for number in range(count):
        tree = number % trees
        name = f"t{tree}-{number // trees}"
        above = [each for each in grown[tree] if depth[each] < 4]
        parent = chance.choice(above) if above else None
        depth[name] = depth[parent] + 1 if parent else 0
        grown[tree].append(name)
        below[name] = [name]
        inherits = (RoleName(parent),) if parent else ()
        roles[RoleName(name)] = Role(name=RoleName(name), title=_title("role"), inherits=inherits)
        if parent:
            parent_of[name] = parent
        up = parent
        while up is not None:
            below[up].append(name)
            up = parent_of.get(up)
    return roles, below


def _purposes(chance: random.Random, count: int, trees: int, apps: Sequence[AppId]) -> dict[PurposeId, Purpose]:
    purposes: dict[PurposeId, Purpose] = {}
    for number in range(count):
        parent = chance.choice(list(purposes.values())[: max(1, count // 4)]) if number >= max(1, count // 10) else None
        roots = (
            parent.roles
            if parent
            else tuple(
                RoleName(f"t{tree}-0") for tree in sorted({number % trees, *chance.sample(range(trees), min(4, trees))})
            )
        )
        purpose = PurposeId(f"p{number}")
        purposes[purpose] = Purpose(
            id=purpose,
            title=_title("purpose"),
            legal_basis=(LegalBasis(law=_title("law"), article=_title("1")),),
            controller=_title("controller"),
            parents=(parent.id,) if parent else (),
            is_abstract=False,
            apps=tuple(chance.sample(apps, min(3, len(apps)))),
            roles=roots,
            valid_from=datetime(2026, 1, 1, tzinfo=UTC),
            valid_until=datetime(2028, 1, 1, tzinfo=UTC),
            retention_days=30,
            needs_case=False,
            needs_justification=False,
            is_break_glass=False,
            ceiling=None,
            matches_per_day=None,
            obligations=(),
        )
    return purposes


def _datasets(chance: random.Random, count: int) -> dict[DatasetName, Dataset]:
    datasets: dict[DatasetName, Dataset] = {}
    for number in range(count):
        department = DepartmentName(f"dep{number % max(1, count // 10)}")
        name = DatasetName(f"{department}.d{number}")
        fields = {
            each: Field(
                name=each,
                column=each,
                type=FieldType.TEXT,
                storage=Storage.NATIVE,
                codes={},
                term=TermName(f"t{chance.randrange(_TERMS)}") if chance.random() < 0.4 else None,
                classification=chance.choice(list(Classification)),
                title=_title("field"),
            )
            for each in [FieldName("region"), *(FieldName(f"f{place}") for place in range(1, FIELDS))]
        }
        datasets[name] = Dataset(
            name=name,
            department=department,
            title=_title("dataset"),
            source=SourceName("source"),
            table=f"t{number}",
            key=(FieldName("f1"),),
            subject=FieldName("f2"),
            region=FieldName("region"),
            fields=fields,
            links={},
        )
    return datasets


def _every_field(catalog: Catalog, dataset: Dataset, purpose: Purpose) -> BoundQuery:
    return BoundQuery(
        catalog=catalog,
        dataset=dataset,
        purpose=purpose,
        case=None,
        columns=tuple(OutputColumn(name=each, field=each, aggregate=None) for each in dataset.fields),
        starred=frozenset(),
        where=EVERYTHING,
        order=(),
        limit=None,
        offset=0,
        wants_count=False,
        media_type=MediaType.JSON,
        is_head=False,
        uses=frozenset((each, FieldUse.SHOW) for each in dataset.fields),
        filter_shape="",
    )


def _mask(name: str, rank: int) -> MaskDeclaration:
    redact = MaskChoice(kind="redact", parameters={})
    return MaskDeclaration(name=MaskName(name), title=_title(name), rank=rank, by_term={}, otherwise=redact)


def _region(code: str, parent: str | None) -> Region:
    return Region(code=RegionCode(code), name=code, parent=RegionCode(parent) if parent else None)


def _title(text: str) -> Title:
    return Title(zh=text, en=text)
