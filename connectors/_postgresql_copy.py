"""A long answer of PostgreSQL by COPY: the server writes text, and it is cut into columns here.

That takes a third of the time of a cursor's rows. COPY has no parameters: what would be bound is bound to settings of
the transaction (`langqiao.p0` and so on), and the statement reads each of them once, before its first row. So no value
is ever part of a statement, here as elsewhere.

The text format: https://www.postgresql.org/docs/current/sql-copy.html
"""

import asyncio
import re
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import aclosing
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any, Final

import asyncpg
from sqlalchemy import Select
from sqlalchemy.dialects.postgresql.asyncpg import PGCompiler_asyncpg
from sqlalchemy.dialects.postgresql.asyncpg import dialect as asyncpg_dialect
from sqlalchemy.engine import Dialect as Engine
from sqlalchemy.types import TypeEngine

from connectors._cells import NotPromised
from connectors._sql_text import Text, Written

Kind = tuple[type, Callable[[str], object]]
Columns = list[Sequence[object]]


def _as_it_is(cell: str) -> str:
    return cell


_CELLS: Final[Mapping[str, Kind]] = {
    **dict.fromkeys(("text", "varchar", "bpchar"), (str, _as_it_is)),
    **dict.fromkeys(("int2", "int4", "int8"), (int, int)),
    "numeric": (Decimal, Decimal),
    "bool": (bool, {"t": True, "f": False}.__getitem__),
    "date": (date, date.fromisoformat),
    **dict.fromkeys(("timestamp", "timestamptz"), (datetime, datetime.fromisoformat)),
}
"""What the driver makes of a cell of that type, and what makes the same of its text."""
_ESCAPED: Final = re.compile(r"\\(.)", re.DOTALL)
_MEANT: Final[Mapping[str, str]] = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}
_NULL: Final = r"\N"
_PATIENCE: Final = 0.05  # seconds
MOST_VALUES: Final = 1_000
_REFUSALS: Final = (
    asyncpg.SyntaxOrAccessError,
    asyncpg.FeatureNotSupportedError,
    asyncpg.InvalidParameterValueError,
    asyncpg.CantChangeRuntimeParamError,
)
"""Of settings, by servers that are kin to PostgreSQL or guarded more closely."""
_ALONE: Final = "set_config('max_parallel_workers_per_gather', '0', true)"  # as little of the server as a cursor takes


# ---------------------------------------------------------------------- the statement
def copying_engine() -> Engine:
    """The dialect whose statements take their values from the transaction's settings."""
    engine: Engine = asyncpg_dialect(paramstyle="named")  # type: ignore[no-untyped-call]  # untyped in the library
    engine.statement_compiler = _FromSettings
    return engine


def written_for_copy(select: Select[Any], engine: Engine) -> Written:
    """The statement, and what has to be said before it, with its values and the seconds it may take bound to it.

    Nothing (an empty text) where a value has no type of its own, or is one of those that are written out, or where
    there are more than a thousand: the server sets no more than some 1,600 at once.
    """
    compiled = select.compile(dialect=engine)
    if not isinstance(compiled, _FromSettings) or None in compiled.casts.values() or len(compiled.casts) > MOST_VALUES:
        return Written(sql="", names=(), values={})
    named = [
        f"set_config('{_setting(at)}', ${at + 1}{cast}::text, true)" for at, cast in enumerate(compiled.casts.values())
    ]
    limit = f"set_config('statement_timeout', ${len(named) + 1}::text, true)"
    before = f"SELECT {', '.join([*named, limit, _ALONE])}"
    return Written(sql=compiled.string, names=tuple(compiled.casts), values=compiled.params, before=before)


class _FromSettings(PGCompiler_asyncpg):
    """Writes, for a parameter, the setting that holds its value."""

    @property
    def casts(self) -> dict[str, str | None]:
        """The type of each parameter as `::type`, in the order of their settings; None where it has none."""
        held: dict[str, str | None] = self.__dict__.setdefault("_casts", {})
        return held

    def bindparam_string(  # type: ignore[override]  # it is called by keywords
        self,
        name: str,
        post_compile: bool = False,
        expanding: bool = False,
        escaped_from: str | None = None,
        bindparam_type: TypeEngine[Any] | None = None,
        **_: Any,  # noqa: ANN401  # as the library has it
    ) -> str:
        """A subselect, which the server evaluates once: the function by itself it would call for every row."""
        del escaped_from  # our names need no escape
        kind = None if bindparam_type is None else bindparam_type._unwrapped_dialect_impl(self.dialect)  # noqa: SLF001
        is_typed = kind is not None and kind.render_bind_cast and not post_compile and not expanding
        self.casts[name] = self.render_bind_cast(bindparam_type, kind, "") if is_typed else None  # type: ignore[no-untyped-call]  # untyped in the library
        return f"(SELECT current_setting('{_setting(list(self.casts).index(name))}'){self.casts[name]})"


def _setting(number: int) -> str:
    return f"langqiao.p{number}"


# ---------------------------------------------------------------------- the answer
async def kinds_of(connection: "asyncpg.Connection[Any]", sql: str) -> tuple[Kind, ...] | None:
    """Of each column; None where one has a type of which its text does not say all."""
    prepared = await connection.prepare(sql)
    types = [one.type for one in prepared.get_attributes()]
    kinds = [_CELLS.get(one.name) if one.schema == "pg_catalog" else None for one in types]
    known = [kind for kind in kinds if kind is not None]
    return tuple(known) if len(known) == len(kinds) else None


async def settled(connection: "asyncpg.Connection[Any]", text: Text, bound: Sequence[object], *, seconds: int) -> bool:
    """Begin the transaction of a copy; False, and none is begun, where the server takes no such settings.

    The server ends by itself what takes longer than `seconds`. Raises what the driver raises.
    """
    await connection.execute("BEGIN")
    try:
        await connection.fetchrow(text.before, *bound, str(seconds * 1000))
    except _REFUSALS:
        await connection.execute("ROLLBACK")
        return False
    return True


async def copied(
    connection: "asyncpg.Connection[Any]", sql: str, kinds: Sequence[Kind], *, rows: int
) -> AsyncGenerator[Columns, None]:
    """The columns of at most `rows` rows at a time, in the transaction that `settled` began, and its end.

    Raises NotPromised, and what the driver raises.
    """
    cutter = Cutter(kinds)
    async with aclosing(_blocks(connection, sql)) as blocks:
        async for block in blocks:
            cutter.add(block)
            while cutter.rows >= rows:
                yield cutter.take(rows)
    if cutter.rows:
        yield cutter.take(cutter.rows)
    await connection.execute("ROLLBACK")


async def _blocks(connection: "asyncpg.Connection[Any]", sql: str) -> AsyncGenerator[bytes, None]:
    """What the server writes, as it comes; it is read no faster than this is."""
    handed: asyncio.Queue[bytes | None] = asyncio.Queue()
    room = asyncio.Event()
    is_over = False

    async def hand_over(block: bytes) -> None:
        if not is_over:
            handed.put_nowait(block)
            await room.wait()
            room.clear()

    copying = asyncio.ensure_future(connection.copy_from_query(sql, output=hand_over))
    copying.add_done_callback(lambda _: handed.put_nowait(None))
    try:
        while (block := await handed.get()) is not None:
            yield block
            room.set()
        await copying
    finally:
        is_over = True
        room.set()
        # what is nearly done ends in order: the driver would wait for an answer to its cancelling, which never comes
        await asyncio.wait([copying], timeout=_PATIENCE)
        copying.cancel()
        await asyncio.wait([copying])
        if not copying.cancelled():
            copying.exception()  # nobody wants it any more


class Cutter:
    """Blocks of text -> columns of cells, as the driver would have given them."""

    def __init__(self, kinds: Sequence[Kind]) -> None:
        self._makers = [make for _, make in kinds]
        self._cells: list[str] = []
        self._rest = b""
        self._has_escapes = False

    @property
    def rows(self) -> int:
        """How many are whole."""
        return len(self._cells) // len(self._makers)

    def add(self, block: bytes) -> None:
        """What came next; raises NotPromised where it is no text in UTF-8."""
        whole, end, rest = (self._rest + block if self._rest else block).rpartition(b"\n")
        self._rest = rest
        if not end:
            return
        try:
            text = whole.decode()
        except UnicodeDecodeError:
            raise NotPromised("a cell is no text") from None
        self._has_escapes = self._has_escapes or "\\" in text
        self._cells += text.replace("\n", "\t").split("\t")

    def take(self, rows: int) -> Columns:
        """The first of the whole rows; raises NotPromised where a cell is none of its type."""
        width = len(self._makers)
        taken, self._cells = self._cells[: rows * width], self._cells[rows * width :]
        columns: Columns = [self._made(taken[at::width], make) for at, make in enumerate(self._makers)]
        self._has_escapes = self._has_escapes and bool(self._cells)
        return columns

    def _made(self, cells: list[str], make: Callable[[str], object]) -> Sequence[object]:
        try:
            if self._has_escapes and any("\\" in cell for cell in cells):
                return [None if cell == _NULL else make(_ESCAPED.sub(_meant, cell)) for cell in cells]
            return cells if make is _as_it_is else list(map(make, cells))
        except (ValueError, KeyError, InvalidOperation):
            raise NotPromised("a cell is not of the type of its column") from None


def _meant(escaped: re.Match[str]) -> str:
    return _MEANT.get(escaped[1], escaped[1])
