"""A wire to PostgreSQL that breaks inside COMMIT: before the server has it, or after.

It reads PostgreSQL's protocol far enough to know a COMMIT of a writing transaction and its
answer. Cut before, nothing was committed; cut after, everything was, and the client will
never be told. Seeded, and it counts what it did.
"""

from __future__ import annotations

import asyncio
import random
import struct
import threading
from collections import Counter
from collections.abc import Callable
from types import TracebackType
from typing import Final, Literal, Self

COMMIT: Final = b"Q" + struct.pack("!I", 4 + len(b"COMMIT\0")) + b"COMMIT\0"
"""The simple query by which a service ends its writing transaction."""
DONE: Final = b"COMMIT\0"
"""What the server's answer says of a commit that happened."""
ENCRYPT: Final = {80877103, 80877104}
"""Codes of requests for encryption: answered by one byte, then it starts anew."""
CHUNK: Final = 1 << 16
Fate = Literal["carried", "cut before", "cut after"]


class Cut(Exception):
    """The wire breaks here."""


class CommitWire:
    """A TCP proxy for PostgreSQL, in a thread of its own; a context manager."""

    def __init__(self, target: Callable[[], int], seed: int) -> None:
        """Prepare to carry to the port that `target` tells; nothing listens yet."""
        self.port = 0
        self.odds = 0.0
        """How probable it is that a COMMIT is cut; set it at any time."""
        self.fates: Counter[Fate] = Counter()
        self.committed = 0
        """How many of those cut after were answered as committed by the server."""
        self._target = target
        self._random = random.Random(seed)
        self._loop = asyncio.new_event_loop()
        self._ready = threading.Event()
        self._stop = asyncio.Event()
        self._thread = threading.Thread(target=self._run, name="commit wire")

    @property
    def cuts(self) -> int:
        """How many connections were cut inside COMMIT."""
        return self.fates["cut before"] + self.fates["cut after"]

    def __enter__(self) -> Self:
        """Listen on a free port."""
        self._thread.start()
        self._ready.wait()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Cut every connection."""
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join()

    def fate(self) -> Fate:
        """Choose what becomes of a COMMIT."""
        if self._random.random() >= self.odds:
            return "carried"
        return self._random.choice(("cut before", "cut after"))

    def _run(self) -> None:
        self._loop.run_until_complete(self._serve())
        self._loop.close()

    async def _serve(self) -> None:
        connections: set[asyncio.Task[None]] = set()

        def accept(near: asyncio.StreamReader, back: asyncio.StreamWriter) -> None:
            task = self._loop.create_task(self._carry(near, back))
            connections.add(task)
            task.add_done_callback(connections.discard)

        server = await asyncio.start_server(accept, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        self._ready.set()
        await self._stop.wait()
        server.close()
        for task in list(connections):
            task.cancel()
        await asyncio.gather(*connections, return_exceptions=True)

    async def _carry(
        self, near: asyncio.StreamReader, back: asyncio.StreamWriter
    ) -> None:
        """Carry one connection until one end hangs up, or the wire breaks."""
        try:
            far, out = await asyncio.open_connection("127.0.0.1", self._target())
        except OSError:
            back.close()
            return
        doomed = asyncio.Event()
        ways = [
            self._loop.create_task(self._up(near, out, doomed)),
            self._loop.create_task(self._down(far, back, doomed)),
        ]
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for way in ways:
                way.cancel()
            await asyncio.gather(*ways, return_exceptions=True)
            out.close()
            back.close()

    async def _up(
        self,
        near: asyncio.StreamReader,
        out: asyncio.StreamWriter,
        doomed: asyncio.Event,
    ) -> None:
        """Carry what the client says; break at a COMMIT that is to be cut before."""
        await _greeting(near, out)
        while True:
            head = await near.readexactly(5)
            (length,) = struct.unpack("!I", head[1:])
            message = head + await near.readexactly(length - 4)
            if message == COMMIT:
                chosen = self.fate()
                self.fates[chosen] += 1
                if chosen == "cut before":
                    raise Cut
                if chosen == "cut after":
                    doomed.set()
            out.write(message)
            await out.drain()

    async def _down(
        self,
        far: asyncio.StreamReader,
        back: asyncio.StreamWriter,
        doomed: asyncio.Event,
    ) -> None:
        """Carry what the server says; break where it answers a COMMIT to be cut after."""
        while data := await far.read(CHUNK):
            if doomed.is_set():
                self.committed += DONE in data
                raise Cut
            back.write(data)
            await back.drain()


async def _greeting(near: asyncio.StreamReader, out: asyncio.StreamWriter) -> None:
    """Carry what comes before the first typed message: encryption refused, who it is."""
    while True:
        size = await near.readexactly(4)
        (length,) = struct.unpack("!I", size)
        body = await near.readexactly(length - 4)
        out.write(size + body)
        await out.drain()
        (code,) = struct.unpack("!I", body[:4])
        if code not in ENCRYPT:
            return
