"""Two batches are read ahead, no more; nothing leaves before it is written down; whoever leaves ends what is read."""

import asyncio
from collections.abc import AsyncGenerator
from typing import cast

import pytest

from gateway.errors import GatewayError, SourceTimeout, SourceUnavailable
from gateway.model.audit import AuditReceipt
from gateway.model.plan import ReadPlan
from gateway.model.response import Response
from gateway.model.rows import Disclosure
from gateway.streaming import BatchedAnswer, batches_of


class Answer:
    """A long answer whose every step is noted."""

    def __init__(self, count: int, *, seconds: float = 30, hangs_at: int | None = None, fails_at: int = -1) -> None:
        self.count, self.hangs_at, self.fails_at = count, hangs_at, fails_at
        self.read: list[int] = []
        self.released: list[int] = []
        self.told: list[str] = []
        self.is_closed = False
        self.answer = BatchedAnswer(
            ready=[self.part(0), self.part(1)], following=self.following(), writer=self, plan=cast("ReadPlan", self),
            release=self.release, close=self.close, refuse=self.refuse,
            take_back=lambda: self.told.append("taken back"), seconds=seconds,
        )  # fmt: skip

    @property
    def bound(self) -> "Answer":
        return self

    @property
    def dataset(self) -> "Answer":
        return self

    name = "kit.reference"

    @staticmethod
    def part(number: int) -> Disclosure:
        return Disclosure(columns=("n",), rows=((number,),), offset=0, total=None, subjects=(), notices=())

    async def following(self) -> AsyncGenerator[Disclosure, None]:
        try:
            for number in range(2, self.count):
                if number == self.hangs_at:
                    await asyncio.sleep(60)
                if number == self.fails_at:
                    raise SourceUnavailable(dataset=self.name)
                await asyncio.sleep(0)
                self.read.append(number)
                yield self.part(number)
        finally:
            self.is_closed = True

    def batch(self, disclosure: Disclosure) -> bytes:
        return b"%d\n" % cast("int", disclosure.rows[0][0])

    def end(self) -> bytes:
        return b""

    async def release(self, disclosure: Disclosure, body: bytes) -> None:
        await asyncio.sleep(0)
        self.released.append(int(body))

    async def close(self, **_: object) -> AuditReceipt:
        self.told.append("closed")
        return cast("AuditReceipt", None)

    async def refuse(self, error: Exception) -> Response:
        self.told.append(type(error).__name__)
        return cast("Response", None)


async def settled() -> None:
    for _ in range(20):
        await asyncio.sleep(0)


async def test_every_batch_leaves_once_in_order_and_after_its_entry() -> None:
    it, left = Answer(9), list[int]()
    async for body in batches_of(it.answer):
        left.append(int(body))
        assert it.released == left
    assert left == list(range(9))
    assert it.told == ["closed"]
    assert it.is_closed


async def test_a_slow_reader_is_two_batches_behind_what_is_read() -> None:
    it = Answer(50)
    batches = batches_of(it.answer)
    for number in range(20):
        await anext(batches)
        await settled()  # as slow as may be
        assert len(it.read) <= max(0, number - 1) + 2
    await batches.aclose()
    assert it.is_closed
    assert it.told == ["taken back", "ClientGone"]


@pytest.mark.parametrize("taken", [1, 2, 3, 5])
async def test_who_leaves_ends_what_is_read_for_them(taken: int) -> None:
    it = Answer(9, hangs_at=5)
    batches = batches_of(it.answer)
    for _ in range(taken):
        await anext(batches)
    await settled()
    async with asyncio.timeout(5):
        await batches.aclose()
    assert it.is_closed or taken <= 2, "what was begun is ended"
    assert it.told == ["taken back", "ClientGone"]


@pytest.mark.parametrize(("hangs_at", "fails_at", "error"), [(4, -1, SourceTimeout), (None, 4, SourceUnavailable)])
async def test_what_breaks_off_ahead_breaks_off_in_its_place(
    hangs_at: int | None, fails_at: int, error: type[GatewayError]
) -> None:
    it, left = Answer(9, seconds=0.2, hangs_at=hangs_at, fails_at=fails_at), list[int]()

    async def take() -> None:
        async for body in batches_of(it.answer):
            left.append(int(body))

    with pytest.raises(error):
        await take()
    assert left == [0, 1, 2, 3]
    assert it.told == [error.__name__]
    assert it.is_closed
