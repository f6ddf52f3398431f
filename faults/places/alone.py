"""Power cuts of one server by itself, with the controls that show what a cut can take.

Writers note what was acknowledged to them; the disk loses its power in the midst of it;
the server is started on what is left, and asked. With the settings that Ducha insists on
nothing acknowledged may be missing; with those it refuses much must be, or the cut did
not bite.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol, TypeAlias

from faults.places.disk import PowerDisk
from faults.places.platter import Loss

WRITERS = 4
MEGABYTES = 512


@dataclass(slots=True)
class Writes:
    """What the writers tried, and what was acknowledged to them, over all lives."""

    tried: set[int] = field(default_factory=set)
    acknowledged: set[int] = field(default_factory=set)

    def next(self) -> int:
        """Return a number that was never tried."""
        number = len(self.tried)
        self.tried.add(number)
        return number


@dataclass(slots=True)
class Tally:
    """What cuts did to what one server had acknowledged."""

    acknowledged: int = 0
    lost: int = 0
    made_up: int = 0
    """Found, and never tried."""
    losses: list[Loss] = field(default_factory=list)

    @property
    def bit(self) -> int:
        """How many cuts took unflushed writes off the disk."""
        return sum(loss.sectors_lost > 0 for loss in self.losses)


class Subject(Protocol):
    """A server that acknowledges writes."""

    async def start(self) -> None:
        """Start it on what its disk holds; the first time, make room for the writes."""

    def kill(self) -> None:
        """End it at once."""

    async def write(self, writes: Writes) -> None:
        """Write one number after the other until it does not answer."""

    async def read(self) -> set[int]:
        """Return every number it holds."""


Make: TypeAlias = Callable[[Path], Subject]
"""Makes a server whose data lies in a directory."""


async def cuts(
    make: Make, work: Path, number: int, *, seed: int, seconds: float = 1.0
) -> Tally:
    """Cut the power of one server so many times, each time in the midst of writes."""
    writes, tally = Writes(), Tally()
    disk = PowerDisk(work, work / "place", MEGABYTES)
    await asyncio.to_thread(disk.open)
    subject = make(disk.place)
    try:
        for turn in range(number):
            await _cut(subject, disk, writes, tally, seed=seed + turn, seconds=seconds)
        tally.acknowledged = len(writes.acknowledged)
    finally:
        await asyncio.to_thread(subject.kill)
        await asyncio.to_thread(disk.close)
    return tally


async def _cut(
    subject: Subject,
    disk: PowerDisk,
    writes: Writes,
    tally: Tally,
    *,
    seed: int,
    seconds: float,
) -> None:
    """Start, write, cut, start again, compare; what is lost once is not missed again."""
    await subject.start()
    await asyncio.to_thread(disk.settle)
    async with asyncio.TaskGroup() as tasks:
        for _ in range(WRITERS):
            tasks.create_task(subject.write(writes))
        await asyncio.sleep(seconds)
        tally.losses.append(await asyncio.to_thread(disk.cut, seed))
        await asyncio.to_thread(subject.kill)
    await asyncio.to_thread(disk.restore)
    await subject.start()
    held = await subject.read()
    await asyncio.to_thread(subject.kill)
    tally.lost = len(writes.acknowledged - held)
    tally.made_up = len(held - writes.tried)
