"""Every fault of a rule file is refused with file, line and fix; all of them at once."""

from pathlib import Path

import pytest

from gateway.decision import PolicyEngine
from gateway.errors import BundleInvalid, BundleProblem
from tests.unit.decision.small_city import catalog, engine, line, write_bundle

GOOD = line("G1", "allow", "class:public")


def faults(folder: Path, *rules: str) -> list[BundleProblem]:
    with pytest.raises(BundleInvalid) as refused:
        engine(folder, *rules)
    return list(refused.value.problems)


@pytest.mark.parametrize(
    ("bad", "fault", "fix"),
    [
        (line("B", "Deny", "class:public"), "`Deny` is not known in the column `eft`", "did you mean `deny`?"),
        (line("B", "allow", "class:publik"), "`class:publik` is not known in the column `obj`", "`class:public`"),
        (line("B", "allow", "field:police.resident.nmae"), "column `obj`", "`field:police.resident.name`"),
        (line("B", "allow", "class:public", sub="worker"), "column `sub`", "did you mean `role:worker`?"),
        (line("B", "allow", "class:public", sub="role:wroker"), "column `sub`", "did you mean `role:worker`?"),
        (line("B", "allow", "class:public", app="app:dsk"), "column `app`", "did you mean `app:desk`?"),
        (line("B", "allow", "class:public", act="shwo"), "column `act`", "did you mean `show`?"),
        (line("B", "allow", "class:public", pur="pur:vist"), "column `pur`", "did you mean `pur:visit`?"),
        (line("B", "allow", "ds:police.resident", act="rows", reg="990102"), "column `reg`", "330102"),
        (line("B", "allow", "class:public", sub=""), "column `sub` is empty", "`role:any` covers all"),
        (line("B", "allow", "*"), "column `obj` holds a wildcard", "`class:any` covers all"),
        (line("B", "allow", "class:public", sub="*"), "column `sub` holds a wildcard", "`role:any` covers all"),
        (line("B", "allow", "class:public", sub="role:w\u043erker"), "U+043E, cyrillic small letter o", "plain letters"),  # noqa: E501
        (line("B", "allow", "class:public", sub="role:wor\u200bker"), "invisible character U+200B", "type the line again"),  # noqa: E501
        (line("B", "allow", "class:public", case=""), "`case` is neither", "`*`"),
        (line("", "allow", "class:public"), "the id is empty", "write e.g."),
        (line("B", "allow", "class:public", nbf="2026-11-01"), "column `nbf` is no time", "2026-11-01T00:00:00Z"),
        (line("B", "allow", "class:public", exp="2026-13-01T00:00:00Z"), "column `exp` is no time", "UTC"),
        (
            line("B", "allow", "class:public", nbf="2026-12-01T00:00:00Z", exp="2026-12-01T00:00:00Z"),
            "ends before it begins",
            "nbf before exp",
        ),
        (line("B", "allow", "class:public", cond="ctx.netwrok = 'x'"), "condition can't be taken", "ctx.network"),
        (line("B", "allow", "class:public", cond="name = 'x'"), "condition can't be taken", "known"),
        (line("B", "allow", "class:public", obl="level=drak"), "column `obl level=`", "did you mean `dark`?"),
        (line("B", "allow", "class:public", obl="max_row=3"), "column `obl`", "did you mean `max_rows`?"),
        (line("B", "allow", "class:public", obl="k=many"), "obligation `k` can't be taken", "mend its value"),
        (line("B", "allow", "class:public", obl="level=dim; level=dark"), "level is said twice", "keep one"),
        (line("B", "allow", "class:public", obl="level=dim;"), "obligation is empty", "separated by `;`"),
        (line("B", "allow", "class:public", act="match", obl="level=dim"), "rule on `match` has a level", "`show`"),
        (line("B", "allow", "class:public", obl="where=age > 3"), "rule on `show` has a row filter", "`rows`"),
        (line("B", "allow", "ds:police.resident", act="rows", obl="where=agee > 3"), "row filter can't be taken", "age"),  # noqa: E501
        (line("B", "allow", "dep:aid", act="rows", obl="where=monthly > 3"), "for `aid.office`", "known"),
        (line("B", "allow", "class:public", act="rows"), "rule on rows names a field", "`ds:`"),
        (line("B", "allow", "class:public", reg="330102"), "rule on fields has a region", "write `cn`"),
        (line("B", "allow", "ds:aid.office", act="rows", reg="330102"), "belong to no region", "`region:`"),
        (line("B", "allow", "class:any", act="write"), "grant to write names more than one field", "`field:`"),
        (line("B", "deny", "class:public", obl="level=dim"), "a deny has obligations", "empty"),
        (line("B", "oblige", "class:public"), "obliges to nothing", "make it a deny"),
        (line("B", "oblige", "class:public", obl="level=clear"), "ceiling of `clear` hides nothing", "name a mask"),
        ("p, B, role:any, app:any, class:public, show, pur:any, cn, *, , , , deny", "has 12 columns, not 13", "write p, id"),  # noqa: E501
        ("g, somebody, role:worker", "the line is no rule", "roles.yaml"),
        ("p2, B", "the line is no rule", "begin the line with `p,`"),
        ('p, B, "role:any', "quotes of this line don't match", "double a quote"),
        (line("G1", "deny", "class:public"), "the id `G1` is already at rules/city.csv:1", "id of its own"),
    ],
)  # fmt: skip
def test_a_bad_rule_is_refused_with_its_line_and_a_fix(tmp_path: Path, bad: str, fault: str, fix: str) -> None:
    found = faults(tmp_path, GOOD, "# a comment", "", bad)
    assert [(each.file, each.line) for each in found] == [("rules/city.csv", 4)], found
    assert fault in found[0].fault
    assert fix in found[0].fix


def test_all_problems_are_told_at_once(tmp_path: Path) -> None:
    found = faults(tmp_path, line("A", "Allow", "class:publc"), "p, B", line("C", "deny", "class:public", sub="x"))
    assert [each.line for each in found] == [1, 1, 2, 3]


def test_a_file_that_is_too_large_is_refused(tmp_path: Path) -> None:
    found = faults(tmp_path, *(line(f"R{n}", "allow", "class:public") for n in range(20_000)))
    assert [(each.file, each.line) for each in found] == [("rules/city.csv", 0)]
    assert "larger than 1048576 bytes" in found[0].fault


def test_a_file_in_another_encoding_is_refused_at_its_line(tmp_path: Path) -> None:
    bundle = write_bundle(tmp_path, GOOD)
    (bundle / "rules" / "office.csv").write_bytes(b"# one\n# \xcd\xf8\xb8\xf1\xd4\xb1\n")
    with pytest.raises(BundleInvalid) as refused:
        PolicyEngine.load(bundle, catalog())
    assert [(each.file, each.line) for each in refused.value.problems] == [("rules/office.csv", 2)]


def test_a_file_that_would_not_be_read_is_refused(tmp_path: Path) -> None:
    bundle = write_bundle(tmp_path, GOOD)
    (bundle / "rules" / "denies.CSV.bak").write_text(line("D", "deny", "class:any"))
    with pytest.raises(BundleInvalid) as refused:
        PolicyEngine.load(bundle, catalog())
    assert "its rules would be lost" in refused.value.problems[0].fault


def test_spaces_quotes_and_a_byte_order_mark_are_no_fault(tmp_path: Path) -> None:
    bundle = write_bundle(tmp_path, GOOD)
    rule = "p ,  Q1,role:any, \"app:any\",class:public,show,pur:any,cn,*,,,\"ctx.network in ('a', 'b;c')\",allow,\r\n"
    (bundle / "rules" / "city.csv").write_bytes(b"\xef\xbb\xbf" + rule.encode())
    assert [each.id for each in PolicyEngine.load(bundle, catalog()).judge.rules] == ["Q1"]


def test_a_semicolon_inside_a_literal_separates_nothing(tmp_path: Path) -> None:
    rules = engine(
        tmp_path, line("A", "allow", "ds:police.resident", act="rows", obl="where=name = 'a;k=1'; k=5")
    ).judge.rules
    assert [spec.name for spec in rules[0].obligations] == ["k"]


def test_a_mask_that_cannot_treat_a_field_it_reaches_is_refused(tmp_path: Path) -> None:
    from dataclasses import replace

    from gateway.model.catalog import MaskChoice
    from gateway.model.ids import MaskName

    city = catalog()
    names = replace(city.masks[MaskName("dim")], otherwise=MaskChoice(kind="partial", parameters={"shape": "name"}))
    city = replace(
        city,
        masks={**city.masks, MaskName("dim"): names},
        purposes={key: replace(each, ceiling=None) for key, each in city.purposes.items()},
    )
    bundle = write_bundle(tmp_path, line("A", "allow", "ds:police.resident", obl="level=dim"))
    with pytest.raises(BundleInvalid) as refused:
        PolicyEngine.load(bundle, city)
    assert [each.line for each in refused.value.problems] == [1]
    assert "can't treat `police.resident.age`" in refused.value.problems[0].fault


def test_an_unbuildable_mask_is_refused(tmp_path: Path) -> None:
    from dataclasses import replace

    from gateway.model.catalog import MaskChoice
    from gateway.model.ids import MaskName

    city = catalog()
    wrong = replace(city.masks[MaskName("dim")], otherwise=MaskChoice(kind="blurr", parameters={}))
    with pytest.raises(BundleInvalid) as refused:
        PolicyEngine.load(write_bundle(tmp_path, GOOD), replace(city, masks={**city.masks, MaskName("dim"): wrong}))
    assert {each.file for each in refused.value.problems} >= {"masks.yaml"}


CODE = [
    "__import__('os').system('id')",
    "(lambda: 1)()",
    "eval('1')",
    "ctx.__class__",
    "subject.principal.__class__ = 'x'",
    "1 = 1 or ctx.network = 'x'); drop table x",
    "[x for x in (1)]",
    "f'{now}' = ''",
]


@pytest.mark.parametrize("code", CODE)
def test_a_condition_that_holds_code_is_refused(tmp_path: Path, code: str) -> None:
    found = faults(tmp_path, line("A", "allow", "class:public", cond=code))
    assert found[0].line == 1


@pytest.mark.parametrize("code", CODE)
def test_a_row_filter_that_holds_code_is_refused(tmp_path: Path, code: str) -> None:
    found = faults(tmp_path, line("A", "allow", "ds:police.resident", act="rows", obl=f"where={code}"))
    assert found[0].line == 1


@pytest.mark.parametrize("column", ["id", "sub", "app", "obj", "act", "pur", "reg", "case", "nbf", "exp", "eft", "obl"])
def test_code_in_any_other_column_is_refused(tmp_path: Path, column: str) -> None:
    cells = {"rule_id": "A", "eft": "allow", "obj": "class:public"}
    cells["rule_id" if column == "id" else column] = "__import__('os')"
    assert faults(tmp_path, line(**cells))[0].line == 1
