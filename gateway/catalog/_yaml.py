"""YAML text -> a plain tree with line numbers: mappings, lists and scalars as written.

Built from parser events, so no tag is ever constructed. Anchors, aliases, tags, duplicate keys, several documents and
deep nesting are faults: a bundle is data that a person reads from top to bottom.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import yaml

from gateway.catalog._faults import Faults

DEEPEST = 20
_RESOLVER = yaml.SafeLoader("")
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # libyaml's parser where it is built in; the same events


@dataclass(frozen=True, slots=True)
class Leaf:
    """A scalar as written; `kind` is what YAML 1.1 takes it for: str, bool, int, float, null, timestamp."""

    line: int
    raw: str
    kind: str


@dataclass(frozen=True, slots=True)
class Branch:
    """A mapping; keys are texts as written (YAML 1.1 would make booleans of `on` and `no`)."""

    line: int
    entries: dict[str, "Node"]
    lines: dict[str, int]  # of the keys


@dataclass(frozen=True, slots=True)
class Items:
    """A list."""

    line: int
    nodes: tuple["Node", ...]


Node = Leaf | Branch | Items


class _Unreadable(Exception):
    """One fault that ends the reading of a file."""

    def __init__(self, line: int, fault: str, fix: str) -> None:
        super().__init__(fault)
        self.line, self.fault, self.fix = line, fault, fix


def read_yaml(file: str, text: str, faults: Faults) -> Branch | None:
    """The file's mapping, or None with a fault noted."""
    try:
        events = yaml.parse(text, Loader=_LOADER)
        top = _document(file, events, faults)
    except _Unreadable as error:
        faults.add(file, error.line, error.fault, error.fix)
        return None
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark is not None else 0
        faults.add(file, line, f"this is no YAML: {error.problem}", "mend the spelling; indent with spaces, not tabs")
        return None
    except yaml.YAMLError:
        faults.add(file, 0, "the file holds control characters", "remove them")
        return None
    if not isinstance(top, Branch):
        faults.add(file, top.line if top else 0, "the file is no mapping", "write `name: …` entries")
        return None
    return top


def _document(file: str, events: Iterator[yaml.Event], faults: Faults) -> Node | None:
    top: Node | None = None
    documents = 0
    for event in events:
        if isinstance(event, yaml.DocumentStartEvent):
            documents += 1
            if documents > 1:
                raise _Unreadable(_line(event), "a second document begins here", "one file, one document")
        elif isinstance(event, yaml.NodeEvent):
            top = _node(file, event, events, faults, depth=1)
    return top


def _node(file: str, event: yaml.Event, events: Iterator[yaml.Event], faults: Faults, depth: int) -> Node:
    line = _line(event)
    if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None) is not None:
        raise _Unreadable(line, "anchors and aliases are not allowed", "write the value out")
    if getattr(event, "tag", None) is not None:
        raise _Unreadable(line, "tags are not allowed", "write the value without `!…`")
    if depth > DEEPEST:
        raise _Unreadable(line, f"nested deeper than {DEEPEST}", "flatten it")
    if isinstance(event, yaml.ScalarEvent):
        return Leaf(line, event.value, _kind(event))
    if isinstance(event, yaml.SequenceStartEvent):
        return Items(line, tuple(_children(file, events, faults, depth, yaml.SequenceEndEvent)))
    return _branch(file, line, tuple(_children(file, events, faults, depth, yaml.MappingEndEvent)), faults)


def _line(event: yaml.Event) -> int:
    return event.start_mark.line + 1 if event.start_mark is not None else 0


def _kind(event: yaml.ScalarEvent) -> str:
    if not event.implicit[0]:  # quoted
        return "str"
    tag: str = _RESOLVER.resolve(yaml.ScalarNode, event.value, (True, False))  # type: ignore[no-untyped-call]
    return tag.rpartition(":")[2]


def _children(
    file: str, events: Iterator[yaml.Event], faults: Faults, depth: int, end: type[yaml.Event]
) -> Iterator[Node]:
    for event in events:
        if isinstance(event, end):
            return
        yield _node(file, event, events, faults, depth + 1)


def _branch(file: str, line: int, parts: tuple[Node, ...], faults: Faults) -> Branch:
    entries: dict[str, Node] = {}
    lines: dict[str, int] = {}
    for key, value in zip(parts[::2], parts[1::2], strict=True):
        if not isinstance(key, Leaf) or key.kind in {"null", "merge"} or not key.raw:
            faults.add(file, key.line, "a key must be a plain text", "write `name: value`")
        elif key.raw in entries:
            faults.add(
                file, key.line, f"`{key.raw[:64]}` stands here twice", f"first on line {lines[key.raw]}; keep one"
            )
        else:
            entries[key.raw] = value
            lines[key.raw] = key.line
    return Branch(line, entries, lines)
