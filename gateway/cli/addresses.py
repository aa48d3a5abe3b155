"""What a person writes for a source -> the connector's kind and options: an address, a folder, or a configured name.

An address is never shown again, nor any part of it: it may hold a password.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

from gateway.errors import SettingsInvalid
from gateway.settings import load_settings

_POSTGRESQL = ("postgresql+psycopg://", "postgresql://", "postgres://")
_MYSQL = {"mysql://": "mysql", "mariadb://": "mariadb"}
_UNTYPED = {"files", "rest", "soap"}  # they tell text for anything
_SQLITE = ".db", ".sqlite", ".sqlite3"


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Address:
    """How to open a source. `name`: of a configured one. `is_typed`: it declares the types of its columns."""

    kind: str
    options: Mapping[str, object]
    is_typed: bool
    name: str | None = None

    def __repr__(self) -> str:
        """Never the options."""
        return f"<Address of {self.kind}>"

    @property
    def is_configured(self) -> bool:
        """Whether the settings have it already."""
        return self.name is not None


def address_of(target: str, schema: str | None, settings: Path | None) -> Address:
    """Raises SettingsInvalid, without the address, for what is none."""
    for scheme in _POSTGRESQL:
        if target.startswith(scheme):
            url = _POSTGRESQL[0] + target.removeprefix(scheme)
            options = {"url": url, "connections": 1, "schema": schema or "public"}
            return Address(kind="sql", options=options, is_typed=True)
    if target.startswith(("sqlite:///", "file:///")) or ("://" not in target and "/" in target):
        return _local(target, schema)
    for scheme, kind in _MYSQL.items():
        if target.startswith(scheme):
            named = {} if schema is None else {"schema": schema}
            return Address(kind=kind, options={"url": target, "connections": 1, **named}, is_typed=True)
    if "://" in target:
        named = {} if schema is None else {"schema": schema}
        return Address(kind="sql", options={"url": target, "connections": 1, **named}, is_typed=True)
    return _configured(target, settings)


def settings_lines(address: Address, source: str) -> str:
    """What to write into langqiao.toml for it."""
    head = "# in langqiao.toml; the address itself stays out of it 写入 langqiao.toml，地址本身不写入\n"
    head += f"[sources.{source}]\n"
    told = {name: str(value) for name, value in address.options.items() if name not in {"url", "connections"}}
    lines = f'kind = "{address.kind}"\n'
    if "url" in address.options:
        variable = f"{source.upper().replace('-', '_')}_URL"
        url = str(address.options["url"])
        shape = _POSTGRESQL[0] if url.startswith(_POSTGRESQL[0]) else f"{urlsplit(url).scheme}://"
        lines += f'url_env = "{variable}"    # or url_file = "/run/secrets/{source}"; {shape}…\n'
    return head + lines + "".join(f"{name} = {_toml(value)}\n" for name, value in told.items())


def _local(target: str, schema: str | None) -> Address:
    """A SQLite file, or a folder of files."""
    is_sqlite = target.startswith("sqlite:///")
    path = Path(target.removeprefix("sqlite:///")) if is_sqlite else Path(unquote(target.removeprefix("file://")))
    if schema is not None:
        raise SettingsInvalid(fault="--schema: this source has none", fix="leave --schema out")
    if path.is_dir() and not is_sqlite:
        return Address(kind="files", options={"folder": str(path.resolve())}, is_typed=False)
    if path.is_file() and (is_sqlite or path.suffix in _SQLITE):
        return Address(
            kind="sql",
            options={"folder": str(path.resolve().parent), "file": path.name, "connections": 1},
            is_typed=True,
        )
    raise _nothing("no such file or folder 文件或文件夹不存在")


def _configured(name: str, settings: Path | None) -> Address:
    sources = load_settings(settings).sources if settings is not None else {}
    if name not in sources:
        raise _nothing("neither an address nor a configured source 既非地址，也非已配置的来源")
    chosen = sources[name]
    return Address(kind=chosen.kind, options=chosen.options(), is_typed=chosen.kind not in _UNTYPED, name=name)


def _nothing(fault: str) -> SettingsInvalid:
    return SettingsInvalid(
        fault=f"the target can't be used: {fault}",
        fix="write postgresql://user:password@host:port/database, mysql://…, mariadb://…, sqlite:///FILE, "
        "file:///FOLDER, or a source's name with --settings",
    )


def _toml(text: str) -> str:
    escaped = "".join(f"\\u{ord(sign):04x}" if sign in '"\\' or not sign.isprintable() else sign for sign in text)
    return f'"{escaped}"'
