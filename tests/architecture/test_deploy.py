"""deploy/ against the code: settings, image, addresses, page. It may claim nothing that the program doesn't do.

No container engine runs here: images are not built.
"""

import json
import re
import shlex
import sys
import tomllib
from fnmatch import fnmatch
from importlib.metadata import entry_points
from pathlib import Path

import pytest
import yaml

from gateway.model.ids import SourceName
from gateway.settings import Settings, load_settings
from tests.architecture.deploy_facts import (
    DEPLOY,
    EXAMPLE,
    PROJECT,
    ROOT,
    assert_command,
    need,
    run,
    setting_of,
    strings,
)

BUILT_IN = "langqiao-audit"  # the log as a source: opened by the gateway itself


# ------------------------------------------------------------------ settings
def test_the_example_settings_load() -> None:
    settings = load_settings(EXAMPLE)
    assert settings.host == "127.0.0.1"
    assert settings.audit.origin != Settings().audit.origin
    assert settings.issuers
    assert settings.sources


def test_the_examples_sources_are_those_the_catalog_names() -> None:
    named: set[str] = set()
    for path in (ROOT / "policies/catalog").glob("*.yaml"):
        department = yaml.safe_load(path.read_text(encoding="utf-8"))
        named |= {department.get("source")} | {each.get("source") for each in department["datasets"].values()}
    assert set(load_settings(EXAMPLE).sources) == named - {None, BUILT_IN}


@pytest.mark.parametrize("name", sorted(tomllib.loads(EXAMPLE.read_text(encoding="utf-8"))["sources"]))
def test_an_example_source_has_options_that_its_connector_takes(name: str, tmp_path: Path) -> None:
    source = load_settings(EXAMPLE).sources[name]
    kinds = {point.name: point for point in entry_points(group="langqiao.connectors")}
    options = source.options()
    for option in [each for each in options if each.endswith("_file")]:
        secret = tmp_path / "secret"
        secret.write_text("s\n", encoding="utf-8")
        options[option] = str(secret)
    kinds[source.kind].load().open(SourceName(name), options)


def test_the_example_holds_no_secret() -> None:
    text = EXAMPLE.read_text(encoding="utf-8")
    assert not re.search(r"://[^/@\s\"]+:[^/@\s\"]+@", text)
    assert not re.search(r"^\s*(password|token|secret|apikey)\s*=", text, re.MULTILINE)


def test_each_block_of_the_example_is_explained_in_both_languages() -> None:
    for block in EXAMPLE.read_text(encoding="utf-8").split("\n\n"):
        if not re.match(r"\[sources\.", block):
            comment = "".join(line for line in block.splitlines() if line.startswith("#"))
            assert re.search(r"[\u4e00-\u9fff]", comment), block
            assert re.search(r"[A-Za-z]{3}", comment), block


# ------------------------------------------------------------------ container file
def _instructions() -> list[tuple[str, str]]:
    text = re.sub(r"^#.*\n", "", (DEPLOY / "Containerfile").read_text(encoding="utf-8"), flags=re.MULTILINE)
    lines = [line for line in re.sub(r"\\\n", " ", text).splitlines() if line.strip()]
    return [(line.split(None, 1)[0], line.split(None, 1)[1]) for line in lines]


def test_the_container_file_has_no_lint() -> None:
    done = run(need("hadolint"), "--failure-threshold", "style", str(DEPLOY / "Containerfile"))
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_image_is_pinned_and_is_not_roots() -> None:
    bases = [rest.split()[0] for word, rest in _instructions() if word == "FROM"]
    assert bases == ["python:3.11-slim-bookworm"] * 2
    users = [rest for word, rest in _instructions() if word == "USER"]
    assert users == ["10001:10001"]


def test_the_image_runs_a_command_that_exists() -> None:
    words = dict(_instructions())
    assert json.loads(words["ENTRYPOINT"]) == list(PROJECT["project"]["scripts"])
    assert_command(json.loads(words["CMD"]))


def test_the_images_extras_are_declared() -> None:
    text = (DEPLOY / "Containerfile").read_text(encoding="utf-8") + (DEPLOY / "README.md").read_text(encoding="utf-8")
    extras = {extra for found in re.findall(r"\.\[([a-z,]+)\]", text) for extra in found.split(",")}
    assert extras
    assert extras <= set(PROJECT["project"]["optional-dependencies"])


def test_the_images_environment_is_of_settings() -> None:
    environment = " ".join(rest for word, rest in _instructions() if word == "ENV")
    variables = dict(re.findall(r"(LANGQIAO_\w+)=(\S+)", environment))
    assert variables
    for variable in variables:
        setting_of(variable)
    ports = {variables["LANGQIAO_PORT"], *(rest for word, rest in _instructions() if word == "EXPOSE")}
    assert ports == {"8000"}
    assert str(load_settings(EXAMPLE).port) in ports


def test_the_build_context_holds_what_is_copied_and_nothing_else() -> None:
    lines = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    rules = [line for line in lines if line and not line.startswith("#")]
    assert rules[0] == "*"
    admitted = {rule[1:] for rule in rules if rule.startswith("!")}
    copied = {
        part.removeprefix("./")
        for word, rest in _instructions()
        if word == "COPY" and "--from" not in rest
        for part in rest.split()[:-1]
    }
    assert copied == admitted
    assert not any(fnmatch(name, secret) for name in admitted for secret in ("*key*", "*secret*", ".git*", "deploy*"))
    for name in copied - {"README.md"}:
        assert (ROOT / name).exists(), name


# ------------------------------------------------------------------ health
def test_the_addresses_that_deploy_asks_for_are_served() -> None:
    served = strings("gateway/api")
    for name in ("Containerfile", "compose.yaml", "README.md"):
        text = (DEPLOY / name).read_text(encoding="utf-8")
        asked = set(re.findall(r"(?<![\w.])/(?:healthz|readyz)\b", text)) | set(re.findall(r":8000(/\w+)", text))
        assert asked, name
        assert asked <= served, name


def test_the_reload_signal_is_handled() -> None:
    text = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "gateway").glob("*.py"))
    assert re.search(r"signal\.SIGHUP|Signals\.SIGHUP", text)


# ------------------------------------------------------------------ README
def test_the_page_lists_what_is_there() -> None:
    text = (DEPLOY / "README.md").read_text(encoding="utf-8")
    table = set(re.findall(r"^\| `([\w.-]+)` \|", text, re.MULTILINE))
    made_here = (DEPLOY / ".gitignore").read_text(encoding="utf-8").split()
    there = {path.name for path in DEPLOY.iterdir() if path.is_file() and not path.name.startswith(".")}
    assert table == there - {"README.md"} - {line.strip("/") for line in made_here}


def test_what_is_secret_is_never_committed() -> None:
    ignored = (DEPLOY / ".gitignore").read_text(encoding="utf-8").split()
    assert {"/langqiao.toml", "/keys/", "/secrets/"} <= set(ignored)


def test_the_pages_commands_exist() -> None:
    text = (DEPLOY / "README.md").read_text(encoding="utf-8")
    commands = re.findall(r"`langqiao ([^`]+)`", text)
    assert commands
    for command in commands:
        assert_command(shlex.split(command))


def test_the_yaml_has_no_lint() -> None:
    rules = (
        "{extends: default, rules: {line-length: {max: 120}, document-start: disable, braces: {max-spaces-inside: 1}}}"
    )
    done = run(sys.executable, "-m", "yamllint", "--strict", "-d", rules, *map(str, sorted(DEPLOY.glob("*.yaml"))))
    assert done.returncode == 0, done.stdout
