"""Values of all townships, entered below until they are kept at every tier."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping

from bench import elements, kept, meter
from bench.line import Entering, Targets
from bench.workloads.flow import Run


async def entered(
    line: Entering,
    servers: Mapping[str, int],
    targets: Targets,
    periods: Iterator[str],
    shape: str,
) -> Run:
    """Enter a month; the clock stops when the province has all, then all is checked."""
    period = next(periods)
    await line.ask(period, targets)
    processes = {**line.processes(), **servers}
    before = meter.reading(processes)
    began = time.perf_counter()
    await line.enter(period, targets)
    seconds = time.perf_counter() - began
    cpu = meter.spent(before, meter.reading(processes))
    wanted = elements.cells(targets.codes)
    await kept.check(line.databases, shape, period, wanted)
    return Run(wanted.count, seconds, cpu)
