"""A disk is full: under PostgreSQL, under NATS, under the logs; then there is room again.

Each of the three has a small file system of its own in the line's data directory. A file
takes the last of its space while work is under way, and goes away a little later.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import Final

import asyncpg

from deploy.embedded.line import Line
from faults.places.disk import SmallDisk, needs
from faults.rigs import Rig, Stage, options
from faults.scenario import Context, Outcome, Play, Scenario
from tests.journeys.running import Running

MEGABYTES: Final = {"postgres": 640, "nats": 48, "logs": 16}
"""Sizes of the three: each holds what the line needs to start, and not much more."""
SHORT: Final = 1.0
LONG: Final = 4.0
WAL_SHARE: Final = 0.4
SEGMENTS: Final = 8
"""More than PostgreSQL keeps ready beforehand."""


@contextmanager
def _on_small_disks(data: Path) -> Iterator[Stage]:
    """Start a line whose databases, streams and logs lie on small disks."""
    with ExitStack() as stack:
        disks: dict[str, object] = {}
        for name, size in MEGABYTES.items():
            disk = SmallDisk(data / f"{name}.img", data / "line" / name, size)
            disk.open()
            stack.callback(disk.close)
            disks[name] = disk
        line = stack.enter_context(Line(data / "line", options=options()))
        yield Stage(Running(line), around=disks)


SMALL_DISKS: Final = Rig("small-disks", _on_small_disks)
"""One node a tier; PostgreSQL, NATS and the logs each on a small disk."""


async def under_postgres(context: Context) -> Outcome:
    """Fill the disk of all databases; now and then the log of PostgreSQL has no room too."""
    line, outcome = context.stage.line, context.outcome
    disk = _disk(context, "postgres")
    while not context.is_over:
        await context.work(context.rng.randint(5, 40))
        before = _refused(context)
        await asyncio.to_thread(disk.fill)
        if context.rng.random() < WAL_SHARE:
            await _want_a_segment(context)
        await context.pause(SHORT, LONG)
        crashed = not line.components()["postgres"].is_running
        context.tell(f"full: {_refused(context) - before} calls refused")
        healed = await _heal(context, disk)
        _note(
            outcome,
            bit=crashed or _refused(context) > before,
            signs={
                "calls refused while it was full": _refused(context) - before,
                "times PostgreSQL ended for want of room": int(crashed),
            },
        )
        await context.recover(healed)
    return outcome


async def under_nats(context: Context) -> Outcome:
    """Fill the disk of all streams: the road stays frozen when there is room again.

    First the repair road is timed by itself, then the server is restarted, as its
    supervisor or operator would, and the streams must be whole.
    """
    stage, outcome = context.stage, context.outcome
    disk = _disk(context, "nats")
    while not context.is_over:
        await context.work(context.rng.randint(5, 40))
        await asyncio.to_thread(disk.fill)
        await context.pause(SHORT, LONG)
        ill = not await _is_well(stage)
        healed = await _heal(context, disk)
        await context.recover(healed)
        frozen = not await _is_well(stage)
        healed = await context.revive("nats")
        _note(
            outcome,
            bit=ill,
            signs={
                "times NATS could not write": int(ill),
                "times it stayed frozen with room again, until restarted": int(frozen),
            },
        )
        if not await _is_well(stage):
            outcome.problems.append("NATS is ill after a restart with room")
        await context.recover(healed)
    return outcome


async def under_the_logs(context: Context) -> Outcome:
    """Fill the disk of the logs: nobody stops for want of a line, and lines come again."""
    stage, outcome = context.stage, context.outcome
    disk = _disk(context, "logs")
    while not context.is_over:
        await context.work(context.rng.randint(5, 40))
        await asyncio.to_thread(disk.fill)
        pids = {part.pid for part in stage.line.components().values()}
        full, work = _logged(disk), context.flow.done
        await context.pause(SHORT, LONG)
        stood = _logged(disk) == full and disk.free == 0
        worked = context.flow.done - work
        healed = await _heal(context, disk)
        await context.recover(healed)
        _note(
            outcome,
            bit=stood,
            signs={
                "times no log could grow": int(stood),
                "operations acknowledged meanwhile": worked,
            },
        )
        if pids != {part.pid for part in stage.line.components().values()}:
            outcome.problems.append("a part ended because it could not log")
    return outcome


def _disk(context: Context, name: str) -> SmallDisk:
    disk = context.stage.around[name]
    if not isinstance(disk, SmallDisk):
        raise TypeError(f"{name} lies on no small disk")
    return disk


async def _heal(context: Context, disk: SmallDisk) -> float:
    """Give the space back, start what ended; return when, on the monotonic clock."""
    await asyncio.to_thread(disk.relieve)
    healed = time.monotonic()
    for name, part in context.stage.line.components().items():
        if not part.is_running:
            healed = await context.revive(name)
    return healed


def _note(outcome: Outcome, *, bit: bool, signs: Mapping[str, int]) -> None:
    if bit:
        outcome.injections += 1
    else:
        outcome.missed += 1
    for sign, times in signs.items():
        outcome.saw(sign, times)


def _refused(context: Context) -> int:
    """How many calls failed and were repeated so far."""
    return sum(context.flow.office.errors.values())


def _logged(disk: SmallDisk) -> int:
    return sum(file.stat().st_size for file in disk.place.glob("*.log"))


async def _want_a_segment(context: Context) -> None:
    """Have PostgreSQL begin a new segment of its log, for which there is no room."""
    postgres = context.stage.line.postgres
    if postgres is None:
        return
    with contextlib.suppress(asyncpg.PostgresError, asyncpg.InterfaceError, OSError):
        connection = await asyncpg.connect(postgres.dsn("postgres"))
        try:
            for _ in range(SEGMENTS):
                await connection.execute(
                    "SELECT pg_logical_emit_message(true, 'x', '')"
                )
                await connection.execute("SELECT pg_switch_wal()", timeout=5)
        finally:
            connection.terminate()


async def _is_well(stage: Stage) -> bool:
    """Whether NATS says that all its streams can be written."""
    nats = stage.line.nats
    if nats is None:
        return False

    def ask() -> bool:
        try:
            url = f"{nats.monitor_url}/healthz"
            urllib.request.urlopen(url, timeout=5).close()  # noqa: S310 - loopback
        except (urllib.error.URLError, OSError):
            return False
        return True

    return await asyncio.to_thread(ask)


def _scenario(name: str, fault: str, play: Play, wanted: int) -> Scenario:
    lacks = partial(needs, power=False)
    return Scenario(name, fault, play, wanted, rig=SMALL_DISKS, needs=lacks)


SCENARIOS = (
    _scenario("full-postgres", "disk full under PostgreSQL", under_postgres, 8),
    _scenario("full-nats", "disk full under NATS", under_nats, 4),
    _scenario("full-logs", "disk full under the logs", under_the_logs, 4),
)
