"""The power of a whole machine is cut: every process dies, the disk loses its cache.

The line's data directory, all of it, is an ext4 file system on a `PowerDisk`: databases,
NATS' streams, ports, keys. At the cut the disk stops obeying, then everything is killed,
then a new supervisor starts the line on what the disk holds.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from deploy.embedded.line import Line
from faults.places import alone
from faults.places.disk import PowerDisk, needs
from faults.places.subjects import NatsAlone, PostgresAlone
from faults.rigs import Rig, Stage, options
from faults.scenario import Context, Outcome, Scenario
from faults.verdict import Verdict
from tests.journeys.running import Running

DISK = "disk"
MEGABYTES = 4096
"""Sparse: only what is written takes room."""
CONTROLS = 2
WRITE_SECONDS = 1.0


@contextmanager
def _on_a_power_disk(data: Path) -> Iterator[Stage]:
    """Start a line whose whole data directory can lose its power."""
    disk = PowerDisk(data, data / "line", MEGABYTES)
    disk.open()
    stage: Stage | None = None
    try:
        stage = Stage(Running(Line(disk.place, options=options())))
        stage.around[DISK] = disk
        stage.line.start()
        yield stage
    finally:
        if stage is not None:
            _stop(stage.line)
        disk.close()


POWER = Rig("power", _on_a_power_disk)
"""One node a tier, all on a disk whose power can be cut."""


async def of_the_machine(context: Context) -> Outcome:
    """Cut the power of everything, in the midst of work, and start it again."""
    stage, outcome = context.stage, context.outcome
    disk = stage.around[DISK]
    if not isinstance(disk, PowerDisk):
        raise TypeError("this line has no power disk")
    while not context.is_over:
        await context.work(context.rng.randint(5, 60))
        await context.pause(0.0, 0.3)
        context.tell("power cut")
        pids = [part.pid for part in stage.line.components().values()]
        loss = await asyncio.to_thread(disk.cut, context.rng.getrandbits(32))
        await asyncio.to_thread(_die, stage.line)
        await asyncio.to_thread(disk.restore)
        began = time.monotonic()
        stage.running.line = Line(disk.place, options=options())
        await asyncio.to_thread(stage.line.start)
        healed = time.monotonic()
        outcome.restarts.append(healed - began)
        _note(outcome, stage.line, pids)
        outcome.saw("flushes the disk had obeyed", loss.flushes)
        outcome.saw("unflushed writes at the cut", loss.writes)
        outcome.saw("sectors of them lost", loss.sectors_lost)
        await context.recover(healed)
    return outcome


def _stop(line: Line) -> None:
    """Stop a line; one whose disk is dead cannot even say good-bye."""
    try:
        line.stop()
    except OSError:
        _die(line)


def _die(line: Line) -> None:
    """Kill every part; the supervisor goes without a word, as it would."""
    for part in line.components().values():
        part.kill()
    line._lock.release()  # noqa: SLF001 - a dead supervisor holds no lock


def _note(outcome: Outcome, line: Line, before: Sequence[int]) -> None:
    """Count the cut: nobody who worked before it still does."""
    after = {part.pid for part in line.components().values()}
    if after.isdisjoint(before):
        outcome.injections += 1
        outcome.saw("processes that died at a cut", len(before))
    else:
        outcome.missed += 1


async def of_a_server(
    context: Context, make: alone.Make, control: alone.Make, controlled: str
) -> Outcome:
    """Cut the power of one server many times; then of the control, which must lose."""
    outcome = context.outcome
    seed = context.rng.getrandbits(24)
    for place in ("kept", "control"):
        (context.scratch / place).mkdir()
    tally = await alone.cuts(
        make, context.scratch / "kept", context.wanted, seed=seed, seconds=WRITE_SECONDS
    )
    outcome.injections, outcome.missed = tally.bit, len(tally.losses) - tally.bit
    outcome.saw("cuts that took unflushed writes", tally.bit)
    outcome.figures["acknowledged, lost"] = f"{tally.acknowledged}, {tally.lost}"
    if tally.lost or tally.made_up:
        outcome.problems.append(
            f"lost {tally.lost} of {tally.acknowledged}, made up {tally.made_up}"
        )
    told = await alone.cuts(
        control, context.scratch / "control", CONTROLS, seed=seed, seconds=WRITE_SECONDS
    )
    outcome.figures[f"control, {controlled}: acknowledged, lost"] = (
        f"{told.acknowledged}, {told.lost}"
    )
    if not told.lost:
        outcome.problems.append(f"the control lost nothing with {controlled}")
    return outcome


async def by_itself(_: Context) -> Verdict:
    """Leave the judgement to the scenario: what it broke is no part of the line."""
    return Verdict()


SCENARIOS = (
    Scenario(
        "power-postgres",
        "power cut of PostgreSQL's disk",
        partial(
            of_a_server,
            make=PostgresAlone,
            control=partial(PostgresAlone, fsync=False),
            controlled="fsync=off",
        ),
        wanted=8,
        needs=needs,
        is_steady=False,
        check=by_itself,
    ),
    Scenario(
        "power-nats",
        "power cut of NATS' disk",
        partial(
            of_a_server,
            make=NatsAlone,
            control=partial(NatsAlone, sync="2m"),
            controlled="sync_interval 2m, its default",
        ),
        wanted=5,
        needs=needs,
        is_steady=False,
        check=by_itself,
    ),
    Scenario(
        "power-machine",
        "power cut of the whole machine: all processes, disk cache",
        of_the_machine,
        wanted=8,
        in_slice=2,
        rig=POWER,
        needs=needs,
        seconds=180.0,
    ),
)
