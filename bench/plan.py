"""What is run: each workload on each line, so many times."""

from __future__ import annotations

import sys
import time
from collections.abc import Collection
from dataclasses import dataclass

import grpc

from bench import meter
from bench.echo import METHOD, Echo
from bench.line import Line, Targets
from bench.measured import Measured, Unary
from bench.product.line import DuchaLine
from bench.product.requests import single_reports
from bench.servers import Servers
from bench.workloads import flow, timers, unary
from bench.workloads.timers import Sweep

OF_ITEMS = ("complete", "idle", "sustained", "villages", "unary")
SAFETY = "safety"
TIMERS = "timers"
COLLECTING = ("gate", "entered", "rush")
WORKLOADS = (*OF_ITEMS, SAFETY, TIMERS, *COLLECTING)
CALL_SECONDS = 30


@dataclass(frozen=True, slots=True)
class Effort:
    """How often each workload is repeated, and how long it is."""

    complete: int
    round_trips: int
    sustained: int
    items: int
    villages: int
    unary: int
    safety: int
    gate: int
    entered: int
    grids: int


FULL = Effort(
    complete=9,
    round_trips=200,
    sustained=3,
    items=20,
    villages=3,
    unary=5,
    safety=9,
    gate=5,
    entered=9,
    grids=75_000,
)
QUICK = Effort(
    complete=3,
    round_trips=50,
    sustained=1,
    items=20,
    villages=1,
    unary=2,
    safety=3,
    gate=2,
    entered=3,
    grids=7_500,
)


@dataclass(frozen=True, slots=True)
class Plan:
    """Which workloads, how much of them, and on what."""

    only: Collection[str]
    effort: Effort
    cities: Targets
    counties: Targets
    townships: Targets
    villages: Targets

    def has(self, workloads: Collection[str]) -> bool:
        """Whether one of them is to be run."""
        return not set(workloads).isdisjoint(self.only)


async def measure(line: Line, servers: Servers, plan: Plan) -> Measured:
    """Run the workloads that every line has; the first items are not counted."""
    taken, effort, shared = Measured(), plan.effort, servers.processes()
    if plan.has(OF_ITEMS):
        for _ in range(2):
            await flow.items(line, shared, plan.townships)
    if {"complete", "villages"} & set(plan.only):
        for _ in range(effort.complete):
            taken.complete.append(await flow.items(line, shared, plan.townships))
        tell(line.name, "complete", [f"{run.seconds:.3f} s" for run in taken.complete])
    if "idle" in plan.only:
        taken.idle = await flow.round_trips(line, plan.townships, effort.round_trips)
        tell(
            line.name, "idle", [f"{meter.percentile(taken.idle, 50) * 1e3:.1f} ms p50"]
        )
    if "sustained" in plan.only:
        for _ in range(effort.sustained):
            run = await flow.items(line, shared, plan.townships, effort.items)
            taken.sustained.append(run)
        tell(line.name, "sustained", [f"{run.rate:,.0f}/s" for run in taken.sustained])
    if "villages" in plan.only:
        for _ in range(effort.villages):
            taken.villages.append(await flow.items(line, shared, plan.villages))
        tell(line.name, "villages", [f"{run.seconds:.3f} s" for run in taken.villages])
    taken.peak_mib = peaks(line)
    return taken


def peaks(line: Line) -> dict[str, float]:
    """Return the most memory that each service ever had, in MiB."""
    return {name: meter.peak_mib(pid) for name, pid in line.processes().items()}


async def measure_unary(
    line: DuchaLine, plan: Plan, server: Echo
) -> tuple[list[Unary], list[Unary]]:
    """Send the same requests to an echo and to Ducha, in turns; return both."""
    echoed: list[Unary] = []
    taken: list[Unary] = []
    async with grpc.aio.insecure_channel(server.address) as channel:
        method: grpc.aio.UnaryUnaryMultiCallable[bytes, bytes]
        method = channel.unary_unary(METHOD, request_serializer=bytes)
        for _ in range(1 + plan.effort.unary):
            issued = await line.issue_only(plan.townships)
            await line.arrived(issued)
            calls = single_reports(issued.item, plan.townships.codes)
            seconds = await unary.flood(
                lambda call: method(call, timeout=CALL_SECONDS), calls
            )
            echoed.append(Unary(len(calls), seconds))
            began = time.perf_counter()
            seconds = await unary.flood(line.report, calls)
            await issued.counted
            counted = time.perf_counter() - began
            taken.append(Unary(len(calls), seconds, counted))
    del echoed[0], taken[0]  # the first of each warms up
    for name, runs in (("echo", echoed), (line.name, taken)):
        tell(name, "unary", [f"{run.calls / run.answered:,.0f}/s" for run in runs])
    return echoed, taken


async def measure_timers(line: DuchaLine, plan: Plan, dsn: str) -> list[Sweep]:
    """Let the timers of all villages fall due, alone and while townships report."""
    alone = await timers.sweep(line, dsn, plan.villages)
    busy = await timers.sweep(line, dsn, plan.villages, plan.townships)
    tell(line.name, TIMERS, [f"{one.seconds:.1f} s" for one in (alone, busy)])
    return [alone, busy]


def tell(line: str, workload: str, results: Collection[str]) -> None:
    """Say on standard error what was seen, as it comes."""
    print(f"  {line:6} {workload:10} {'  '.join(results)}", file=sys.stderr, flush=True)
