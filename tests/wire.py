"""A wire that is listened to: between a connector and its database, what went each way and how often it turned."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field


@dataclass(slots=True)
class Wire:
    """`journeys`: how often the client spoke after the server had; each is one wait for the network."""

    port: int = 0
    to_server: bytearray = field(default_factory=bytearray)
    to_client: bytearray = field(default_factory=bytearray)
    journeys: int = 0
    _was_server: bool = True
    _ends: list[asyncio.StreamWriter] = field(default_factory=list)
    _carrying: set["asyncio.Task[None]"] = field(default_factory=set)

    def forget(self) -> None:
        """Begin to listen anew."""
        self.to_server.clear()
        self.to_client.clear()
        self.journeys = 0
        self._was_server = True

    def accept(self, port: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """A new connection of the client."""
        self._carrying.add(asyncio.ensure_future(self._carry(port, reader, writer)))

    async def close(self) -> None:
        """Cut what is still connected."""
        for end in self._ends:
            end.close()
        await asyncio.gather(*self._carrying)

    async def _carry(self, port: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there_reader, there_writer = await asyncio.open_connection("127.0.0.1", port)
        self._ends += [writer, there_writer]
        await asyncio.gather(
            self._pump(reader, there_writer, is_server=False), self._pump(there_reader, writer, is_server=True)
        )
        for end in (writer, there_writer):
            with contextlib.suppress(ConnectionError):
                await end.wait_closed()

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, is_server: bool) -> None:
        with contextlib.suppress(ConnectionError):
            while data := await reader.read(65536):
                if not is_server and self._was_server:
                    self.journeys += 1
                self._was_server = is_server
                (self.to_client if is_server else self.to_server).extend(data)
                writer.write(data)
                await writer.drain()
        writer.close()


@asynccontextmanager
async def listened_to(port: int) -> AsyncIterator[Wire]:
    """A wire to the port of the loopback."""
    wire = Wire()
    server = await asyncio.start_server(lambda reader, writer: wire.accept(port, reader, writer), "127.0.0.1", 0)
    wire.port = server.sockets[0].getsockname()[1]
    try:
        yield wire
    finally:
        server.close()
        await wire.close()
