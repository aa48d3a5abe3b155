"""Rule files made to be slow, to run code or to lose a rule: refused with file and line, or nothing is lost."""

import shutil
from pathlib import Path
from time import perf_counter

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.administration import build_engine
from gateway.decision import PolicyEngine
from gateway.errors import BundleInvalid, BundleProblem
from tests.unit.decision.small_city import catalog, line, write_bundle

POLICIES = Path(__file__).parents[3] / "policies"
MEGABYTE = 1_048_576
SECONDS = 30  # what takes a second alone; a blow-up takes minutes
GOOD = line("G1", "allow", "class:public")
FILE = "rules/city.csv"


def load(folder: Path, raw: str | bytes) -> PolicyEngine:
    bundle = write_bundle(folder, GOOD)
    (bundle / FILE).write_bytes(raw if isinstance(raw, bytes) else raw.encode())
    return PolicyEngine.load(bundle, catalog())


def refused(folder: Path, raw: str | bytes) -> list[BundleProblem]:
    started = perf_counter()
    with pytest.raises(BundleInvalid) as caught:
        load(folder, raw)
    assert perf_counter() - started < SECONDS
    assert all(problem.fault and problem.fix for problem in caught.value.problems)
    return list(caught.value.problems)


def test_a_file_of_just_one_megabyte_loads_and_one_byte_more_is_refused(tmp_path: Path) -> None:
    room = MEGABYTE - len(GOOD)
    padding = ("# " + "x" * 97 + "\n") * (room // 100 - 1)
    padding += "# " + "x" * (room - len(padding) - 3) + "\n"
    assert len(load(tmp_path, padding + GOOD).judge.rules) == 1
    assert [(each.file, each.line) for each in refused(tmp_path, padding + GOOD + "\n")] == [(FILE, 0)]


@pytest.mark.parametrize(
    "text",
    [
        "p" * 900_000,
        "," * 900_000,
        "p," * 450_000,
        '"' * 900_000,
        line("A", "allow", "x" * 100_000),
        line("A", "allow", "x" * 900_000),
        line("A" * 100_000, "allow", "class:public"),
        line("A", "allow", "class:public", cond="(" * 50_000 + "ctx.assurance >= 2" + ")" * 50_000),
        line("A", "allow", "class:public", cond="(" * 900 + "ctx.assurance >= 2" + ")" * 900),
        line("A", "allow", "class:public", cond="not " * 400 + "ctx.assurance >= 2"),
        line("A", "allow", "class:public", cond=" or ".join(["ctx.assurance >= 2"] * 10_000)),
        line("A", "allow", "class:public", cond="ctx.network like '" + "%a" * 60 + "'"),
        line("A", "allow", "class:public", obl=";" * 100_000),
        line("A", "allow", "class:public", obl="where=" + "'" * 100_000),
        line("A", "allow", "class:public", obl="k=" + "9" * 100_000),
    ],
    ids=lambda text: f"{text[:6]}.. {len(text)}",
)
def test_a_huge_line_is_refused_at_its_line_in_bounded_time(tmp_path: Path, text: str) -> None:
    assert {(each.file, each.line) for each in refused(tmp_path, f"{GOOD}\n{text}\n")} == {(FILE, 2)}


@pytest.mark.parametrize(
    "name",
    [
        "role:w\u043erker", "role:\uff57orker", "role:wor\u200bker", "role:\u202eworker", "role:worke\u0301r",
        "role:work\u00e9r", "role:worker\u00a0", "role:worker\u3000", "role:worker\0", "role:wor\tker", "role:work*",
        "role:Worker", 'role:"worker"', "role:worker,role:staff", "role:worker;", "ROLE:worker", "role: worker",
    ],
    ids=ascii,
)  # fmt: skip
def test_a_name_that_looks_like_another_is_not_that_one(tmp_path: Path, name: str) -> None:
    cell = '"' + name.replace('"', '""') + '"'
    deny = line("D1", "deny", "class:any", sub="role:worker").replace("role:worker", cell)
    assert {(each.file, each.line) for each in refused(tmp_path, f"{GOOD}\n{deny}\n")} == {(FILE, 2)}


@pytest.mark.parametrize("between", ["\r", "\x0b", "\x0c", "\x1c", "\x85", "\u2028", "\u2029"], ids=ascii)
def test_what_is_no_line_end_here_hides_no_rule(tmp_path: Path, between: str) -> None:
    deny = line("D1", "deny", "class:any")
    assert refused(tmp_path, f"{GOOD}{between}{deny}\n")[0].line == 1


def test_a_deny_behind_a_comment_that_ends_in_a_bare_return_is_not_lost(tmp_path: Path) -> None:
    assert refused(tmp_path, f"# a comment\r{line('D1', 'deny', 'class:any')}\n{GOOD}\n")[0].line == 1


def test_line_ends_of_windows_tabs_and_trailing_spaces_are_no_fault(tmp_path: Path) -> None:
    text = f"{GOOD}  \r\n\t\r\n{line('D1', 'deny', 'class:core')}\t\r\n   \r\n# end"
    assert [rule.id for rule in load(tmp_path, text).judge.rules] == ["G1", "D1"]


CANARY = "touched"
CODE = [
    "__import__('pathlib').Path('touched').touch()", "eval('open(\"touched\", \"w\")')",
    "exec(\"open('touched','w')\")",
    "(lambda: open('touched', 'w'))()", "{open('touched','w')}", "f'{open(\"touched\", \"w\")}'", "`touch touched`",
    "$(touch touched)", "{{ ''.__class__.__mro__[1].__subclasses__() }}", "{% import os %}", "; touch touched",
    "ctx.attributes.__class__", "r_ctx.attributes.clear()", "r.sub.__init__.__globals__", "p.eft == 'allow' || true",
    "keyMatch(r.obj, '*')", "regexMatch(r.sub, '.*')", "g(r.sub, 'role:any')", "eval(p.cond)", "within(r.now, '', '')",
    "' or 1=1 --", "'; drop table t; --", "x' union select * from t --", "!!python/object/apply:os.system [id]",
    "=cmd|'/c calc'!A0", "%00", "1 if open('touched','w') else 0", "[x for x in (open('touched','w'),)]",
]  # fmt: skip
COLUMNS = [
    "rule_id",
    "sub",
    "app",
    "obj",
    "act",
    "pur",
    "reg",
    "case",
    "nbf",
    "exp",
    "cond",
    "eft",
    "obl",
    "where",
    "level",
]


@pytest.mark.parametrize("column", COLUMNS)
def test_code_in_any_column_is_refused_and_never_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, column: str
) -> None:
    monkeypatch.chdir(tmp_path)
    for code in CODE:
        if column in {"rule_id", "case"} and code in {"ctx.attributes.__class__", "r.sub.__init__.__globals__"}:
            continue  # as an id that is a name like any other
        cells = {"rule_id": "A", "eft": "allow", "obj": "class:public"}
        if column in {"where", "level"}:
            cells |= {
                "obj": "ds:police.resident",
                "act": "rows" if column == "where" else "show",
                "obl": f"{column}={code}",
            }
        else:
            cells[column] = code
        assert {each.line for each in refused(tmp_path / "bundle", f"{GOOD}\n{line(**cells)}\n")} == {2}, code
    assert not list(tmp_path.rglob(CANARY))


# ---------------------------------------------------------------------- whatever is done to the real files
NAMES = sorted(path.name for path in (POLICIES / "rules").iterdir())
INSERTED = [
    b",",
    b'"',
    b"\n",
    b"\r",
    b"#",
    b"\0",
    b"\xff",
    b"\xe2\x80\x8b",
    b"*",
    b"'",
    b";",
    b" ",
    b"p,",
    b"\xef\xbb\xbf",
]


@st.composite
def mutations(draw: st.DrawFn) -> tuple[str, bytes]:
    """A rule file's name and what became of its bytes."""
    name = draw(st.sampled_from(NAMES))
    raw = (POLICIES / "rules" / name).read_bytes()
    lines = raw.split(b"\n")
    at = draw(st.sampled_from([n for n, each in enumerate(lines) if each.startswith(b"p,")]))
    cells = lines[at].split(b",")
    one, two = draw(st.integers(0, len(cells) - 1)), draw(st.integers(0, len(cells) - 1))
    byte = draw(st.integers(0, len(lines[at]) - 1))
    match draw(st.sampled_from(["flip", "insert", "column", "swap", "effect"])):
        case "flip":
            flipped = lines[at][byte] ^ (1 << draw(st.integers(0, 7)))
            lines[at] = lines[at][:byte] + bytes((flipped,)) + lines[at][byte + 1 :]
        case "insert":
            lines[at] = lines[at][:byte] + draw(st.sampled_from(INSERTED)) + lines[at][byte:]
        case "column":
            lines[at] = b",".join(cells[:one] + cells[one + 1 :])
        case "swap":
            cells[one], cells[two] = cells[two], cells[one]
            lines[at] = b",".join(cells)
        case _:
            lines[at] = lines[at].replace(b"deny", b"Deny").replace(b"allow", b"alow").replace(b"oblige", b"oblige ")
    return name, b"\n".join(lines)


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return Path(shutil.copytree(POLICIES, tmp_path_factory.mktemp("mutated") / "policies"))


def _check_places(bundle: Path, problems: tuple[BundleProblem, ...]) -> None:
    assert problems
    for problem in problems:
        assert (bundle / problem.file).is_file(), problem
        assert 0 <= problem.line <= (bundle / problem.file).read_bytes().count(b"\n") + 1
        assert all((problem.fault, problem.fix))


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(mutations())
def test_a_mutated_rule_file_loads_whole_or_is_refused_at_a_line_of_it(
    bundle: Path, mutated: tuple[str, bytes]
) -> None:
    name, raw = mutated
    path = bundle / "rules" / name
    original = path.read_bytes()
    path.write_bytes(raw)
    try:
        rules = build_engine(bundle).judge.rules
    except BundleInvalid as error:
        _check_places(bundle, error.problems)
    else:
        written = [
            text
            for file in NAMES
            for text in (bundle / "rules" / file).read_text("utf-8-sig").split("\n")
            if text.strip() and not text.lstrip().startswith("#")
        ]
        assert len(rules) == len(written)
    finally:
        path.write_bytes(original)
