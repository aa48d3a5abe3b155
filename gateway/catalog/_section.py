"""One mapping of a bundle file -> typed values, key by key; every fault is noted with file, line and fix.

A reader of a section always gets a value of the right type back (a stand-in where the file is wrong), so that one fault
never hides the next; nothing of a file with faults is ever used.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from enum import StrEnum
from typing import TypeVar

from gateway.catalog._faults import Faults
from gateway.catalog._suggestion import meant
from gateway.catalog._yaml import Branch, Items, Leaf, Node
from gateway.model.catalog import Title

LONGEST_NAME = 64
MOST_SUGGESTED = 100
"""Faults that are told with what was probably meant: a file of 1 MB may hold tens of thousands."""
NAME = re.compile(r"[a-z0-9][a-z0-9_-]*")
FIELD = re.compile(r"[a-z][a-z0-9_-]*")
ROLE = re.compile(r"[a-z0-9][a-z0-9_-]*(/[a-z0-9][a-z0-9_-]*)*")
TERM = re.compile(r"[a-z0-9][a-z0-9_-]*(\.[a-z0-9][a-z0-9_-]*)*")
_SHAPES = {
    NAME: "lower-case letters, digits, _ and -",
    FIELD: "lower-case letters, digits, _ and -, beginning with a letter",
    ROLE: "lower-case letters, digits, _ and -, in parts joined by /",
    TERM: "lower-case letters, digits, _ and -, in parts joined by .",
}
_Choice = TypeVar("_Choice", bound=StrEnum)


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """A mapping and where it stands. `what` names it in faults, e.g. `field health.vaccination.dose`."""

    file: str
    what: str
    branch: Branch
    line: int  # of the key that this mapping belongs to
    faults: Faults
    read: set[str] = field(default_factory=set)

    def blame(self, key: str | None, fault: str, fix: str) -> None:
        """Note a fault of one key, or of the section."""
        line = self.branch.lines.get(key, self.line) if key is not None else self.line
        self.faults.add(self.file, line, f"{self.what}: {fault}", fix)

    def meant(self, name: str, known: Iterable[str]) -> str:
        """What `name` probably meant; not looked for behind many faults, for each costs a walk over all names."""
        if len(self.faults.found) >= MOST_SUGGESTED:
            return "write a declared name; mend the first faults, later ones are told without what was probably meant"
        return meant(name, known)

    def has(self, key: str) -> bool:
        """Whether the key is there and not null."""
        self.read.add(key)
        node = self.branch.entries.get(key)
        return node is not None and not (isinstance(node, Leaf) and node.kind == "null")

    def finish(self) -> None:
        """Note the keys that nobody asked for."""
        for key in self.branch.entries:
            if key not in self.read:
                self.blame(key, f"`{_shown(key)}` is no key here", self.meant(key, self.read))

    # ------------------------------------------------------------------ scalars
    def text(self, key: str, default: str | None = None) -> str:
        """A text without control characters; required where there is no default."""
        return self._scalar(key, default, _text_fault, str) or ""

    def word(self, key: str, default: str | None = None) -> str:
        """A short scalar as written, quoted or not (a storage form, a region code)."""
        return self._scalar(key, default, lambda leaf: None if leaf.raw else ("is empty", "write a word"), str) or ""

    def flag(self, key: str) -> bool:
        """True or false; false where absent."""
        return self._scalar(key, False, _flag_fault, lambda raw: raw == "true") or False

    def count(self, key: str, least: int, most: int, default: int | None = None) -> int | None:
        """A whole number within the bounds; null or absent: the default."""
        if default is None and not self.has(key):
            return None

        def fault(leaf: Leaf) -> tuple[str, str] | None:
            fits = leaf.kind == "int" and re.fullmatch(r"0|-?[1-9][0-9]{0,9}", leaf.raw)
            if fits and least <= int(leaf.raw) <= most:
                return None
            return "is no whole number that fits", f"write {least} to {most}"

        return self._scalar(key, default, fault, int)

    def choice(self, key: str, kind: type[_Choice], default: _Choice | None = None) -> _Choice:
        """One of an enumeration's words."""
        known = tuple(kind)
        word = self.word(key, default.value if default is not None else None)
        if word in known:
            return kind(word)
        if word:
            self.blame(key, f"`{key}` can't be `{_shown(word)}`", meant(word, known))
        return default if default is not None else known[0]

    def _scalar(
        self,
        key: str,
        default: "_Value | None",
        fault_of: "Callable[[Leaf], tuple[str, str] | None]",
        make: "Callable[[str], _Value]",
    ) -> "_Value | None":
        if not self.has(key):
            if default is None:
                self.blame(None, f"`{key}` is missing", f"add `{key}: …`")
            return default
        node = self.branch.entries[key]
        fault = fault_of(node) if isinstance(node, Leaf) else ("must be a single value", f"write `{key}: value`")
        if fault is not None or not isinstance(node, Leaf):
            self.blame(key, f"`{key}` {fault[0] if fault else ''}", fault[1] if fault else "")
            return default
        return make(node.raw)

    # ------------------------------------------------------------------ names
    def name(self, key: str, pattern: re.Pattern[str] = NAME, default: str | None = None) -> str:
        """A name in our spelling."""
        name = self.text(key, default)
        if name and name != default:
            check_name(self, key, name, pattern)
        return name

    def one_of(self, key: str, known: Iterable[str], what: str, default: str | None = None) -> str | None:
        """A declared name."""
        if default is None and not self.has(key):
            return None
        name = self.text(key, default)
        if name and name not in (names := tuple(known)):
            self.blame(key, f"the {what} `{_shown(name)}` is not declared", self.meant(name, names))
        return name

    def names_of(self, key: str, known: Iterable[str], what: str) -> tuple[str, ...]:
        """A list of declared names, each once; empty where absent."""
        names = self.texts(key)
        declared = known if isinstance(known, Mapping | frozenset) else frozenset(known)
        for name in names:
            if name not in declared:
                self.blame(key, f"the {what} `{_shown(name)}` is not declared", self.meant(name, declared))
        return names

    def texts(self, key: str) -> tuple[str, ...]:
        """A list of texts, each once; empty where absent."""
        texts: list[str] = []
        for node in self.items(key):
            if not isinstance(node, Leaf) or _text_fault(node):
                self.faults.add(self.file, node.line, f"{self.what}: `{key}` must list texts", "write [a, b]")
            elif node.raw in texts:
                self.faults.add(
                    self.file, node.line, f"{self.what}: `{_shown(node.raw)}` stands in `{key}` twice", "keep one"
                )
            else:
                texts.append(node.raw)
        return tuple(texts)

    # ------------------------------------------------------------------ nested
    def items(self, key: str) -> tuple[Node, ...]:
        """A list's nodes; empty where absent."""
        if not self.has(key):
            return ()
        node = self.branch.entries[key]
        if isinstance(node, Items):
            return node.nodes
        self.blame(key, f"`{key}` must be a list", f"write `{key}: [a, b]`")
        return ()

    def section(self, key: str, *, required: bool) -> "Section | None":
        """A nested mapping."""
        if not self.has(key):
            if required:
                self.blame(None, f"`{key}` is missing", f"add `{key}:`")
            return None
        return self.nested(self.branch.entries[key], f"{self.what}, {key}", self.branch.lines[key])

    def nested(self, node: Node, what: str, line: int | None = None) -> "Section | None":
        """A section over any node below; a fault where it is no mapping."""
        if isinstance(node, Branch):
            return Section(
                file=self.file, what=what, branch=node, line=node.line if line is None else line, faults=self.faults
            )
        self.faults.add(self.file, node.line, f"{what} must be a mapping", "write `{key: value}`")
        return None

    def entries(self, what: str) -> "Iterator[tuple[str, Section]]":
        """Every entry as a section of its own, for mappings whose keys are names."""
        for key, node in self.branch.entries.items():
            self.read.add(key)
            section = self.nested(node, f"{what} {_shown(key)}", self.branch.lines[key])
            if section is not None:
                yield key, section

    def title(self, key: str = "title") -> Title:
        """A text in both languages."""
        section = self.section(key, required=True)
        return title_of(section) if section is not None else NO_TITLE

    def period(self, key: str) -> tuple[datetime, datetime]:
        """Two dates as aware UTC midnights, from (inclusive) and until (exclusive)."""
        nodes = self.items(key)
        days = [_day(node.raw) for node in nodes if isinstance(node, Leaf)]
        if len(nodes) == 2 and len(days) == 2 and days[0] is not None and days[1] is not None and days[0] < days[1]:
            return days[0], days[1]
        self.blame(
            key if key in self.branch.lines else None,
            f"`{key}` must be two dates, the first before the second",
            f"write `{key}: [2026-01-01, 2029-01-01]`; the second day is no longer covered",
        )
        return datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)


_Value = TypeVar("_Value", str, int, bool)
NO_TITLE = Title(zh="", en="")


def title_of(section: Section) -> Title:
    """A section that holds `zh` and `en` and nothing else."""
    title = Title(zh=section.text("zh"), en=section.text("en"))
    section.finish()
    return title


def check_name(section: Section, key: str, name: str, pattern: re.Pattern[str]) -> None:
    """Note a fault where the name is not in our spelling; look-alike characters are named by code point."""
    if pattern.fullmatch(name) and len(name) <= LONGEST_NAME:
        return
    foreign = next((character for character in name if ord(character) > 126), None)
    odd = f" holds U+{ord(foreign):04X}, which is no ASCII letter," if foreign is not None else ""
    section.blame(
        key, f"the name `{_shown(name)}`{odd} is not allowed", f"use at most {LONGEST_NAME} of {_SHAPES[pattern]}"
    )


def _text_fault(leaf: Leaf) -> tuple[str, str] | None:
    if leaf.kind != "str":
        return f"is not a text but a {leaf.kind}", f"put it in quotes: '{_shown(leaf.raw)}'"
    if not leaf.raw.strip():
        return "is empty", "write a text"
    if len(leaf.raw) > 500 or not leaf.raw.isprintable():
        return "is longer than 500 characters or holds control characters", "shorten or clean it"
    return None


def _flag_fault(leaf: Leaf) -> tuple[str, str] | None:
    return None if leaf.kind == "bool" and leaf.raw in {"true", "false"} else ("is no flag", "write true or false")


def _day(raw: str) -> datetime | None:
    try:
        day = date.fromisoformat(raw) if re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", raw) else None
    except ValueError:
        return None
    return datetime(day.year, day.month, day.day, tzinfo=UTC) if day is not None else None


def _shown(text: str) -> str:
    plain = "".join(character if character.isprintable() else "?" for character in text)
    return plain if len(plain) <= 60 else plain[:59] + "…"
