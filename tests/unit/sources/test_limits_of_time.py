"""Who ends a question in time: the connector, where it promises to; else what stands before it."""

import asyncio
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from datetime import UTC, datetime
from time import monotonic
from typing import Any, Self

import pytest
from pydantic import SecretStr

from gateway.errors import SourceTimeout, SourceUnavailable
from gateway.model.ids import SourceName
from gateway.model.plan import Fetch
from gateway.model.rows import Batch
from gateway.settings import Resilience
from gateway.sources import Credentials, GuardedSource
from gateway.spi import Capabilities, Lease, TableDescription
from tests.connectors import kit
from tests.memory_connector import ALL


class Slow:
    """Answers at once after `seconds`, whatever time it was given; or fails, as one with a stale password does."""

    def __init__(self, seconds: float = 0.0, *, ends_in_time: object = False, is_shut: bool = False) -> None:
        self.seconds = seconds
        self.ends_in_time = ends_in_time
        self.is_shut = is_shut

    @classmethod
    def open(cls, name: SourceName, options: Mapping[str, object]) -> Self:
        return cls()

    def capabilities(self, table: str) -> Capabilities:
        return ALL

    async def fetch(self, fetch: Fetch) -> AsyncIterator[Batch]:
        if self.is_shut:
            raise SourceUnavailable(dataset=fetch.dataset)
        yield [("1",)]

    async def fetch_at_once(self, fetch: Fetch) -> Batch | None:
        await asyncio.sleep(self.seconds)
        if self.is_shut:
            raise SourceUnavailable(dataset=fetch.dataset)
        return [("1",)]

    async def describe(self) -> tuple[TableDescription, ...]:
        return ()

    async def health(self) -> None:
        return None

    async def close(self) -> None:
        return None


class Vault:
    """Gives a secret once, and is silent ever after."""

    def __init__(self) -> None:
        self.is_over = threading.Event()
        self.asked = 0

    def read(self, reference: str) -> Lease:
        self.asked += 1
        if self.asked > 1:
            self.is_over.wait()
        return Lease(secret=SecretStr("first" if self.asked == 1 else "second"), seconds=None)


def guarded(connector: Slow, credentials: Credentials | None = None, **limits: float) -> GuardedSource:
    return GuardedSource(
        name=SourceName("s"),
        kind="slow",
        resilience=Resilience.model_validate(limits),
        credentials=credentials or Credentials(name=SourceName("s"), given={}, stores={}),
        open_connector=lambda _: connector,
        monotonic=monotonic,
        clock=lambda: datetime(2026, 1, 1, tzinfo=UTC),
    )


async def test_a_connector_that_promises_nothing_is_stopped() -> None:
    source = guarded(Slow(60.0), batch_seconds=0.05)
    with pytest.raises(SourceTimeout):
        await source.fetch_at_once(kit.make_fetch(columns=["id"], seconds=5.0))
    assert source.standing().running == 0


@pytest.mark.parametrize("promise", [1, "yes", None])
async def test_a_promise_is_true_and_nothing_else(promise: object) -> None:
    source = guarded(Slow(60.0, ends_in_time=promise), batch_seconds=0.05)
    with pytest.raises(SourceTimeout):
        await source.fetch_at_once(kit.make_fetch(columns=["id"], seconds=5.0))


async def test_one_that_promises_to_end_in_time_is_stopped_where_it_is_given_more_than_a_batch_may_take() -> None:
    source = guarded(Slow(60.0, ends_in_time=True), batch_seconds=0.05)
    with pytest.raises(SourceTimeout):
        await source.fetch_at_once(kit.make_fetch(columns=["id"], seconds=5.0))


async def test_one_that_promises_to_end_in_time_is_believed() -> None:
    # it breaks its word: nothing else would tell that no limit was set around it
    source = guarded(Slow(1.3, ends_in_time=True), batch_seconds=5.0)
    assert await source.fetch_at_once(kit.make_fetch(columns=["id"], seconds=0.1)) == [("1",)]
    with pytest.raises(SourceTimeout):  # a second of grace, and no more
        await guarded(Slow(1.3), batch_seconds=5.0).fetch_at_once(kit.make_fetch(columns=["id"], seconds=0.1))


def secret_of(options: Mapping[str, object]) -> str:
    secret = options["url"]
    assert isinstance(secret, SecretStr)
    return secret.get_secret_value()


async def ask_at_once(source: GuardedSource, fetch: Fetch) -> None:
    await source.fetch_at_once(fetch)


async def ask_in_batches(source: GuardedSource, fetch: Fetch) -> None:
    await kit.collect(source, fetch)


@pytest.mark.parametrize("ask", [ask_at_once, ask_in_batches])
async def test_a_store_of_secrets_that_is_silent_keeps_nobody_longer_than_the_question_may_take(
    ask: Callable[[GuardedSource, Fetch], Awaitable[None]],
) -> None:
    vault, hands = Vault(), iter(range(0, 10_000, 1_000))
    given = {"url_secret": "v:kv/data/x"}
    stores: Any = {"v": vault}
    credentials = Credentials(name=SourceName("s"), given=given, stores=stores, monotonic=lambda: next(hands))
    source, opened = guarded(Slow(is_shut=True), credentials), ["first"]

    def open_again(options: Mapping[str, object]) -> Slow:
        opened.append(secret_of(options))
        return Slow()

    source.open_connector = open_again
    began = monotonic()
    try:
        with pytest.raises(SourceTimeout):
            await ask(source, kit.make_fetch(columns=["id"], seconds=0.2))
        assert 0.2 <= monotonic() - began < 3
        assert vault.asked == 2
        vault.is_over.set()
        while source.standing().reopened == 0:  # what was found at last is taken up for those who ask next
            await asyncio.sleep(0.01)
        assert opened == ["first", "second"]
    finally:
        vault.is_over.set()
        await source.close()
