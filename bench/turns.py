"""Run one line without walls and one with them in turns, so that neither has a better hour."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from bench import meter
from bench.measured import Unary
from bench.plan import Plan, peaks, tell
from bench.product.line import DuchaLine
from bench.product.requests import single_reports
from bench.safety import Turns
from bench.workloads import flow, unary

WARM_UP = 2
ROUND_TRIPS = 20
ITEMS = 10
"""Of each turn."""


async def compare(
    lines: Sequence[DuchaLine], shared: Sequence[Mapping[str, int]], plan: Plan
) -> list[Turns]:
    """Measure lines in turns; the first items of each are not counted.

    `shared` are the servers of each line. Who begins changes with each turn.
    """
    taken = [Turns() for _ in lines]
    for line, servers in zip(lines, shared, strict=True):
        for _ in range(WARM_UP):
            await flow.items(line, servers, plan.townships)
        await _flood(line, plan)
    each = list(zip(lines, shared, taken, strict=True))
    for turn in range(plan.effort.safety):
        for line, servers, own in each if turn % 2 else reversed(each):
            await _turn(line, servers, own, plan)
    for turn in range(plan.effort.villages):
        for line, servers, own in each if turn % 2 else reversed(each):
            own.villages.append(await flow.items(line, servers, plan.villages))
    for line, _, own in each:
        own.peak_mib = peaks(line)
        _tell(line, own)
    return taken


async def _turn(
    line: DuchaLine, servers: Mapping[str, int], own: Turns, plan: Plan
) -> None:
    """Run every workload once."""
    own.complete.append(await flow.items(line, servers, plan.townships))
    own.idle += await flow.round_trips(line, plan.townships, ROUND_TRIPS)
    own.sustained.append(await flow.items(line, servers, plan.townships, ITEMS))
    own.unary.append(await _flood(line, plan))


async def _flood(line: DuchaLine, plan: Plan) -> Unary:
    issued = await line.issue_only(plan.townships)
    await line.arrived(issued)
    calls = single_reports(issued.item, plan.townships.codes)
    seconds = await unary.flood(line.report, calls)
    await issued.counted
    return Unary(len(calls), seconds)


def _tell(line: DuchaLine, own: Turns) -> None:
    tell(line.name, "complete", [f"{run.seconds:.3f} s" for run in own.complete])
    tell(line.name, "idle", [f"{meter.percentile(own.idle, 50) * 1e3:.1f} ms p50"])
    tell(line.name, "sustained", [f"{run.rate:,.0f}/s" for run in own.sustained])
    tell(line.name, "villages", [f"{run.seconds:.3f} s" for run in own.villages])
    tell(
        line.name,
        "unary",
        [f"{run.answered / run.calls * 1e6:.0f} µs" for run in own.unary],
    )
