"""policies/rules/*.csv -> rows of cells with their place, or problems; knows nothing of names.

Each physical line is a record of its own: a quote that isn't closed is a fault of its line and swallows no other.
"""

import csv
import unicodedata
from collections.abc import Iterator
from pathlib import Path
from sys import intern
from typing import NamedTuple

from gateway.decision.model_conf import POLICY_COLUMNS
from gateway.errors import BundleProblem

FOLDER = "rules"
MOST_BYTES = 1_048_576
"""Of one file: what people still read. Split larger ones by subject area."""
MOST_LETTERS = 16_384
"""Of one line."""


class Row(NamedTuple):
    """One record: its place, and thirteen cells by column."""

    file: str
    line: int
    id: str
    sub: str
    app: str
    obj: str
    act: str
    pur: str
    reg: str
    case: str
    nbf: str
    exp: str
    cond: str
    eft: str
    obl: str


def read_rows(bundle: Path, problems: list[BundleProblem]) -> Iterator[Row]:
    """All records of all files, files in the order of their names; every fault of form goes to `problems`.

    Equal cells are one text in memory: a city has far more rules than names.
    """
    is_empty = True
    folder = bundle / FOLDER
    # what an editor or a desktop leaves behind is no rule file; a hidden *.csv looks like one and isn't taken for it
    files = (
        sorted(path for path in folder.iterdir() if not path.name.startswith(".") or path.suffix == ".csv")
        if folder.is_dir()
        else []
    )
    for path in files:
        name = f"{FOLDER}/{path.name}"
        if path.suffix != ".csv" or path.name.startswith(".") or not path.is_file():
            problems.append(
                _problem(name, 0, "not a rule file, so its rules would be lost", "name it *.csv or move it")
            )
            continue
        text = _read_text(path, name, problems)
        if text is None:
            continue
        for number, line in enumerate(text.split("\n"), start=1):
            row = _read_line(name, number, line.rstrip("\r"), problems)
            if row is not None:
                is_empty = False
                yield row
    if is_empty and not problems:
        problems.append(_problem(FOLDER, 0, "the policy is empty", "add at least one rule: an empty policy is refused"))


def _read_text(path: Path, name: str, problems: list[BundleProblem]) -> str | None:
    try:
        with path.open("rb") as file:
            raw = file.read(MOST_BYTES + 1)
    except OSError:
        problems.append(_problem(name, 0, "the file can't be read", "check its permissions"))
        return None
    if len(raw) > MOST_BYTES:
        problems.append(_problem(name, 0, f"the file is larger than {MOST_BYTES} bytes", "split it by subject area"))
        return None
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw[: error.start].count(b"\n") + 1
        problems.append(_problem(name, line, "the file is not UTF-8", "save it as CSV UTF-8"))
        return None


def _read_line(name: str, number: int, line: str, problems: list[BundleProblem]) -> Row | None:
    if len(line) > MOST_LETTERS:
        problems.append(_problem(name, number, f"the line is longer than {MOST_LETTERS} letters", "split the rule"))
        return None
    if len(line.splitlines()) > 1:
        # elsewhere it would be two lines: what stands behind a comment must not be lost
        problems.append(_problem(name, number, "a line ends inside this line", "end lines with a plain line feed"))
        return None
    if not line.strip() or line.lstrip().startswith("#"):
        return None
    # plain ASCII that prints holds nothing hidden: most lines are
    is_plain = line.isascii() and line.isprintable()
    hidden = None if is_plain else next((character for character in line if _is_hidden(character)), None)
    if hidden is not None:
        fault = f"the line holds the invisible character U+{ord(hidden):04X}"
        problems.append(_problem(name, number, fault, "type the line again"))
        return None
    try:
        texts = line.split(",") if '"' not in line else next(csv.reader([line], skipinitialspace=True, strict=True))
    except csv.Error:
        problems.append(_problem(name, number, "the quotes of this line don't match", 'double a quote inside: ""'))
        return None
    cells = [intern(text.strip()) for text in texts]
    if cells[0] != "p":
        fix = "begin the line with `p,`; roles stand in roles.yaml, purposes in purposes.yaml"
        problems.append(_problem(name, number, "the line is no rule", fix))
        return None
    if len(cells) != len(POLICY_COLUMNS) + 1:
        fault = f"the rule has {len(cells) - 1} columns, not {len(POLICY_COLUMNS)}"
        fix = f"write p, {', '.join(POLICY_COLUMNS)}; put quotes around a cell that holds a comma"
        problems.append(_problem(name, number, fault, fix))
        return None
    return Row(name, number, *cells[1:])


def _is_hidden(character: str) -> bool:
    # control and format characters (zero width, right-to-left) and every space that is not the plain one
    return character != "\t" and (
        unicodedata.category(character) in {"Cc", "Cf", "Co", "Cs", "Cn", "Zl", "Zp"}
        or (unicodedata.category(character) == "Zs" and character != " ")
    )


def _problem(file: str, line: int, fault: str, fix: str) -> BundleProblem:
    return BundleProblem(file=file, line=line, fault=fault, fix=fix)
