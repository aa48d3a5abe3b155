"""docs against code: a setting, an error or a word that only one of them knows fails here."""

import ast
import dataclasses
import importlib
import json
import pkgutil
import re
import string
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin

import pytest
from pydantic import BaseModel, SecretStr
from pydantic_core import PydanticUndefined

import gateway.model
from gateway import errors
from gateway.errors import GatewayError, Language
from gateway.settings import Settings

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
LANGUAGES: tuple[Language, ...] = ("zh", "en")
_HINTS: tuple[tuple[Language, str], ...] = (("en", "hint"), ("zh", "提示"))
HAN = re.compile(r"[\u4e00-\u9fff]")


# ------------------------------------------------------------------ settings
@dataclass(frozen=True, slots=True, kw_only=True)
class SettingRow:
    """What the table says of one setting."""

    name: str
    type: str
    default: str


def setting_rows(model: type[BaseModel], prefix: str = "") -> list[SettingRow]:
    """Every setting of a model, nested ones with dots, `*` for the items of a list or a table."""
    rows: list[SettingRow] = []
    for name, field in model.model_fields.items():
        annotation = field.annotation
        if isinstance(annotation, type) and issubclass(annotation, BaseModel):
            rows += setting_rows(annotation, f"{prefix}{name}.")
            continue
        default = field.get_default(call_default_factory=True, validated_data={})
        rows.append(SettingRow(name=f"{prefix}{name}", type=_type_words(annotation), default=_default_words(default)))
        for part in get_args(annotation):
            if isinstance(part, type) and issubclass(part, BaseModel):
                rows += setting_rows(part, f"{prefix}{name}.*.")
    return rows


def _type_words(annotation: Any) -> str:
    origin = get_origin(annotation)
    if origin in {Union, UnionType}:
        parts = [_type_words(part) for part in get_args(annotation) if part is not type(None)]
        return "network" if len(parts) > 1 else parts[0]
    if origin is tuple:
        return f"list of {_type_words(get_args(annotation)[0])}"
    if origin is dict:
        return f"table of {_type_words(get_args(annotation)[1])}"
    if origin is Literal:
        return ", ".join(get_args(annotation))
    if origin is not None:  # Annotated
        return _type_words(get_args(annotation)[0])
    return {int: "integer", float: "number", str: "text", SecretStr: "text", Path: "path"}.get(annotation, "table")


def _default_words(default: object) -> str:
    if default is PydanticUndefined:
        return "must be given"
    if default is None:
        return "none"
    if isinstance(default, Path):
        return f"`{json.dumps(str(default))}`"
    return "empty" if default in ((), {}) else f"`{json.dumps(default)}`"


def _table(path: Path) -> list[list[str]]:
    lines = [line for line in path.read_text(encoding="utf-8").splitlines() if line.startswith("| ")]
    cells = [line.removeprefix("|").removesuffix("|").split("|") for line in lines if not line.startswith("| ---")]
    return [[cell.strip() for cell in row] for row in cells]


def test_the_settings_table_is_the_settings_model() -> None:
    told = [SettingRow(name=row[0].strip("`"), type=row[1], default=row[2]) for row in _table(DOCS / "settings.md")[1:]]
    assert told == setting_rows(Settings)


def test_every_setting_is_told_in_both_languages() -> None:
    for name, _type, _default, zh, en in _table(DOCS / "settings.md")[1:]:
        assert HAN.search(zh), name
        assert en, name
        assert not HAN.search(en), name


# ------------------------------------------------------------------ errors
RANGES = {
    errors.RequestInvalid: "GW1",
    errors.NameUnknown: "GW2",
    errors.NotAuthenticated: "GW3",
    errors.NotAllowed: "GW4",
    errors.SourceFailed: "GW5",
    errors.AuditFailed: "GW6",
    errors.AdministrationFailed: "GW7",
    errors.Defect: "GW9",
}


def _leaves(of: type[GatewayError] = GatewayError) -> Iterator[type[GatewayError]]:
    below = of.__subclasses__()
    for one in below:
        yield from _leaves(one)
    if not below:
        yield of


LEAVES = sorted(_leaves(), key=lambda error: error.code)


def _sections() -> dict[str, str]:
    text = (DOCS / "errors.md").read_text(encoding="utf-8")
    parts = re.split(r"^### (.+)$", text, flags=re.MULTILINE)
    # a section ends where the next range begins
    return {
        head: re.split(r"^## ", body, flags=re.MULTILINE)[0]
        for head, body in zip(parts[1::2], parts[2::2], strict=True)
    }


def test_codes_are_unique() -> None:
    codes = [error.code for error in LEAVES]
    assert len(codes) == len(set(codes))


def test_each_branch_keeps_to_its_range() -> None:
    for error in LEAVES:
        branch = next(branch for branch in RANGES if branch in error.__mro__)
        assert re.fullmatch(rf"{RANGES[branch]}\d\d", error.code), error


def test_the_error_page_tells_every_error_and_no_other() -> None:
    assert list(_sections()) == [f"{error.code} {error.__name__}" for error in LEAVES]


@pytest.mark.parametrize("error", LEAVES, ids=lambda error: error.code)
def test_an_errors_section_says_what_the_code_says(error: type[GatewayError]) -> None:
    section = _sections()[f"{error.code} {error.__name__}"]
    assert f"* status: {error.status}" in section
    assert ("PostgREST code: " in section) == bool(error.postgrest_code)
    assert not error.postgrest_code or f"PostgREST code: `{error.postgrest_code}`" in section
    for language, word in _HINTS:
        assert f"* {language}: {error.text[language]}" in section
        assert f"* {word}: {error.mend[language]}" in section
    when = re.search(r"^When: .+", section, re.MULTILINE)
    zh = re.search(r"^何时：.+", section, re.MULTILINE)
    assert when
    assert not HAN.search(when.group())
    assert zh


@pytest.mark.parametrize("error", LEAVES, ids=lambda error: error.code)
def test_an_errors_texts_exist_in_both_languages_and_format(error: type[GatewayError]) -> None:
    one = _example(error)
    for language in LANGUAGES:
        message, hint = one.message(language), one.hint(language)
        assert message
        assert hint
        assert "{" not in message + hint
        assert "\n" not in message + hint
        assert error.text["en"][0].islower() or error.text["en"][0] in "`{"
        assert not message.endswith((".", "。"))
    assert HAN.search(one.message("zh"))
    assert not HAN.search(one.message("en"))


@pytest.mark.parametrize("error", LEAVES, ids=lambda error: error.code)
def test_both_languages_tell_the_same_values(error: type[GatewayError]) -> None:
    for texts in (error.text, error.mend):
        english, chinese = (_places(texts[language]) for language in LANGUAGES)
        assert english == chinese


@pytest.mark.parametrize("error", [error for error in LEAVES if error.code != "GW209"], ids=lambda error: error.code)
def test_the_operators_text_never_reaches_the_public(error: type[GatewayError]) -> None:
    """GW209 has the asker's own operator in that place."""
    one = _example(error)
    one.operator = "operator-only"
    assert "operator-only" not in "".join([str(one), *(one.message(each) + one.hint(each) for each in LANGUAGES)])


def _places(template: str) -> set[str]:
    """The values that a text needs: `fault` of `{fault[0]}`."""
    return {re.split(r"[.\[]", name)[0] for _, name, _, _ in string.Formatter().parse(template) if name is not None}


def _example(error: type[GatewayError]) -> GatewayError:
    """The error with a plain value of the right type in every place."""
    values: dict[str, Any] = {}
    for field in dataclasses.fields(error):
        if field.name == "operator":
            continue
        kinds: dict[Any, object] = {str: "x", int: 7, errors.Words: ("words", "词语")}
        kinds[tuple[errors.BundleProblem, ...]] = (
            errors.BundleProblem(file="roles.yaml", line=3, fault="no such mask", fix="name a mask of masks.yaml"),
        )
        values[field.name] = kinds[field.type]
    return error(**values)


# ------------------------------------------------------------------ glossary
def _model_names() -> set[str]:
    """Public classes and aliases of gateway.model, members of its enumerations, fields of its dataclasses."""
    names: set[str] = set()
    for module in pkgutil.iter_modules(gateway.model.__path__):
        loaded = importlib.import_module(f"gateway.model.{module.name}")
        for name, value in vars(loaded).items():
            if name.startswith("_"):
                continue
            names.add(name)
            if isinstance(value, type) and issubclass(value, Enum):
                names |= {f"{name}.{member}" for member in value.__members__}
            if dataclasses.is_dataclass(value):
                names |= {f"{name}.{field.name}" for field in dataclasses.fields(value)}
    return names


def test_the_glossarys_names_exist_in_the_model() -> None:
    rows = _table(DOCS / "glossary.md")[1:]
    told = {name for row in rows for name in re.findall(r"`([^`]+)`", row[3])}
    assert told
    assert told <= _model_names() | {"Connector", "Mask", "Obligation"}


def test_a_stage_type_has_its_word() -> None:
    told = (DOCS / "glossary.md").read_text(encoding="utf-8")
    for stage in ("InboundRequest", "Caller", "Query", "BoundQuery", "Decision", "ReadPlan", "RawRows", "Disclosure",
                  "AuditReceipt", "Response", "Refusal"):  # fmt: skip
        assert f"`{stage}`" in told, stage


def test_a_word_stands_once_and_in_both_languages() -> None:
    rows = _table(DOCS / "glossary.md")[1:]
    words = [row[0] for row in rows]
    assert len(words) == len(set(words))
    assert words == sorted(words, key=str.lower)
    for row in rows:
        assert HAN.search(row[1]), row[0]


def test_words_that_mean_something_else_name_no_type_of_the_model() -> None:
    """The words that the glossary turns down (User, Actor, Table, ...) are not used for types."""
    refused = {"User", "Actor", "Resource", "Permission", "Scope", "Result", "Backend", "Driver", "Manager"}
    assert not refused & _model_names()


# ------------------------------------------------------------------ architecture and security
def test_the_architecture_page_names_the_stages_in_order() -> None:
    text = (DOCS / "architecture.md").read_text(encoding="utf-8")
    stages = [row[1].strip("`") for row in _table(DOCS / "architecture.md") if re.fullmatch(r"\d", row[0])]
    assert stages == ["InboundRequest", "Caller", "Query", "BoundQuery", "Decision", "ReadPlan", "RawRows",
                      "Disclosure", "AuditReceipt", "Response"]  # fmt: skip
    assert "may be refused here" in text


def test_the_architecture_pages_floors_are_the_contracts() -> None:
    text = (DOCS / "architecture.md").read_text(encoding="utf-8")
    floors = re.search(r"```floors\n(.+?)```", text, re.DOTALL)
    assert floors
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    layers = re.search(r"^layers = (\[.+?\n\])", project, re.DOTALL | re.MULTILINE)
    assert layers
    assert floors.group(1).split("\n")[:-1] == ast.literal_eval(layers.group(1))


@pytest.mark.parametrize("page", sorted(path.name for path in DOCS.glob("*.md")))
def test_a_path_or_code_that_a_page_names_exists(page: str) -> None:
    text = (DOCS / page).read_text(encoding="utf-8")
    for path in re.findall(r"`((?:gateway|connectors|policies|deploy|docs|tests)/[\w./-]*)`", text):
        assert (ROOT / path).exists(), f"{page}: {path}"
    codes = {error.code for error in LEAVES}
    assert set(re.findall(r"\bGW\d{3}\b", text)) <= codes, page
    for link in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", text):
        assert (DOCS / page).parent.joinpath(link).exists(), f"{page}: {link}"


def test_the_fail_closed_table_gives_each_codes_status() -> None:
    by_code = {error.code: error.status for error in LEAVES}
    rows = [row for row in _table(DOCS / "security.md") if re.search(r"GW\d{3}", row[-1])]
    assert len(rows) >= 15
    for row in rows:
        for status, code in re.findall(r"(\d{3}) (GW\d{3})", row[-1]):
            assert by_code[code] == int(status), row
