"""policies/model.conf -> the text that Casbin gets, verified to be exactly the supported shape.

The file is there so that anybody who knows Casbin can read what decides. It may be laid out and commented freely, but
it must say this and nothing else: no second matcher, no `eval`, no other effect.
"""

from pathlib import Path

from gateway.errors import BundleProblem

FILE = "model.conf"
POLICY_COLUMNS = ("id", "sub", "app", "obj", "act", "pur", "reg", "case", "nbf", "exp", "cond", "eft", "obl")
REQUEST_COLUMNS = ("sub", "app", "case", "obj", "act", "pur", "reg", "now", "ctx")
SUPPORTED = f"""[request_definition]
r = {", ".join(REQUEST_COLUMNS)}
[policy_definition]
p = {", ".join(POLICY_COLUMNS)}
[role_definition]
g = _, _
g2 = _, _
g3 = _, _
g4 = _, _
g5 = _, _
[policy_effect]
e = some(where (p.eft == allow)) && !some(where (p.eft == deny))
[matchers]
m = r.act == p.act && g(r.sub, p.sub) && g2(r.obj, p.obj) && g3(r.pur, p.pur) && g4(r.reg, p.reg) && g5(r.app, p.app) \
&& (p.case == "*" || r.case == p.case) && within(r.now, p.nbf, p.exp) && cond(r.ctx, p.cond, p.eft)
"""
_MOST_BYTES = 65_536


def read_model(bundle: Path) -> tuple[str, tuple[BundleProblem, ...]]:
    """The canonical model text, and what the file says otherwise."""
    try:
        raw = (bundle / FILE).read_bytes()[: _MOST_BYTES + 1]
        lines = raw.decode("utf-8").split("\n") if len(raw) <= _MOST_BYTES else None
    except (OSError, UnicodeDecodeError):
        lines = None
    if lines is None:
        return SUPPORTED, (_problem(0, "the model can't be read", "restore model.conf from the last good version"),)
    said = [(number, " ".join(_without_comment(line).split())) for number, line in enumerate(lines, start=1)]
    said = [(number, line) for number, line in said if line]
    problems: list[BundleProblem] = []
    expected = SUPPORTED.strip().split("\n")
    for (number, line), wanted in zip(said, expected, strict=False):
        if line != wanted:
            if "eval" in line:
                problems.append(
                    _problem(number, "`eval` in the model would run what rules say", "write conditions in `cond`")
                )
            else:
                problems.append(_problem(number, "the model differs from the supported shape", f"write `{wanted}`"))
            break
    if not problems and len(said) != len(expected):
        missing = expected[len(said)] if len(said) < len(expected) else ""
        line_number = said[len(expected)][0] if len(said) > len(expected) else len(lines)
        problems.append(
            _problem(
                line_number,
                "the model ends too early" if missing else "the model says more than is supported",
                f"write `{missing}`" if missing else "take this line out",
            )
        )
    return SUPPORTED, tuple(problems)


def _without_comment(line: str) -> str:
    return line.partition("#")[0].strip()


def _problem(line: int, fault: str, fix: str) -> BundleProblem:
    return BundleProblem(file=FILE, line=line, fault=fault, fix=fix)
