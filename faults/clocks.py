"""Clocks that jump: a node, or PostgreSQL, hours ahead or behind; the others keep theirs.

`libfaketime` stands between a process and its clock, and reads how far off it is from a
file, which is changed while the process runs. The monotonic clock stays true, as it does
when an operator or NTP sets the clock of a machine.
"""

from __future__ import annotations

import asyncio
import os
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Final

import asyncpg
import grpc

from deploy.embedded.line import Line
from ducha.assignment.v1 import assignment_pb2 as pb
from ducha.assignment.v1 import assignment_service_pb2 as api
from faults.rigs import Rig, Stage, options
from faults.scenario import Context, Outcome, Scenario
from tests.journeys.running import Running

CLOCKS: Final = "clocks"
NODES: Final = ("province", "city", "county", "township")
SERVER: Final = "postgres"
BETWEEN: Final = ("city", "county")
"""Nodes that something passes on its way."""
HOURS: Final = (-48, -6, -1, 1, 6, 48)
AHEAD: Final = (2, 6, 48)
ALL_AT_ONCE: Final = 0.25
SLACK: Final = timedelta(minutes=5)
NOW: Final = "SELECT clock_timestamp()"


def library() -> Path | None:
    """Return the library that bends the clock; None if it is not installed."""
    found = find_spec("libfaketime")
    if found is None or found.origin is None:
        return None
    places = Path(found.origin).parent.rglob("libfaketime*.so.1")
    return next(iter(sorted(places)), None)


def needs() -> str:
    """Say why no clock can be bent here; empty if it can."""
    return "" if library() else "libfaketime is not installed"


@dataclass(slots=True)
class Clocks:
    """How far off every clock is; each is a small file that its process reads."""

    place: Path
    library: Path

    def bend(self, name: str, off: timedelta = timedelta()) -> None:
        """Put a clock so far off, from now on."""
        new = self.place / f"{name}.new"
        new.write_text(f"{off.total_seconds():+.0f}\n")
        new.replace(self.place / name)

    def prefix(self, name: str) -> tuple[str, ...]:
        """Return what a program is started through to have this clock."""
        return ("env", *(f"{key}={value}" for key, value in self.told(name).items()))

    def told(self, name: str) -> dict[str, str]:
        """Return the environment of a program with this clock."""
        return {
            "LD_PRELOAD": str(self.library),
            "FAKETIME_TIMESTAMP_FILE": str(self.place / name),
            "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        }


@contextmanager
def _with_clocks(data: Path, *, walls: bool, rate: float = 1.0) -> Iterator[Stage]:
    """Start a line, then every part of it again with a clock of its own."""
    found = library()
    if found is None:
        raise RuntimeError(needs())
    place = data / CLOCKS
    place.mkdir()
    clocks = Clocks(place, found)
    for name in (*NODES, SERVER):
        clocks.bend(name)
    told = replace(options(), walls=walls, clock_rate=rate)
    with Line(data / "line", options=told) as line:
        line.stop_node(SERVER)
        with _environment(clocks.told(SERVER)):
            line.start_node(SERVER)
        for name in NODES:
            line.stop_node(name)
            service = line.services[name]
            service.program = replace(service.program, prefix=clocks.prefix(name))
            line.start_node(name)
        yield Stage(Running(line), around={CLOCKS: clocks})


BENT: Final = Rig("clocks", partial(_with_clocks, walls=False))
"""One node a tier; each node and PostgreSQL with a clock that can be put off.

Without walls: behind them a clock that is hours off refuses every token there is, and
the flow could not go on.
"""
WALLED: Final = Rig("clocks-walled", partial(_with_clocks, walls=True))
"""The same with walls."""
RATE: Final = 3600.0
FAST: Final = Rig("clocks-fast", partial(_with_clocks, walls=False, rate=RATE))
"""Without walls, and an hour of the nodes' time takes a second."""


async def jump(context: Context) -> Outcome:
    """Put clocks off by hours, either way, work, and put them right again: two jumps."""
    clocks, outcome, line = clocks_of(context), context.outcome, context.stage.line
    pids = [part.pid for part in line.components().values()]
    while not context.is_over:
        await context.work(context.rng.randint(5, 30))
        off = timedelta(hours=context.rng.choice(HOURS))
        names = [context.rng.choice((*NODES, SERVER))]
        if context.rng.random() < ALL_AT_ONCE:
            names = context.rng.sample((*NODES, SERVER), 3)
        context.tell(f"{', '.join(names)}: {off.total_seconds() / 3600:+.0f} h")
        for name in names:
            clocks.bend(name, off)
        jumped = time.monotonic()
        await context.recover(jumped)
        await note(context, names, off)
        for name in names:
            clocks.bend(name)
        await context.recover(time.monotonic())
    if pids != [part.pid for part in line.components().values()]:
        outcome.problems.append("a part ended because its clock jumped")
    return outcome


async def refuse(context: Context) -> Outcome:
    """Put a node's clock ahead: people's tokens are over there, and facts still pass it.

    The certificates of nodes outlast the jump, so that its links carry on; from the
    moment its clock is right again it takes the same tokens.
    """
    clocks, outcome, office = clocks_of(context), context.outcome, context.flow.office
    town = context.flow.towns[0]
    while not context.is_over:
        name = context.rng.choice(BETWEEN)
        off = timedelta(hours=context.rng.choice(AHEAD))
        context.tell(f"{name}: {off.total_seconds() / 3600:+.0f} h, behind walls")
        clocks.bend(name, off)
        await note(context, [name], off)
        if await _is_shut_out(context, name):
            outcome.saw("tokens refused where the clock was ahead")
        else:
            outcome.problems.append(f"{name} took a token that was over by its clock")
        item = await office.issue(town[:2], within=[town])
        await office.until(NODES[-1], item, [town], pb.ASSIGNMENT_STATE_ISSUED)
        await office.report(item, [town])
        await office.until(NODES[0], item, [town], pb.ASSIGNMENT_STATE_REPORTED)
        outcome.saw("items and reports that passed it meanwhile", 2)
        clocks.bend(name)
        await context.recover(time.monotonic())
    return outcome


async def _is_shut_out(context: Context, name: str) -> bool:
    """Whether a node says that our token is no longer good."""
    desk = context.flow.office.desks[name]
    try:
        await desk.assignments.ListItems(api.ListItemsRequest(page_size=1), timeout=10)
    except grpc.aio.AioRpcError as refused:
        return refused.code() is grpc.StatusCode.UNAUTHENTICATED
    return False


async def note(context: Context, names: list[str], off: timedelta) -> None:
    """Count the jumps that bit: by what a part itself says the time is."""
    outcome = context.outcome
    for name in names:
        seen = await _shown(context, name)
        if abs(seen - datetime.now(UTC) - off) < SLACK:
            outcome.injections += 1
            outcome.saw(f"{name} told another time")
        else:
            outcome.missed += 1


async def _shown(context: Context, name: str) -> datetime:
    """Return the time by a part's clock, as it tells whoever asks."""
    line = context.stage.line
    if name != SERVER:
        address = line.site.addresses[name].http
        return await asyncio.to_thread(_http_date, f"http://{address}/livez")
    if line.postgres is None:
        raise RuntimeError("this line has no PostgreSQL of its own")
    connection = await asyncpg.connect(line.postgres.dsn(SERVER))
    try:
        shown: datetime = await connection.fetchval(NOW)
        return shown
    finally:
        await connection.close()


def _http_date(url: str) -> datetime:
    with urllib.request.urlopen(url, timeout=5) as answer:  # noqa: S310 - loopback
        return parsedate_to_datetime(answer.headers["Date"])


def clocks_of(context: Context) -> Clocks:
    """Return the clocks of the line that a scenario plays on."""
    clocks = context.stage.around[CLOCKS]
    if not isinstance(clocks, Clocks):
        raise TypeError("this line has no clocks of its own")
    return clocks


@contextmanager
def _environment(told: dict[str, str]) -> Iterator[None]:
    """Start what is started meanwhile with more in its environment."""
    before = {name: os.environ.get(name) for name in told}
    os.environ.update(told)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


SCENARIOS = (
    Scenario(
        "clock-jumps",
        "clocks of nodes and of PostgreSQL jump by hours, and back",
        jump,
        wanted=12,
        in_slice=2,
        rig=BENT,
        needs=needs,
        seconds=150.0,
    ),
    Scenario(
        "clock-walls",
        "a node's clock jumps hours ahead, behind walls",
        refuse,
        wanted=4,
        rig=WALLED,
        needs=needs,
        is_steady=False,
        seconds=90.0,
    ),
)
