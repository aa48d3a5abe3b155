"""catalog/<department>.yaml -> departments and datasets; links are checked once every department is read."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from gateway.catalog._condition_tokens import KEYWORDS
from gateway.catalog._condition_types import ATTRIBUTES
from gateway.catalog._section import FIELD, NAME, Section, check_name
from gateway.catalog._yaml import Leaf
from gateway.model.catalog import Classification, Dataset, Department, Field, FieldType, Link, Storage, Title
from gateway.model.ids import DatasetName, DepartmentName, FieldName, SourceName, TermName

# a field of such a name could not be spoken of in a condition or in the read grammar
RESERVED_FIELDS = KEYWORDS | ATTRIBUTES.keys() | {"select", "order", "limit", "offset", "columns", "on_conflict"}
_FITS = {
    Storage.DATE_YYYYMMDD: FieldType.DATE,
    Storage.FEN: FieldType.NUMERIC,
    Storage.FLAG_YN: FieldType.BOOLEAN,
    Storage.FLAG_01: FieldType.BOOLEAN,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Described:
    """A dataset and its section, until its links can be checked."""

    dataset: Dataset
    section: Section


def read_department(
    top: Section, terms: Mapping[TermName, Title]
) -> tuple[Department, Mapping[DatasetName, Described]]:
    """One file. `links` are as written: `check_links` says whether they lead anywhere."""
    name = DepartmentName(top.name("department"))
    stem = top.file.rpartition("/")[2].removesuffix(".yaml")
    if name and name != stem:
        top.blame("department", f"`{name}` is described in {top.file}", f"call the file catalog/{name}.yaml")
    source = top.name("source") if top.has("source") else None
    described: dict[DatasetName, Described] = {}
    datasets = top.section("datasets", required=True)
    if datasets is not None:
        for short, section in datasets.entries("dataset"):
            check_name(section, short, short, NAME)
            dataset = _dataset(DatasetName(f"{name}.{short}"), name, section, source, terms)
            described[dataset.name] = Described(dataset=dataset, section=section)
    department = Department(name=name, title=top.title())
    top.finish()
    return department, described


def _dataset(
    name: DatasetName,
    department: DepartmentName,
    section: Section,
    default_source: str | None,
    terms: Mapping[TermName, Title],
) -> Dataset:
    source = section.name("source") if section.has("source") else default_source
    fields = _fields(section, terms)
    key = tuple(FieldName(part) for part in section.names_of("key", fields, "field"))
    if source is None and section.has("table"):
        section.blame("table", "a table without a source", "name the `source`, or remove the table")
    for name_of_part in key:
        if (part := fields.get(name_of_part)) is not None and not part.type.is_scalar:
            section.blame("key", f"the key `{name_of_part}` is {part.type.value}", "name fields of plain types")
    if source is not None and not key:
        section.blame("key", "a dataset with a source needs a `key`", "list the fields that identify a row")
    dataset = Dataset(
        name=name,
        department=department,
        title=section.title(),
        source=SourceName(source) if source is not None else None,
        table=section.text("table") if source is not None else "",
        key=key,
        subject=_text_field(section, "subject", fields),
        region=_text_field(section, "region", fields),
        fields=MappingProxyType(fields),
        links=MappingProxyType(_links(section)),
    )
    section.finish()
    return dataset


def _text_field(section: Section, key: str, fields: Mapping[FieldName, Field]) -> FieldName | None:
    name = section.one_of(key, fields, "field")
    if name is None:
        return None
    field = fields.get(FieldName(name))
    if field is not None and (field.type is not FieldType.TEXT or field.codes):
        section.blame(key, f"the {key} `{name}` must be plain text", "name a text field without codes")
    return FieldName(name)


# ---------------------------------------------------------------------- fields
def _fields(dataset: Section, terms: Mapping[TermName, Title]) -> dict[FieldName, Field]:
    section = dataset.section("fields", required=True)
    if section is None:
        return {}
    fields = {FieldName(name): _field(name, part, terms) for name, part in section.entries("field")}
    if not section.branch.entries:
        section.blame(None, "a dataset without fields", "describe at least one")
    return fields


def _field(name: str, section: Section, terms: Mapping[TermName, Title]) -> Field:
    check_name(section, name, name, FIELD)
    if name in RESERVED_FIELDS:
        section.blame(None, f"`{name}` is a word of the query or condition language", "choose another name")
    kind = section.choice("type", FieldType)
    storage = section.choice("storage", Storage, Storage.NATIVE)
    if storage in _FITS and kind is not _FITS[storage]:
        section.blame(
            "storage", f"`{storage.value}` keeps {_FITS[storage].value}, not {kind.value}", "mend one of them"
        )
    term = section.one_of("term", terms, "term")
    codes = _codes(section)
    if codes and (kind is not FieldType.TEXT or storage is not Storage.NATIVE):
        section.blame("codes", "only plain text has codes", "make the type text without `storage`")
    field = Field(
        name=FieldName(name),
        column=section.text("column", name),
        type=kind,
        storage=storage,
        codes=MappingProxyType(codes),
        term=TermName(term) if term is not None else None,
        classification=section.choice("class", Classification),
        title=section.title(),
    )
    section.finish()
    return field


def _codes(field: Section) -> dict[str, str]:
    section = field.section("codes", required=False)
    if section is None:
        return {}
    codes: dict[str, str] = {}
    for code in section.branch.entries:
        value = section.text(code)
        if value in codes.values():
            # a filter on the value would find only one of the codes
            section.blame(code, f"two codes have the value `{value[:40]}`", "give each code a value of its own")
        codes[code] = value
    return codes


# ---------------------------------------------------------------------- links
def _links(dataset: Section) -> dict[str, Link]:
    section = dataset.section("links", required=False)
    if section is None:
        return {}
    links: dict[str, Link] = {}
    for name, part in section.entries(f"{dataset.what}, link"):
        check_name(part, name, name, FIELD)
        on = part.section("on", required=True)
        pairs: list[tuple[FieldName, FieldName]] = []
        if on is not None:
            pairs = [(FieldName(here), FieldName(on.text(here))) for here in on.branch.entries]
            if not pairs:
                part.blame("on", "a link on nothing", "write `on: {field_here: field_there}`")
        links[name] = Link(name=name, to=DatasetName(part.text("to")), on=tuple(pairs), one=part.flag("one"))
        part.finish()
    return links


def check_links(described: Mapping[DatasetName, Described]) -> None:
    """Every link leads to a dataset with a source, by fields of equal types on both sides."""
    for entry in described.values():
        links = entry.section.branch.entries.get("links")
        section = entry.section.nested(links, f"{entry.section.what}, links") if links is not None else None
        if section is None or isinstance(links, Leaf):
            continue
        for link in entry.dataset.links.values():
            if link.name in entry.dataset.fields:
                section.blame(link.name, f"`{link.name}` is a field too", "give the link another name")
            target = described.get(link.to)
            if target is None:
                section.blame(
                    link.name, f"the dataset `{link.to[:80]}` is not declared", section.meant(link.to, described)
                )
            elif target.dataset.source is None or entry.dataset.source is None:
                section.blame(link.name, "a dataset without a source has no rows to link", "remove the link")
            else:
                _check_pairs(section, link, entry.dataset, target.dataset)


def _check_pairs(section: Section, link: Link, here: Dataset, there: Dataset) -> None:
    for left, right in link.on:
        for dataset, name in ((here, left), (there, right)):
            if name not in dataset.fields:
                section.blame(
                    link.name, f"`{name[:60]}` is no field of {dataset.name}", section.meant(name, dataset.fields)
                )
        if left in here.fields and right in there.fields and here.fields[left].type is not there.fields[right].type:
            fault = f"`{left}` is {here.fields[left].type.value}, `{right}` is {there.fields[right].type.value}"
            section.blame(link.name, fault, "link fields of one type")
        elif left in here.fields and not here.fields[left].type.is_scalar:
            section.blame(link.name, f"`{left}` is {here.fields[left].type.value}", "link fields of plain types")
