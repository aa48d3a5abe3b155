"""policies/rules/*.csv -> validated rules, or every problem at once with file, line and fix.

What Casbin would take in silence (a misspelt effect, a missing column, an unknown name) is refused here: a deny that
isn't understood must not vanish. Doesn't promise that a rule is wise or ever matches.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

from gateway.catalog.condition import parse_condition
from gateway.decision.mask_fit import MaskFit
from gateway.decision.obligation_text import ObligationText, ObligationTextInvalid, read_obligation_text
from gateway.decision.rule import CLEAR, ROWS, Rule
from gateway.decision.rule_file import Row, read_rows
from gateway.decision.vocabulary import Vocabulary, unknown_name
from gateway.errors import BundleProblem
from gateway.model.catalog import Dataset, ObligationSpec
from gateway.model.condition import Condition, ConditionInvalid
from gateway.model.decision import Effect
from gateway.model.ids import DatasetName, RuleId
from gateway.obligations import OBLIGATIONS, parse_obligation

MOST_PROBLEMS = 1_000
"""That are told of the rules: more than that nobody reads, and looking for what each meant takes time."""
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_CASE = re.compile(r"\*|[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_INSTANT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z")
_EFFECTS = {effect.value: effect for effect in Effect}
_NOTHING: Mapping[DatasetName, Condition] = MappingProxyType({})
_NAMED = ("sub", "app", "obj", "act", "pur", "reg")


def load_rules(
    bundle: Path, vocabulary: Vocabulary, fit: MaskFit
) -> tuple[tuple[Rule, ...], Mapping[str, Condition], tuple[BundleProblem, ...]]:
    """The rules in the order of files and lines, their conditions by text, and what is wrong."""
    problems: list[BundleProblem] = []
    rules: list[Rule] = []
    read = _Read(vocabulary=vocabulary, fit=fit)
    seen: dict[str, tuple[str, int]] = {}
    for row in read_rows(bundle, problems):
        check = _RuleCheck(row, read)
        rule = check.rule()
        place = row.file, row.line
        first = seen.setdefault(row.id, place)
        if first is not place:
            fault = f"the id `{row.id[:64]}` is already at {first[0]}:{first[1]}"
            check.fault(fault, "give each rule an id of its own")
        problems.extend(check.problems)
        if rule is not None:
            rules.append(rule)
        if len(problems) >= MOST_PROBLEMS:
            more = BundleProblem(file=row.file, line=row.line, fault="there are more faults", fix="mend these first")
            problems.append(more)
            break
    return tuple(rules), read.conditions, tuple(problems)


class _Sense(NamedTuple):
    effect: Effect
    level: str | None
    where: Mapping[DatasetName, Condition]
    obligations: tuple[ObligationSpec, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Read:
    """What rules may name, and what was read of cells before: thousands of rules share a few texts."""

    vocabulary: Vocabulary
    fit: MaskFit
    conditions: dict[str, Condition] = field(default_factory=dict)
    windows: set[tuple[str, str]] = field(default_factory=set)
    senses: dict[tuple[str, ...], _Sense] = field(default_factory=dict)


class _RuleCheck:
    """One row under inspection; collects its problems."""

    def __init__(self, row: Row, read: _Read) -> None:
        self._cells = row
        self._read = read
        self._vocabulary = read.vocabulary
        self.problems: list[BundleProblem] = []

    def fault(self, fault: str, fix: str) -> None:
        self.problems.append(BundleProblem(file=self._cells.file, line=self._cells.line, fault=fault, fix=fix))

    def rule(self) -> Rule | None:
        """The rule, or None with at least one problem."""
        cells = self._cells
        self._check_names()
        self._check_window()
        self._check_condition()
        sense = self._sense()
        if sense is None or self.problems:
            return None
        return Rule(
            id=RuleId(cells.id),
            sub=cells.sub,
            app=cells.app,
            obj=cells.obj,
            act=cells.act,
            pur=cells.pur,
            reg=cells.reg,
            case=cells.case,
            nbf=cells.nbf,
            exp=cells.exp,
            cond=cells.cond,
            eft=sense.effect,
            obl=cells.obl,
            level=sense.level,
            where=sense.where,
            obligations=sense.obligations,
            file=cells.file,
            line=cells.line,
        )

    def _sense(self) -> _Sense | None:
        """What the columns that belong together say; found again where other rules said the same."""
        cells = self._cells
        key = cells.obj, cells.act, cells.reg, cells.eft, cells.obl
        found = self._read.senses.get(key)
        if found is not None:
            return found
        effect = self._effect()
        said = self._obligations()
        if effect is None or said is None or self.problems:
            return None
        self._check_shape(effect, said)
        where = self._where(said.where) if said.where is not None else _NOTHING
        if self.problems:
            return None
        level = said.level
        if level is None and effect is Effect.ALLOW and cells.act == "show":
            level = CLEAR
        sense = self._read.senses[key] = _Sense(effect, level, where, said.others)
        return sense

    def _check_names(self) -> None:
        cells = self._cells
        known = self._vocabulary.columns
        if (
            cells.sub in known["sub"]
            and cells.app in known["app"]
            and cells.obj in known["obj"]
            and cells.act in known["act"]
            and cells.pur in known["pur"]
            and cells.reg in known["reg"]
            and cells.case == "*"
            and _ID.fullmatch(cells.id)
        ):
            return
        if not _ID.fullmatch(cells.id):
            self.fault("the id is empty or has characters other than letters, digits, . _ -", "write e.g. C012")
        for column in _NAMED:
            if getattr(cells, column) not in known[column]:
                self.fault(*unknown_name(getattr(cells, column), known[column], what=column))
        if not _CASE.fullmatch(cells.case):
            self.fault("the column `case` is neither `*` nor a case's id", "write `*` for every case and none")

    def _check_window(self) -> None:
        window = self._cells.nbf, self._cells.exp
        if window in self._read.windows:
            return
        instants: list[datetime | None] = []
        for column in ("nbf", "exp"):
            text = getattr(self._cells, column)
            try:
                if text and not _INSTANT.fullmatch(text):
                    raise ValueError
                instants.append(datetime.fromisoformat(text) if text else None)
            except ValueError:
                self.fault(
                    f"the column `{column}` is no time", "write UTC like 2026-11-01T00:00:00Z, or leave it empty"
                )
                return
        start, end = instants
        if start is not None and end is not None and start >= end:
            self.fault("the rule ends before it begins", "write nbf before exp")
            return
        self._read.windows.add(window)

    def _effect(self) -> Effect | None:
        found = _EFFECTS.get(self._cells.eft)
        if found is None:
            self.fault(*unknown_name(self._cells.eft, frozenset(_EFFECTS), what="eft"))
        return found

    def _check_condition(self) -> None:
        conditions = self._read.conditions
        text = self._cells.cond
        if text == "" or text in conditions:
            return
        try:
            conditions[text] = parse_condition(text, dataset=None)
        except ConditionInvalid as invalid:
            self.fault(f"the condition can't be taken: {invalid.fault}", invalid.fix)

    def _obligations(self) -> ObligationText | None:
        try:
            said = read_obligation_text(self._cells.obl)
        except ObligationTextInvalid as invalid:
            self.fault(invalid.fault, invalid.fix)
            return None
        for spec in said.others:
            if spec.name not in OBLIGATIONS:
                self.fault(*unknown_name(spec.name, frozenset((*OBLIGATIONS, "level", "where")), what="obl"))
                continue
            try:
                parse_obligation(spec)
            except ValueError as wrong:
                self.fault(f"the obligation `{spec.name}` can't be taken: {wrong}", "mend its value")
        levels = self._vocabulary.columns["level"]
        if said.level is not None and said.level not in levels:
            self.fault(*unknown_name(said.level, levels, what="obl level="))
        return said

    def _check_shape(self, effect: Effect, said: ObligationText) -> None:
        """What the columns may say together."""
        cells = self._cells
        act, kind = cells.act, cells.obj.partition(":")[0]
        if act == ROWS and kind not in {"ds", "dep"}:
            self.fault("a rule on rows names a field, term or class", "name a dataset `ds:` or department `dep:`")
        if act == "write" and effect is Effect.ALLOW and kind != "field":
            self.fault("a grant to write names more than one field", "name one `field:` a rule")
        if act != ROWS and cells.reg != "cn":
            self.fault("a rule on fields has a region", "write `cn` here and put the region on a `rows` rule")
        if said.level is not None and act != "show":
            self.fault(f"a rule on `{act}` has a level", "put `level=` on a `show` rule")
        if said.where is not None and act != ROWS:
            self.fault(f"a rule on `{act}` has a row filter", "put `where=` on a `rows` rule")
        if effect is Effect.DENY and cells.obl:
            self.fault("a deny has obligations", "leave the column `obl` of a deny empty")
        if effect is Effect.OBLIGE and not cells.obl:
            self.fault("the rule obliges to nothing", "write what it binds to in `obl`, or make it a deny")
        if effect is Effect.OBLIGE and said.level == CLEAR:
            self.fault("a ceiling of `clear` hides nothing", "name a mask")
        if act == ROWS:
            self._check_region()
        if said.level is not None and said.level != CLEAR:
            for sentence in self._read.fit.misfits(said.level, self._vocabulary.fields_below.get(cells.obj, ())):
                self.fault(sentence, "name a mask that takes this type, or a narrower object")

    def _datasets(self) -> list[Dataset]:
        kind, _, name = self._cells.obj.partition(":")
        known = self._vocabulary.catalog.datasets.values()
        return [each for each in known if (each.name if kind == "ds" else each.department) == name]

    def _check_region(self) -> None:
        if self._cells.reg == "cn":
            return
        for dataset in self._datasets():
            if dataset.region is None:
                self.fault(
                    f"the rows of `{dataset.name}` belong to no region",
                    "write `cn`, or give the dataset a `region:` in the catalog",
                )

    def _where(self, text: str) -> Mapping[DatasetName, Condition]:
        parsed: dict[DatasetName, Condition] = {}
        for dataset in self._datasets():
            try:
                parsed[dataset.name] = parse_condition(text, dataset=dataset)
            except ConditionInvalid as invalid:
                self.fault(f"the row filter can't be taken for `{dataset.name}`: {invalid.fault}", invalid.fix)
        return parsed
