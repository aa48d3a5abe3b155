"""Batches -> the database, beside the event loop: in the writer's thread, or on the loop itself where it may wait.

A thread that has the interpreter's lock to wait for begins its write only when the callers of the last one have all run
on. A server that answers on a socket needs no thread: the batch is under way before anybody runs on, and its answer is
looked at when it is there.
"""

import asyncio
from collections.abc import Sequence

from gateway.audit._thread import WriterThread
from gateway.audit.encoded import EncodedEntry
from gateway.audit.sequencer import Receipts, Sending, Sequencer
from gateway.store import Sent, SentHold, StoreFailed
from gateway.time_limit import TimeLimit


class BatchWriter:
    """The writer of one process. One batch at a time."""

    def __init__(self, sequencer: Sequencer, patience_seconds: float) -> None:
        self._sequencer = sequencer
        self._patience_seconds = patience_seconds  # how long a server may be silent
        self._delivering: asyncio.Task[Receipts] | None = None
        self.thread = WriterThread("audit-writer")  # for whatever else blocks, while no batch is written

    def write(self, entries: Sequence[EncodedEntry]) -> "asyncio.Future[Receipts]":
        """The receipts once the entries are durable; StoreFailed (or whatever else went wrong): nothing is known."""
        loop = asyncio.get_running_loop()
        try:
            sending = self._sequencer.send(entries)
            hold = self._sequencer.send_hold() if sending is None else None
        except StoreFailed as error:
            failed: asyncio.Future[Receipts] = loop.create_future()
            failed.set_exception(error)
            return failed
        if sending is None and hold is None:
            return self.thread.run(lambda: self._sequencer.append(entries))
        self._delivering = loop.create_task(self._delivered(sending, hold, entries), name="audit-batch")
        return self._delivering

    async def _delivered(
        self, sending: Sending | None, hold: SentHold | None, entries: Sequence[EncodedEntry]
    ) -> Receipts:
        try:
            if sending is not None:
                await _answered(sending.sent, self._patience_seconds)
                receipts = self._sequencer.arrived(sending)
                if receipts is not None:
                    return receipts
                hold = self._sequencer.send_hold()  # another replica moved the head: behind it, in turn
            if hold is not None:
                await _answered(hold, self._patience_seconds)
                sending = self._sequencer.send_behind(hold, entries)
                if sending is not None:
                    await _answered(sending.sent, self._patience_seconds)
                    receipts = self._sequencer.arrived(sending)
                    if receipts is not None:
                        return receipts
        except BaseException:
            self._sequencer.forget()  # an answer that comes late must not be taken for another's
            raise
        return await self.thread.run(lambda: self._sequencer.append(entries))

    async def give_up(self) -> None:
        """Wait no longer for what is under way; it may become durable all the same."""
        if self._delivering is not None and not self._delivering.done():
            self._delivering.cancel()
            await asyncio.wait([self._delivering])


async def _answered(sent: Sent, patience_seconds: float) -> None:
    """Return when the server's answer is there; raises StoreFailed."""
    loop = asyncio.get_running_loop()
    over: asyncio.Future[None] = loop.create_future()
    writes = False

    def go_on() -> None:
        nonlocal writes
        if over.done():
            return
        try:
            is_over = sent.go_on()
        except StoreFailed as error:
            over.set_exception(error)
            return
        if is_over:
            over.set_result(None)
        elif sent.has_more != writes:
            writes = sent.has_more
            if writes:
                loop.add_writer(sent.socket, go_on)
            else:
                loop.remove_writer(sent.socket)

    loop.add_reader(sent.socket, go_on)
    try:
        go_on()
        with TimeLimit(loop.time() + patience_seconds):
            await over
    except TimeoutError:
        raise StoreFailed("the server is silent") from None
    finally:
        loop.remove_reader(sent.socket)
        loop.remove_writer(sent.socket)
