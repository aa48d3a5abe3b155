"""Table descriptions -> datasets with fields and links in both directions, under names that the catalogue takes."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from gateway.administration.discovery.names import spell
from gateway.catalog.spelling import fits_field, fits_name
from gateway.errors import Words
from gateway.model.catalog import FieldType
from gateway.spi import ForeignKey, TableDescription

_PLAIN = {  # types that a key may have, and a link
    FieldType.TEXT,
    FieldType.INTEGER,
    FieldType.NUMERIC,
    FieldType.BOOLEAN,
    FieldType.DATE,
    FieldType.TIMESTAMP,
}
_LONGEST_TEXT = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class ProposedLink:
    """A way to another dataset, by (field here, field there)."""

    name: str
    to: str
    on: tuple[tuple[str, str], ...]
    is_one: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ProposedField:
    """A field and the column that it stands for."""

    name: str
    column: str
    type: FieldType
    comment: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ProposedDataset:
    """A dataset and the table that it stands for."""

    name: str
    table: str
    comment: str
    key: tuple[str, ...]
    fields: tuple[ProposedField, ...]
    links: tuple[ProposedLink, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Named:
    """A table with the names of its dataset and fields."""

    described: TableDescription
    name: str
    fields: Mapping[str, str]  # column -> field
    types: Mapping[str, FieldType]


@dataclass(frozen=True, slots=True)
class _End:
    """A dataset that carries the columns of a foreign key's side: the table itself, or a view of it."""

    dataset: _Named
    columns: tuple[str, ...]
    is_even: bool  # a row of the table is at most one row here


def propose(tables: Sequence[TableDescription]) -> tuple[tuple[ProposedDataset, ...], tuple[Words, ...]]:
    """The datasets, and in words what was left out."""
    notes: list[Words] = []
    named = _named(tables, notes)
    links = _links(named, notes)
    proposed = tuple(_dataset(table, named, links[table.name]) for table in named.values())
    return proposed, tuple(notes)


def _named(tables: Sequence[TableDescription], notes: list[Words]) -> dict[str, _Named]:
    """By table."""
    kept: dict[str, TableDescription] = {}
    columns: dict[str, list[tuple[str, FieldType]]] = {}
    for table in tables:
        shown = _shown(table.table)
        if not _can_be_written(table.table):
            notes.append((f"table `{shown}` is left out: its name", f"表 `{shown}` 未纳入：表名无法书写"))
            continue
        columns[table.table] = [column for column in table.columns if _can_be_written(column[0])]
        if len(columns[table.table]) < len(table.columns):
            notes.append((f"columns of `{shown}` are left out: their names", f"`{shown}` 有列未纳入：列名无法书写"))
        if any(kind in _PLAIN for _, kind in columns[table.table]):
            kept[table.table] = table
        else:
            notes.append(
                (f"table `{shown}` is left out: no column can be its key", f"表 `{shown}` 未纳入：没有可作主键的列")
            )
    names = spell(kept, fits_name, "table")
    return {
        table: _Named(
            described=described,
            name=names[table],
            fields=spell((name for name, _ in columns[table]), fits_field, "field"),
            types=dict(columns[table]),
        )
        for table, described in kept.items()
    }


def _dataset(table: _Named, named: Mapping[str, _Named], links: tuple[ProposedLink, ...]) -> ProposedDataset:
    comments = dict(table.described.comments)
    return ProposedDataset(
        name=table.name,
        table=table.described.table,
        comment=table.described.comment,
        key=tuple(table.fields[column] for column in _key(table, named)),
        fields=tuple(
            ProposedField(name=field, column=column, type=table.types[column], comment=comments.get(column, ""))
            for column, field in table.fields.items()
        ),
        links=links,
    )


def _key(table: _Named, named: Mapping[str, _Named]) -> tuple[str, ...]:
    """The columns that tell rows apart, as well as can be known."""
    described = table.described
    certain = sorted(described.unique, key=lambda columns: (not described.nullable.isdisjoint(columns), len(columns)))
    for columns in (described.key, *certain, *_passed_on(described, named)):
        if columns and all(table.types.get(column) in _PLAIN for column in columns):
            return columns
    return tuple(column for column in table.fields if table.types[column] in _PLAIN)


def _passed_on(view: TableDescription, named: Mapping[str, _Named]) -> Iterator[tuple[str, ...]]:
    """The key of the one table that a view shows row by row, under the view's own names."""
    for table in {origin.table for origin in view.origins} if view.is_plain else ():
        from_there, key = _from(view, table), named[table].described.key if table in named else ()
        if key and all(column in from_there for column in key):
            yield tuple(from_there[column] for column in key)


# ---------------------------------------------------------------------- links
@dataclass(frozen=True, slots=True, kw_only=True)
class _Way:
    """A link before it has its final name."""

    wanted: str
    to: _Named
    on: tuple[tuple[str, str], ...]
    is_one: bool


def _links(named: Mapping[str, _Named], notes: list[Words]) -> dict[str, tuple[ProposedLink, ...]]:
    """By dataset. A foreign key makes a link on each side, for its tables and for views of them."""
    ways: dict[str, list[_Way]] = {table.name: [] for table in named.values()}
    for table in named.values():
        for foreign in table.described.foreign_keys:
            there = named.get(foreign.to)
            if there is None:
                continue
            is_unique = _is_unique(table.described, foreign.columns)
            for near in _ends(named, table, foreign.columns):
                for far in _ends(named, there, foreign.to_columns):
                    if not _are_alike(near, far):
                        notes.append(_unlike(foreign, table.described))
                        continue
                    ways[near.dataset.name].append(_way(_called(foreign, far, there), near, far, far.is_even))
                    back = _called(foreign, near, table, "_reverse" if near.dataset is far.dataset else "")
                    ways[far.dataset.name].append(_way(back, far, near, is_unique and near.is_even))
    return {table.name: _finished(table, ways[table.name]) for table in named.values()}


def _called(foreign: ForeignKey, there: _End, owner: _Named, ending: str = "") -> str:
    """The constraint's name; with the view's where the link leads to a view of its table."""
    return f"{foreign.name}{ending}" + ("" if there.dataset is owner else f"-{there.dataset.name}")


def _way(wanted: str, here: _End, there: _End, is_one: bool) -> _Way:
    fields = zip(
        (here.dataset.fields[column] for column in here.columns),
        (there.dataset.fields[column] for column in there.columns),
        strict=True,
    )
    return _Way(wanted=wanted, to=there.dataset, on=tuple(fields), is_one=is_one)


def _ends(named: Mapping[str, _Named], table: _Named, columns: tuple[str, ...]) -> Iterator[_End]:
    """The table, and every view that passes these columns of it on."""
    if all(column in table.fields for column in columns):
        yield _End(table, columns, is_even=True)
    for view in named.values():
        from_here = _from(view.described, table.described.table)
        through = tuple(from_here[column] for column in columns if column in from_here)
        if len(through) == len(columns) and all(column in view.fields for column in through):
            yield _End(view, through, is_even=view.described.is_plain)


def _from(view: TableDescription, table: str) -> dict[str, str]:
    """Column of the table -> the first column of the view that passes it on."""
    return {origin.of: origin.column for origin in reversed(view.origins) if origin.table == table}


def _is_unique(table: TableDescription, columns: tuple[str, ...]) -> bool:
    return any(key and set(key) <= set(columns) for key in (table.key, *table.unique))


def _are_alike(near: _End, far: _End) -> bool:
    return all(
        near.dataset.types[here] is far.dataset.types[there] and near.dataset.types[here] in _PLAIN
        for here, there in zip(near.columns, far.columns, strict=True)
    )


def _unlike(foreign: ForeignKey, table: TableDescription) -> Words:
    where = f"`{_shown(foreign.name)}` ({_shown(table.table)})"
    return f"no link for {where}: its columns can't be compared here", f"{where} 两端的列无法比较，未建链接"


def _finished(table: _Named, ways: Sequence[_Way]) -> tuple[ProposedLink, ...]:
    """With names that no field and no other link of the dataset has."""
    taken = frozenset(table.fields.values())
    links: list[ProposedLink] = []
    for way in ways:
        name = spell([way.wanted], fits_field, "link", taken)[way.wanted]
        taken |= {name}
        links.append(ProposedLink(name=name, to=way.to.name, on=way.on, is_one=way.is_one))
    return tuple(links)


def _can_be_written(name: str) -> bool:
    return bool(name.strip()) and name.isprintable() and len(name) <= _LONGEST_TEXT


def _shown(name: str) -> str:
    return "".join(character if character.isprintable() else "?" for character in name)[:80]
