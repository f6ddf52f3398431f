"""Run collect-once: asking, entering and the rush, each so many times."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Collection, Iterator, Mapping, Sequence

from bench import elements, meter
from bench.collected import DUCHA, SHAPES, SHARE, Collected, rush_cpu
from bench.floor.line import floor_line
from bench.line import Entering
from bench.plan import Plan, tell
from bench.product.collecting import Collecting, collecting
from bench.product.divisions import teach
from bench.product.services import databases, processes
from bench.servers import Servers
from bench.workloads import entered, gate, rush
from bench.workloads.flow import Run
from bench.workloads.rush import Province, Rush
from deploy.embedded.line import Line

RUSH_SECONDS = 880
"""All of a rush, grids and questions included: it ends within a quarter of an hour."""

PROFILED_FROM = 120
PROFILED_DAY = "2027-01-02"
"""Periods that nothing else uses."""


async def on_floor(servers: Servers, plan: Plan) -> Collected:
    """Measure the floor in each shape its tables may have."""
    taken = Collected()
    if "entered" in plan.only:
        for shape in SHAPES:
            async with floor_line(servers, plan.townships.codes, shape) as line:
                runs = await _enter(line, servers, plan, elements.months(), shape)
            taken.entered[shape] = runs
            tell(line.name, f"entered, {SHAPES[shape]}", _told(runs))
    return taken


async def on_ducha(running: Line, servers: Servers, plan: Plan) -> Collected:
    """Measure services that know their divisions."""
    taken, periods = Collected(), elements.months()
    around = (processes(running), databases(running, servers))
    async with collecting(running, *around) as line:
        if "gate" in plan.only:
            taken.gate = await _gates(line, plan, periods)
        if "entered" in plan.only:
            runs = await _enter(line, servers, plan, periods, DUCHA)
            taken.entered[DUCHA] = runs
            tell(line.name, "entered", _told(runs))
        if "rush" in plan.only:
            async with asyncio.timeout(RUSH_SECONDS):
                taken.rush = await _rush(line, servers, plan, running)
    return taken


async def _gates(
    line: Collecting, plan: Plan, periods: Iterator[str]
) -> dict[str, list[float]]:
    """Measure every case in turns; the first of each is not counted."""
    cases = gate.cases(line, plan.townships, plan.cities.codes)
    taken: dict[str, list[float]] = {case.name: [] for case in cases}
    for turn in range(1 + plan.effort.gate):
        for case in cases:
            seconds = await gate.seconds(line, case, periods)
            if turn:
                taken[case.name].append(seconds)
    for name, took in taken.items():
        tell(line.name, f"gate, {name}", [f"{one:.3f} s" for one in took])
    return taken


async def _enter(
    line: Entering, servers: Servers, plan: Plan, periods: Iterator[str], shape: str
) -> list[Run]:
    """Enter month after month; the first is not counted."""
    shared = servers.processes()
    runs = [
        await entered.entered(line, shared, plan.townships, periods, shape)
        for _ in range(1 + plan.effort.entered)
    ]
    return runs[1:]


async def _rush(line: Collecting, servers: Servers, plan: Plan, running: Line) -> Rush:
    """Teach the line its grids, then let them all answer."""
    rows = elements.grids(plan.villages.codes, plan.effort.grids)
    await teach(rows, running)
    tell(line.name, "rush", [f"{len(rows):,} grids known"])
    looked_at = Province(running.data, len(plan.counties))
    taken = await rush.rush(line, servers.processes(), _codes(rows), looked_at)
    shares = rush_cpu(taken)[SHARE]
    told = [f"{name} {share:.0%}" for name, share in shares.items()]
    tell(line.name, "rush", [f"{taken.rate:,.0f} answers/s;", "of a core:", *told])
    if taken.refusals:
        tell(line.name, "rush", [f"a call was refused: {taken.first_refusal}"])
    if taken.looks.failed:
        tell(line.name, "rush", [f"a look failed: {taken.looks.first_failure}"])
    return taken


async def again(running: Line, servers: Servers, plan: Plan) -> None:
    """Do it once more for a profile: the rush if it was run, else months of townships."""
    around = (processes(running), databases(running, servers))
    async with collecting(running, *around) as line:
        if "rush" not in plan.only:
            periods = itertools.islice(elements.months(), PROFILED_FROM, None)
            await _enter(line, servers, plan, periods, DUCHA)
            return
        grids = _codes(elements.grids(plan.villages.codes, plan.effort.grids))
        looked_at = Province(running.data, len(plan.counties))
        shared = servers.processes()
        await rush.rush(line, shared, grids, looked_at, PROFILED_DAY)


def _codes(rows: Sequence[Mapping[str, str]]) -> list[str]:
    return sorted(row["code"] for row in rows)


def _told(runs: Collection[Run]) -> list[str]:
    middle = meter.median([run.seconds for run in runs])
    return [f"{run.seconds:.3f} s" for run in runs] + [f"median {middle:.3f} s"]
