"""The SQL form of a mask: a tiny closed algebra over one text column that any SQL engine can run.

A connector compiles it to its dialect; `gateway.masks` holds the same meaning as a kernel, and a test holds
them equal. NULL stays NULL is the connector's duty: it wraps the whole form.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Column:
    """The masked column itself."""


@dataclass(frozen=True, slots=True)
class Constant:
    """A text (always bound, never pasted); None is NULL."""

    value: str | None


@dataclass(frozen=True, slots=True)
class Left:
    """The first `count` characters (code points) of the column."""

    count: int


@dataclass(frozen=True, slots=True)
class Right:
    """The last `count` characters of the column; the column is known to be at least that long."""

    count: int


@dataclass(frozen=True, slots=True)
class Concat:
    """Parts one after the other."""

    parts: tuple["SqlForm", ...]


@dataclass(frozen=True, slots=True)
class Shape:
    """The whole column has this shape: one set of allowed ASCII characters a position, e.g. ("1", "3456789")."""

    positions: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class IfShape:
    """`then` where the column has one of the shapes, else `otherwise`."""

    shapes: tuple[Shape, ...]
    then: "SqlForm"
    otherwise: "SqlForm"


SqlForm = Column | Constant | Left | Right | Concat | IfShape
