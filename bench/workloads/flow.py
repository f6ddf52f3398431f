"""Items down and answers up: one item, one target at a time, and item after item."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass

from bench import meter
from bench.line import Line, Targets

COUNT_SECONDS = 120


@dataclass(frozen=True, slots=True)
class Run:
    """What some work took: wall time, and CPU seconds by process."""

    results: int
    seconds: float
    cpu: Mapping[str, float]

    @property
    def rate(self) -> float:
        """Results a second."""
        return self.results / self.seconds

    def cpu_micros(self, *, with_driver: bool) -> float:
        """CPU microseconds a result, over all processes."""
        total = sum(
            seconds
            for name, seconds in self.cpu.items()
            if with_driver or name != meter.DRIVER
        )
        return total / self.results * 1e6


async def items(
    line: Line, servers: Mapping[str, int], targets: Targets, count: int = 1
) -> Run:
    """Issue items back to back and wait until the top has counted every answer."""
    processes = {**line.processes(), **servers}
    before = meter.reading(processes)
    began = time.perf_counter()
    counted = [await line.issue(targets) for _ in range(count)]
    async with asyncio.timeout(COUNT_SECONDS):
        await asyncio.gather(*counted)
    seconds = time.perf_counter() - began
    cpu = meter.spent(before, meter.reading(processes))
    return Run(len(targets) * count, seconds, cpu)


async def round_trips(line: Line, targets: Targets, count: int) -> list[float]:
    """Send items to one target each, one after the other; return seconds of each."""
    took = []
    for turn in range(count):
        code = targets.codes[turn * 7 % len(targets)]
        began = time.perf_counter()
        counted = await line.issue(Targets(targets.level, (code,)))
        async with asyncio.timeout(COUNT_SECONDS):
            await counted
        took.append(time.perf_counter() - began)
    return took
