"""Memory that long answers leave free goes back to the system, and is asked for only where that is worth it."""

import ctypes
import threading

import pytest

from gateway.cli import memory
from gateway.cli.memory import WORTH_BYTES, MemoryKeeper, giving_memory_back, held_bytes


def test_it_is_asked_for_where_memory_has_grown_since_the_last_time() -> None:
    held, given = [100 * WORTH_BYTES], []
    keeper = MemoryKeeper(lambda: held[0], lambda: given.append(held[0]))
    assert not keeper.look()
    held[0] += WORTH_BYTES - 1
    assert not keeper.look()
    held[0] += 1
    assert keeper.look()
    assert given == [101 * WORTH_BYTES]
    assert not keeper.look(), "what stayed is in use"
    held[0] -= WORTH_BYTES
    assert not keeper.look()
    held[0] += WORTH_BYTES
    assert keeper.look(), "from the least that was held since"


def test_what_is_free_in_the_midst_of_a_heap_goes_back(monkeypatch: pytest.MonkeyPatch) -> None:
    looked = threading.Event()

    def look(self: MemoryKeeper) -> bool:
        worth = real(self)
        looked.set()
        return worth

    real = MemoryKeeper.look
    monkeypatch.setattr(memory, "LOOKS_EACH_SECONDS", 0.01)
    monkeypatch.setattr(memory, "WORTH_BYTES", 0)
    pieces = [bytes(1_000) for _ in range(120_000)]
    kept = pieces[::100]  # no heap ends before the last of them
    full = held_bytes()
    del pieces
    monkeypatch.setattr(MemoryKeeper, "look", look)
    with giving_memory_back():
        assert looked.wait(10)
    assert held_bytes() < full - 60_000_000
    assert len(kept) == 1_200


def test_another_c_library_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ctypes, "CDLL", lambda _: object())
    before = threading.active_count()
    with giving_memory_back():
        assert threading.active_count() == before
