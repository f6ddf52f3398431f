"""A wire that loses: between every node and NATS, it drops and repeats whole messages.

It reads the NATS protocol far enough to know where a message ends. Only what travels on
the subjects of the links is touched, in both directions: what a node publishes, and what
the server delivers. Seeded, and it counts what it did.
"""

from __future__ import annotations

import asyncio
import random
import threading
from collections import Counter
from dataclasses import dataclass
from types import TracebackType
from typing import Final, Self

LINKS: Final = (b"ducha.dn.", b"ducha.up.")
VERBS: Final = {b"PUB", b"HPUB", b"MSG", b"HMSG"}
LINE_BYTES: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class Odds:
    """How often a message is lost, and how often it comes twice."""

    drop: float = 0.3
    repeat: float = 0.1
    seed: int = 20200501


class LossyWire:
    """A TCP proxy for NATS, in a thread of its own; a context manager."""

    def __init__(self, target: int, odds: Odds | None = None) -> None:
        """Prepare to carry to a port of this machine; nothing listens yet."""
        self.port = 0
        self.fates: Counter[tuple[str, str]] = Counter()
        """How many messages had which fate, by verb: (PUB, dropped) and so on."""
        self._target = target
        self._odds = odds or Odds()
        self._random = random.Random(self._odds.seed)
        self._loop = asyncio.new_event_loop()
        self._ready = threading.Event()
        self._stop = asyncio.Event()
        self._thread = threading.Thread(target=self._run, name="lossy wire")

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

    @property
    def url(self) -> str:
        """Where nodes connect instead of the server."""
        return f"nats://127.0.0.1:{self.port}"

    def count(self, fate: str) -> int:
        """Return how many messages had a fate."""
        return sum(times for (_, one), times in self.fates.items() if one == fate)

    def _run(self) -> None:
        self._loop.run_until_complete(self._serve())
        self._loop.close()

    async def _serve(self) -> None:
        connections: set[asyncio.Task[None]] = set()

        def accept(near: asyncio.StreamReader, back: asyncio.StreamWriter) -> None:
            connections.add(self._loop.create_task(self._carry(near, back)))

        server = await asyncio.start_server(accept, "127.0.0.1", 0, limit=LINE_BYTES)
        self.port = server.sockets[0].getsockname()[1]
        self._ready.set()
        await self._stop.wait()
        server.close()
        for task in connections:
            task.cancel()
        await asyncio.gather(*connections, return_exceptions=True)

    async def _carry(
        self, near: asyncio.StreamReader, back: asyncio.StreamWriter
    ) -> None:
        """Carry one connection, both ways, until one end hangs up."""
        try:
            far, out = await asyncio.open_connection(
                "127.0.0.1", self._target, limit=LINE_BYTES
            )
        except OSError:
            back.close()
            return
        ways = [
            self._loop.create_task(self._pump(near, out)),
            self._loop.create_task(self._pump(far, back)),
        ]
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for way in ways:
                way.cancel()
            await asyncio.gather(*ways, return_exceptions=True)
            out.close()
            back.close()

    async def _pump(
        self, source: asyncio.StreamReader, sink: asyncio.StreamWriter
    ) -> None:
        """Carry frame by frame: a line, and its payload if it announces one."""
        while line := await source.readline():
            words = line.split()
            frame = line
            if words and words[0].upper() in VERBS:
                frame += await source.readexactly(int(words[-1]) + 2)
            for _ in range(self._times(words)):
                sink.write(frame)
            await sink.drain()

    def _times(self, words: list[bytes]) -> int:
        """Decide how often a frame goes on: 0, 1 or 2 times; 1 unless it is of a link."""
        ours = len(words) > 1 and words[1].startswith(LINKS)
        if not ours or words[0].upper() not in VERBS:
            return 1
        draw = self._random.random()
        fate, times = "carried", 1
        if draw < self._odds.drop:
            fate, times = "dropped", 0
        elif draw < self._odds.drop + self._odds.repeat:
            fate, times = "repeated", 2
        self.fates[words[0].decode().upper(), fate] += 1
        return times
