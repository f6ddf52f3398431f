"""A day of all grids, a call each, while others look: at a stated pace, then as fast as it goes."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import grpc

from bench import elements, inquirer, kept, meter
from bench.product import asking
from bench.product.collecting import Collecting
from bench.workloads import unary

DAY = "2027-01-01"
FLOOD_SECONDS = 480
"""Together with what comes before it stays within a quarter of an hour."""
RETRY_SECONDS = 0.05
PACE = 250
"""Answers a second in the first part: twice what 75,000 in ten minutes need."""
PACED_SHARE = 0.4
"""Of the grids answer at that pace; the others all at once."""


@dataclass(frozen=True, slots=True)
class Rush:
    """What a rush took, and how those who looked on fared."""

    answers: int
    """How many were to come."""
    taken: int
    """How many of the flood were acknowledged: all, unless time was up."""
    counties: int
    """How many an observer looked at."""
    gate: float
    """Seconds of the request for all of it."""
    flooded: int
    """How many came all at once, after those that came at the pace."""
    answered: float
    """Seconds of the flood, to the last answer's receipt."""
    seconds: float
    """Seconds of the flood, until the last value was counted at the province."""
    refusals: int
    first_refusal: str
    uncounted: int
    """Cells still missing when time was up."""
    cpu: Mapping[str, float]
    """Of the flood."""
    paced: float
    """Answers a second in the first part, as it went."""
    paced_looks: inquirer.Looks
    looks: inquirer.Looks
    """In the flood."""

    @property
    def rate(self) -> float:
        """Answers a second that were counted, in the flood."""
        counted = self.flooded - self.uncounted / elements.COUNT
        return counted / self.seconds


@dataclass(frozen=True, slots=True)
class Province:
    """Where others look, by the directory of the line, and at how many counties."""

    data: Path
    counties: int


class Workers:
    """Field workers: each calls, and calls again when refused."""

    def __init__(self, line: Collecting) -> None:
        """Call the township's node."""
        self._line = line
        self.taken = 0
        self.refusals = 0
        self.first_refusal = ""

    async def call(self, request: bytes) -> bytes:
        """Send one answer until it is taken."""
        while True:
            try:
                answer = await self._line.submit(request)
            except grpc.aio.AioRpcError as error:
                self.refusals += 1
                problem = f"{error.code().name}: {error.details()}"
                self.first_refusal = self.first_refusal or problem
                await asyncio.sleep(RETRY_SECONDS)
            else:
                self.taken += 1
                return answer


async def rush(
    line: Collecting,
    servers: Mapping[str, int],
    grids: Sequence[str],
    province: Province,
    day: str = DAY,
) -> Rush:
    """Ask every grid for its day, then let all answer."""
    wanted = asking.daily(day)
    began = time.perf_counter()
    response = await line.gate(wanted)
    gate = time.perf_counter() - began
    made = response.data_request
    await line.arrived(made.data_request_id, made.waiting_count)
    workers = Workers(line)
    requests = asking.single(wanted, grids)
    looked_at = (province.data, elements.INDICATOR, day, province.counties)
    slow = requests[: int(len(requests) * PACED_SHARE)]
    requests = requests[len(slow) :]
    with inquirer.looking(*looked_at) as looks:
        lasted = await unary.paced(workers.call, slow, PACE)
        paced_looks = looks.end()
    with inquirer.looking(*looked_at) as looks:
        processes = {**line.processes(), **servers, "inquirer": looks.pid}
        before = meter.reading(processes)
        answered, seconds = await _flood(line, workers, requests, made.data_request_id)
        cpu = meter.spent(before, meter.reading(processes))
        seen = looks.end()
    uncounted = await line.waiting(made.data_request_id)
    if not uncounted:
        await kept.check(line.databases, "ducha", day, elements.cells(grids))
    return Rush(
        answers=len(grids),
        taken=workers.taken - len(slow),
        counties=province.counties,
        gate=gate,
        flooded=len(requests),
        answered=answered,
        seconds=seconds,
        refusals=workers.refusals,
        first_refusal=workers.first_refusal,
        uncounted=uncounted,
        cpu=cpu,
        paced=len(slow) / lasted,
        paced_looks=paced_looks,
        looks=seen,
    )


async def _flood(
    line: Collecting, workers: Workers, requests: Sequence[bytes], asked: str
) -> tuple[float, float]:
    """Return seconds to the last receipt, and to the last value at the province."""
    began = time.perf_counter()
    answered = float(FLOOD_SECONDS)
    try:
        async with asyncio.timeout(FLOOD_SECONDS), asyncio.TaskGroup() as tasks:
            tasks.create_task(line.counted(asked))
            answered = await unary.flood(workers.call, requests)
    except TimeoutError:
        pass  # what is missing is counted, and shown
    return answered, time.perf_counter() - began
