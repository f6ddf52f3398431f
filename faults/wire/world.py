"""A small world of networks: `python -m faults.wire.world`, told and asked by JSON lines.

Every node that is to be far away gets a namespace; a wire of two TUN devices leads from
it to the hub, where the parent's door and NATS are reached at the wire's near end. All
packets pass here, and the weather of each wire says what becomes of them. The node itself
is reached over a bridge that has no weather: whoever calls it sits beside it.

Orders, a line each: `{"far": NAME, "doors": [PORT...], "own": [PORT...]}` makes a
place and answers where it is; `{"wire": NAME, "weather": {...}}` changes a weather;
`{"fates": NAME}` answers what became of packets. The end of the input ends it all.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import socket
import sys
from collections.abc import Callable
from typing import Any, Final

from faults.wire.spaces import Space, dialling, listening
from faults.wire.weather import Way, Weather, Wire

LOOPBACK: Final = "127.0.0.1"
NET: Final = "10.98"
PACKET_BYTES: Final = 65_536
BURST: Final = 64
"""Packets taken from a device before others have their turn."""
CHUNK_BYTES: Final = 65_536


class World:
    """The hub, and every place far from it."""

    def __init__(self, seed: str) -> None:
        """Begin with nothing but a hub."""
        self._hub = Space()
        self._far: dict[str, Space] = {}
        self._wires: dict[str, Wire] = {}
        self._seed = seed
        self._loop = asyncio.get_running_loop()
        self._kept: set[asyncio.Task[None]] = set()

    def obey(self, order: dict[str, Any]) -> dict[str, Any]:
        """Do what a line says; return the answer."""
        match order:
            case {"far": str(name), "doors": list(doors), "own": list(own)}:
                return self._make(name, doors, own)
            case {"wire": str(name), "weather": dict(told)}:
                cut: tuple[Way, ...] = tuple(told.pop("cut", ()))
                self._wires[name].weather = Weather(**told, cut=cut)
                return {}
            case {"fates": str(name)}:
                return dict(self._wires[name].fates)
            case _:
                return {"refused": "no such order"}

    def _make(self, name: str, doors: list[int], own: list[int]) -> dict[str, Any]:
        """Make a place `name`, with a wire to the hub's `doors`, serving on `own` ports."""
        number = len(self._far) + 1
        near, far = f"{NET}.{number}.1", f"{NET}.{number}.2"
        space = self._far[name] = Space()
        wire = self._wires[name] = Wire(f"{self._seed} {name}")
        up = space.tun("wire", far, near)
        down = self._hub.tun(f"wire{number}", near, far)
        self._carry(up, down, wire, "up")
        self._carry(down, up, wire, "down")
        for port in doors:  # over the wire, then to whoever serves on our loopback
            self._bridge(self._hub.listen(near, port), dialling, port)
        for port in own:  # beside the node: no weather
            self._bridge(listening(LOOPBACK, port), space.dial, port)
        return {"net": space.path, "hub": near}

    def _carry(self, source: int, sink: int, wire: Wire, way: Way) -> None:
        """Take packets as they come, and give each to the other end when its time is."""

        def arrived() -> None:
            for _ in range(BURST):
                try:
                    packet = os.read(source, PACKET_BYTES)
                except BlockingIOError:
                    return
                for delay in wire.fate(way):
                    if delay:
                        self._loop.call_later(delay, _give, sink, packet)
                    else:
                        _give(sink, packet)

        self._loop.add_reader(source, arrived)

    def _bridge(
        self, server: socket.socket, dial: Callable[[], socket.socket], port: int
    ) -> None:
        """Carry every connection that `server` takes on to a port of a loopback."""

        async def serve() -> None:
            while True:
                taken, _ = await self._loop.sock_accept(server)
                taken.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                self._keep(self._connect(taken, dial, port))

        self._keep(serve())

    def _keep(self, work: Any) -> None:
        task = self._loop.create_task(work)
        self._kept.add(task)
        task.add_done_callback(self._kept.discard)

    async def _connect(
        self, taken: socket.socket, dial: Callable[[], socket.socket], port: int
    ) -> None:
        """Carry one connection until one end hangs up; nobody there: hang up."""
        with taken, dial() as other, contextlib.suppress(OSError):
            await self._loop.sock_connect(other, (LOOPBACK, port))
            ways = [
                self._loop.create_task(self._pump(taken, other)),
                self._loop.create_task(self._pump(other, taken)),
            ]
            try:
                await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for way in ways:
                    way.cancel()
                await asyncio.gather(*ways, return_exceptions=True)

    async def _pump(self, source: socket.socket, sink: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := await self._loop.sock_recv(source, CHUNK_BYTES):
                await self._loop.sock_sendall(sink, data)


def _give(sink: int, packet: bytes) -> None:
    with contextlib.suppress(OSError):  # a full queue loses packets too
        os.write(sink, packet)


async def _run() -> None:
    world = World(sys.argv[1] if len(sys.argv) > 1 else "")
    loop = asyncio.get_running_loop()
    orders = asyncio.StreamReader()
    await loop.connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(orders), sys.stdin
    )
    while line := await orders.readline():
        answer = world.obey(json.loads(line))
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    asyncio.run(_run())
