"""The house holds: layers, seals, sizes, no second road."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SOURCES = sorted([*ROOT.glob("gateway/**/*.py"), *ROOT.glob("connectors/**/*.py")])
MOST_LINES = 400
TEXTS_ONLY = {"gateway/errors.py"}  # a list of cases, each a few lines of text in two languages


def _calls(path: Path) -> set[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            match node.func:
                case ast.Name(id=name) | ast.Attribute(attr=name):
                    names.add(name)
                case _:
                    pass
    return names


def _callers(name: str) -> set[str]:
    return {str(path.relative_to(ROOT)) for path in SOURCES if name in _calls(path)}


def test_only_disclosure_builds_a_disclosure() -> None:
    assert {caller.split("/")[1] for caller in _callers("Disclosure")} == {"disclosure"}


def test_only_audit_builds_a_receipt() -> None:
    assert {caller.split("/")[1] for caller in _callers("AuditReceipt")} == {"audit"}


def test_only_the_pipeline_builds_a_response() -> None:
    assert _callers("Response") - {"gateway/api/control_plane.py"} == {"gateway/pipeline.py"}
    # the control plane knows starlette's class by another name, and the stage type only to look at it
    tree = ast.parse((ROOT / "gateway/api/control_plane.py").read_text(encoding="utf-8"))
    called = [node for node in ast.walk(tree) if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)]
    assert not [node for node in called if isinstance(node.func, ast.Name) and node.func.id == "Response"]


def test_only_the_pipeline_asks_a_source_for_rows() -> None:
    allowed = {
        "gateway/fetching.py",  # which only the pipeline may use: a contract in pyproject.toml
        "gateway/audit/source.py",
        "gateway/administration/discovery/sampling.py",  # statistics only, no value leaves it
        "gateway/sources/guarded.py",
        "gateway/sources/trial.py",
    }
    found = set()
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "fetch":
                found.add(str(path.relative_to(ROOT)))
    assert {name for name in found if name.startswith("gateway/")} == allowed


def test_nothing_is_evaluated_or_executed() -> None:
    offenders = set()
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            called = node.func.id if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) else ""
            if called in {"eval", "exec", "compile", "__import__"}:
                offenders.add((called, str(path.relative_to(ROOT))))
    assert not offenders


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_file_is_one_idea(path: Path) -> None:
    if str(path.relative_to(ROOT)) in TEXTS_ONLY:
        return
    text = path.read_text(encoding="utf-8")
    assert len(text.splitlines()) <= MOST_LINES
    assert ast.get_docstring(ast.parse(text)), "a module says what it makes of what"


def test_the_pipeline_reads_as_the_way_of_a_request() -> None:
    text = (ROOT / "gateway/pipeline.py").read_text(encoding="utf-8")
    planning = text[text.index("async def _plan") : text.index("def _release")]
    steps = [planning.index(step) for step in ("_bind(engine", "engine.decide", "plan_question(")]
    assert steps == sorted(steps)
    body = text[text.index("async def _read") : text.index("async def _plan")]
    places = [body.index(stage) for stage in ("_authenticate(engine", "_plan(engine", "_disclose(recorder", "render(")]
    assert places == sorted(places)
    body = text[text.index("async def _read") : text.index("def _identify")]
    assert body.index("self._release(") > places[-1]
    assert body.index("return Response(") > body.index("self._release(")
    release = text[text.index("async def _release(") : text.index("# ---", text.index("async def _release("))]
    assert (
        release.index("recorder.released(") > release.index("self.charge_release") > release.index("self.check_glass")
    )


def test_the_layers_hold() -> None:
    done = subprocess.run(
        [str(Path(sys.executable).with_name("lint-imports"))], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout[-3000:]


def test_no_key_token_or_machine_path_is_in_the_tree() -> None:
    tracked = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()
    home = str(Path.home())
    for name in tracked:
        path = ROOT / name
        if path.suffix in {".py", ".md", ".yaml", ".toml", ".csv", ".service", ".example"} and path.is_file():
            text = path.read_text(encoding="utf-8")
            assert "-----BEGIN " + "PRIVATE" not in text, name
            assert f"{home}/" not in text, name
