"""An answer in batches: each leaves when its own audit entry is durable, and the end is written down, whole or not.

While a batch becomes durable and leaves, the next is written and the one after it is read, and no more: whoever reads
slowly slows the source down, and whoever leaves ends its work.
"""

import asyncio
import hashlib
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Final, TypeVar

from gateway.audit import Recorder
from gateway.decision import PolicyEngine
from gateway.disclosure import BatchWriter
from gateway.errors import ClientGone, Defect, GatewayError, SourceTimeout
from gateway.model.audit import AuditReceipt
from gateway.model.caller import Caller
from gateway.model.catalog import Purpose
from gateway.model.plan import ReadPlan
from gateway.model.response import Response
from gateway.model.rows import Disclosure
from gateway.time_limit import WithinSeconds

_END: Final[Any] = object()
T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class BatchedAnswer:
    """What is read already, where the rest comes from, and what must be done around each batch."""

    ready: list[Disclosure]
    following: AsyncGenerator[Disclosure, None]
    writer: BatchWriter
    plan: ReadPlan
    release: Callable[[Disclosure, bytes], Awaitable[None]]  # checks that it may leave, and writes it down
    close: Callable[..., Awaitable[AuditReceipt]]
    refuse: Callable[[Exception], Awaitable[Response]]
    take_back: Callable[[], None]  # the batch that was handed out last may not have been sent to its end
    seconds: float  # from the first batch to the last


@dataclass(frozen=True, slots=True, repr=False)
class Reading:
    """A planned question that is answered in batches: what holds from its first to its last."""

    engine: PolicyEngine
    recorder: Recorder
    plan: ReadPlan
    caller: Caller
    purpose: Purpose


async def batches_of(answer: BatchedAnswer) -> AsyncGenerator[bytes, None]:
    """The bytes of each batch. Where the answer breaks off, that is written down and the error raised."""
    digest, rows, count = hashlib.sha256(), 0, 0
    is_leaving = False
    loop = asyncio.get_running_loop()
    deadline = loop.time() + answer.seconds
    try:
        async with aclosing(_ahead(_written(answer, deadline))) as batches:
            async for part, body in batches:
                if loop.time() >= deadline:
                    raise SourceTimeout(dataset=answer.plan.bound.dataset.name)
                await answer.release(part, body)
                digest.update(body)
                rows, count = rows + len(part.rows), count + 1
                is_leaving = True
                yield body
                is_leaving = False
        end = answer.writer.end()
        digest.update(end)
        await answer.close(detail=f"{rows} rows in {count} batches", sha256=digest.hexdigest())
        if end:
            yield end
    except (GeneratorExit, asyncio.CancelledError):
        if is_leaving:
            answer.take_back()
        await asyncio.shield(answer.refuse(ClientGone()))
        raise
    except GatewayError as error:
        await answer.refuse(error)
        raise
    except Exception as error:  # noqa: BLE001 - whatever a library raises may hold a value
        await answer.refuse(error)
        raise Defect(operator=type(error).__name__) from None


class Within(WithinSeconds):
    """`with Within(seconds, plan): ...` raises SourceTimeout where the block takes longer."""

    __slots__ = ("_plan",)

    def __init__(self, seconds: float, plan: ReadPlan) -> None:
        """Raises SourceTimeout where no time is left: what doesn't wait would not notice."""
        self._seconds, self._plan = seconds, plan
        if seconds <= 0:
            raise self._late()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """As said above."""
        try:
            WithinSeconds.__exit__(self, kind, error, traceback)
        except TimeoutError:
            raise self._late() from None
        if isinstance(error, TimeoutError):
            raise self._late() from None

    def _late(self) -> SourceTimeout:
        return SourceTimeout(dataset=self._plan.bound.dataset.name)


async def _written(answer: BatchedAnswer, deadline: float) -> AsyncGenerator[tuple[Disclosure, bytes], None]:
    """Each part with its bytes."""
    async with aclosing(_ahead(_parts(answer, deadline))) as parts:
        async for part in parts:
            yield part, answer.writer.batch(part)


async def _parts(answer: BatchedAnswer, deadline: float) -> AsyncGenerator[Disclosure, None]:
    loop = asyncio.get_running_loop()
    async with aclosing(answer.following) as following:
        for part in answer.ready:
            yield part
        while True:
            with Within(deadline - loop.time(), answer.plan):
                part = await anext(following, _END)
            if part is _END:
                return
            yield part


async def _ahead(source: AsyncGenerator[T, None]) -> AsyncGenerator[T, None]:
    """The same, each made while whoever asked is busy with the one before; what breaks off does so in its place."""
    loop = asyncio.get_running_loop()
    async with aclosing(source) as making:
        ahead = loop.create_task(_next(making))
        try:
            while (made := await ahead) is not _END:
                ahead = loop.create_task(_next(making))
                yield made
        finally:
            ahead.cancel()
            await asyncio.wait([ahead])
            if not ahead.cancelled():
                ahead.exception()  # nobody wants it any more


async def _next(making: AsyncGenerator[T, None]) -> Any:  # noqa: ANN401 - or the end
    return await anext(making, _END)
