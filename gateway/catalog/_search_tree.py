"""A full-text query as a tree, and what is left of it without its stop words."""

from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class Lexeme:
    """One word, in its searched form; `is_possible` False where it asks for a weight that no word has."""

    word: str
    is_prefix: bool = False
    is_possible: bool = True


@dataclass(frozen=True, slots=True)
class Nothing:
    """A stop word, or no word at all."""


@dataclass(frozen=True, slots=True)
class Without:
    """`!`."""

    inner: "Tree"


@dataclass(frozen=True, slots=True)
class And:
    """`&`."""

    left: "Tree"
    right: "Tree"


@dataclass(frozen=True, slots=True)
class Or:
    """`|`."""

    left: "Tree"
    right: "Tree"


@dataclass(frozen=True, slots=True)
class Near:
    """`<distance>`: the right side ends so many places after the left one."""

    left: "Tree"
    right: "Tree"
    distance: int = 1


Tree = Lexeme | Nothing | Without | And | Or | Near


def without_stop_words(tree: Tree) -> Tree:
    """The tree that is left. In a phrase a stop word keeps its place: what stood around it is further apart."""
    return _cleaned(tree)[0]


def _cleaned(tree: Tree) -> tuple[Tree, int, int]:
    """What is left, and by how much a phrase around it grows to its left and to its right."""
    match tree:
        case Lexeme() | Nothing():
            return tree, 0, 0
        case Without(inner):
            kept, before, after = _cleaned(inner)
            return (kept if isinstance(kept, Nothing) else Without(kept)), before, after
        case Near():
            return _cleaned_phrase(tree)
        case And() | Or():
            left, left_before, left_after = _cleaned(tree.left)
            right, right_before, right_after = _cleaned(tree.right)
            if isinstance(left, Nothing) and isinstance(right, Nothing):
                widest = max(left_before, right_before)
                return left, widest, widest
            if isinstance(left, Nothing):
                return right, right_before, right_after
            if isinstance(right, Nothing):
                return left, left_before, left_after
            return replace(tree, left=left, right=right), 0, 0


def _cleaned_phrase(tree: Near) -> tuple[Tree, int, int]:
    left, left_before, left_after = _cleaned(tree.left)
    right, right_before, right_after = _cleaned(tree.right)
    if isinstance(left, Nothing) and isinstance(right, Nothing):
        width = left_before + tree.distance + right_before
        return left, width, width
    if isinstance(left, Nothing):
        return right, left_before + tree.distance + right_before, right_after
    if isinstance(right, Nothing):
        return left, left_before, left_after + tree.distance + right_after
    return Near(left, right, tree.distance + left_after + right_before), left_before, right_after
