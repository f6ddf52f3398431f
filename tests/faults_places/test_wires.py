"""Wires between places: what their weather does to packets, and to a conversation."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest

from faults.wire.far import Wires
from faults.wire.spaces import lacks
from faults.wire.weather import FAIR, FOUL, Weather, Wire

LACKS = lacks()
needs_spaces = (
    pytest.mark.skipif(  # house: proofs - not every machine lends this; it says why
        bool(LACKS), reason=LACKS or "it can"
    )
)
PACKETS = 20_000
TALK = """
import socket, sys
with socket.create_connection((sys.argv[1], int(sys.argv[2])), timeout=2) as line:
    line.sendall(b"hello")
    print(line.recv(5).decode())
"""


def test_foul_weather_is_as_foul_as_it_says() -> None:
    """30% lost, 10% repeated, delays within their spread, some out of order."""
    wire = Wire("test")
    wire.weather = FOUL
    fates = [wire.fate("up") for _ in range(PACKETS)]
    delays = [delay for fate in fates for delay in fate]

    assert wire.fates["up lost"] / PACKETS == pytest.approx(FOUL.loss, abs=0.02)
    carried = wire.fates["up carried"]
    assert wire.fates["up repeated"] / carried == pytest.approx(FOUL.repeat, abs=0.02)
    assert 0 <= min(delays) < max(delays) <= FOUL.delay + FOUL.spread
    assert delays != sorted(delays)
    assert len(delays) == carried + wire.fates["up repeated"]


def test_the_same_seed_is_the_same_weather() -> None:
    """A run can be played again."""
    first, second, other = Wire("one"), Wire("one"), Wire("other")
    for wire in (first, second, other):
        wire.weather = FOUL
    told = [[wire.fate("up") for _ in range(100)] for wire in (first, second, other)]

    assert told[0] == told[1] != told[2]


def test_a_way_that_is_cut_lets_nothing_pass_and_the_other_everything() -> None:
    """One-way cuts are what routing faults look like."""
    wire = Wire("test")
    wire.weather = Weather(cut=("up",))
    fates = [(wire.fate("up"), wire.fate("down")) for _ in range(100)]

    assert set(fates) == {((), (0.0,))}
    assert wire.fates == {"up cut": 100, "down carried": 100}


@pytest.fixture
async def echo() -> AsyncIterator[asyncio.Server]:
    """Whoever says hello is told the same."""

    async def answer(near: asyncio.StreamReader, back: asyncio.StreamWriter) -> None:
        back.write(await near.read(5))
        await back.drain()
        back.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        yield server


@pytest.fixture
def wires() -> Iterator[Wires]:
    """A world that ends with the test."""
    with Wires("test") as world:
        yield world


async def talk(net: str, hub: str, port: int) -> str:
    """Say hello from a place to the other end of its wire; return the answer, if any."""
    command = ["nsenter", f"--net={net}", sys.executable, "-I", "-c", TALK]
    command += [hub, str(port)]

    def run() -> str:
        done = subprocess.run(
            command, check=False, capture_output=True, text=True, timeout=30
        )
        return done.stdout.strip()

    return await asyncio.to_thread(run)


@needs_spaces
@pytest.mark.parametrize("cut", [("up",), ("down",), ("up", "down")])
async def test_a_wire_is_cut_and_heals(
    wires: Wires, echo: asyncio.Server, cut: tuple[str, ...]
) -> None:
    """A conversation needs both ways."""
    port = int(echo.sockets[0].getsockname()[1])
    net, hub = wires.place("far", [port], [])
    before = await talk(net, hub, port)
    wires.weather("far", Weather(cut=cut))  # type: ignore[arg-type] # of Way
    during = await talk(net, hub, port)
    fates = wires.fates("far")
    wires.weather("far", FAIR)
    after = await talk(net, hub, port)

    assert (before, during, after) == ("hello", "", "hello")
    assert any(fate.endswith("cut") and times for fate, times in fates.items())


@needs_spaces
async def test_a_world_leaves_nothing_behind(echo: asyncio.Server) -> None:
    """Namespaces have no names, and go with the process that made them."""
    port = int(echo.sockets[0].getsockname()[1])
    with Wires("test") as world:
        net, hub = world.place("far", [port], [])
        lived = await talk(net, hub, port)

    assert lived == "hello"
    assert not Path(net).exists()
    assert not any(name.startswith("wire") for name in _interfaces())


def _interfaces() -> list[str]:
    read: Callable[[], str] = Path("/proc/net/dev").read_text
    return [line.split(":")[0].strip() for line in read().splitlines()[2:]]
