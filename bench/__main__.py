"""`python -m bench [--quick] [--only NAME] [--json] [--profile]`: run and report.

Only a whole run (no `--quick`, `--only` or `--grids`) writes `RESULTS.md` and `results.json`.
Exit 0 when every goal is reached, 1 when one is missed.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, replace
from pathlib import Path

import uvloop
from rich.console import Console
from rich.table import Table

from bench import collect, collected, machine, plan, report, safety, turns
from bench.echo import Echo, echo
from bench.floor.line import floor_line
from bench.line import read_divisions, targets
from bench.measured import Measured, Unary, cpu_micros, figures
from bench.plan import (
    COLLECTING,
    FULL,
    OF_ITEMS,
    QUICK,
    SAFETY,
    TIMERS,
    WORKLOADS,
    Plan,
)
from bench.product.line import DuchaLine
from bench.product.services import around as servers_around
from bench.product.services import databases, ducha_line, services
from bench.product.terms import announce_early
from bench.profile import profile
from bench.servers import Servers, running
from bench.statements import SETTINGS
from bench.workloads import flow
from deploy.embedded.line import Line

TABLE_COLUMNS = 130
HERE = Path(__file__).parent
DIVISIONS = machine.ROOT / "data" / "yunnan-divisions.csv"


@dataclass(frozen=True, slots=True)
class Around:
    """What stands around Ducha while it is measured."""

    servers: Servers
    """PostgreSQL, and the line's own NATS."""
    line: Line
    rows: Sequence[Mapping[str, str]]
    """Divisions."""
    echo: Echo
    profiled: bool


@dataclass(frozen=True, slots=True)
class Seen:
    """What measuring Ducha brought, beside its own figures."""

    ducha: Measured
    echoed: list[Unary]
    costs: Sequence[safety.Cost]
    profile: str


def arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer repetitions")
    parser.add_argument("--only", choices=WORKLOADS, action="append", help="repeatable")
    parser.add_argument(
        "--json", action="store_true", help="print results.json instead"
    )
    parser.add_argument(
        "--profile", action="store_true", help="say where the time goes"
    )
    parser.add_argument("--grids", type=int, help="in the rush, to try it out")
    parser.add_argument("--divisions", type=Path, default=DIVISIONS, help="a CSV")
    return parser.parse_args()


def run(told: argparse.Namespace, servers: Servers) -> report.Report:
    """Measure the floor, then Ducha, on the same servers."""
    rows = read_divisions(told.divisions)
    effort = QUICK if told.quick else FULL
    work = Plan(
        only=told.only or WORKLOADS,
        effort=replace(effort, grids=told.grids or effort.grids),
        cities=targets(rows, "city"),
        counties=targets(rows, "county"),
        townships=targets(rows, "township"),
        villages=targets(rows, "village"),
    )
    floor = uvloop.run(on_floor(servers, work))
    root = min((row["code"] for row in rows), key=len)
    with echo() as server, services(servers, root) as started:
        own = servers_around(servers, started)
        around = Around(own, started, rows, server, told.profile)
        seen = uvloop.run(on_ducha(ducha_line(started, rows), around, work))
    floor.unary = seen.echoed
    return report.Report(
        figures(floor, seen.ducha),
        _cpu(floor, seen.ducha),
        machine.describe(),
        seen.profile,
        seen.costs,
    )


def _cpu(floor: Measured, ducha: Measured) -> dict[str, report.Table]:
    """Return who spent what, for each workload that measured it."""
    tables: dict[str, report.Table] = {}
    if ducha.sustained:
        tables["a result while items go back to back, µs"] = {
            "ducha": cpu_micros(ducha.sustained),
            "floor": cpu_micros(floor.sustained),
        }
    lines = {**ducha.collected.entered, **floor.collected.entered}
    if lines:
        tables["a value entered, µs"] = {
            name: collected.cpu(runs) for name, runs in lines.items()
        }
    if ducha.collected.rush:
        tables["in the rush"] = collected.rush_cpu(ducha.collected.rush)
    return tables


async def on_floor(servers: Servers, work: Plan) -> Measured:
    """Measure the floor; unary calls have the echo for a floor instead."""
    floor = Measured()
    if work.has(set(OF_ITEMS) - {"unary"}):
        codes = (*work.townships.codes, *work.villages.codes)
        async with floor_line(servers, codes) as line:
            floor = await plan.measure(line, servers, work)
    floor.collected = await collect.on_floor(servers, work)
    return floor


async def on_ducha(
    entering: AbstractAsyncContextManager[DuchaLine],
    around: Around,
    work: Plan,
) -> Seen:
    """Measure Ducha and the echo, and see where the time goes."""
    async with entering as line:
        ducha = await plan.measure(line, around.servers, work)
        echoed: list[Unary] = []
        if "unary" in work.only:
            echoed, ducha.unary = await plan.measure_unary(line, work, around.echo)
        costs = await _costs(line, around, work) if SAFETY in work.only else []
        if TIMERS in work.only:
            dsn = databases(around.line, around.servers)["township"]
            await announce_early(around.line)
            ducha.timers = await plan.measure_timers(line, work, dsn)
        if work.has(COLLECTING):
            ducha.collected = await collect.on_ducha(around.line, around.servers, work)
            ducha.peak_mib = plan.peaks(line)
        seen = await _profile(line, around, work) if around.profiled else ""
    return Seen(ducha, echoed, costs, seen)


async def _costs(line: DuchaLine, around: Around, work: Plan) -> list[safety.Cost]:
    """Start the line once more without walls, and measure both in turns.

    It comes before the grids: afterwards the two would not know the same divisions.
    """
    with services(around.servers, line.root, walls=False) as started:
        bare = servers_around(around.servers, started).processes()
        async with ducha_line(started, around.rows) as other:
            shared = (bare, around.servers.processes())
            off, on = await turns.compare((other, line), shared, work)
    return safety.costs(off, on)


async def _profile(line: DuchaLine, around: Around, work: Plan) -> str:
    """See where the time goes: of items back to back, or else of what was run."""
    servers = around.servers

    async def items() -> None:
        shared = servers.processes()
        await flow.items(line, shared, work.townships, work.effort.items)

    async def collects() -> None:
        await collect.again(around.line, servers, work)

    chosen = items if work.has(OF_ITEMS) else collects
    return await profile(line.processes(), servers, chosen)


def show(made: report.Report) -> None:
    """Print the tables."""
    table = Table(*report.HEADINGS)
    for figure, row in zip(made.figures, report.rows(made.figures), strict=True):
        table.add_row(*row, style="bold red" if figure.reached is False else "")
    console = Console()
    console.width = max(console.width, TABLE_COLUMNS)
    console.print(table)
    if made.costs:
        table = Table(*report.COST_HEADINGS, title="What the walls cost")
        for cost, row in zip(made.costs, report.cost_rows(made.costs), strict=True):
            table.add_row(*row, style="bold red" if cost.reached is False else "")
        console.print(table)
    for what, spent in made.cpu.items():
        headings, *lines = report.cpu_rows(spent)
        table = Table(*headings, title=f"CPU {what}")
        for line in lines:
            table.add_row(*line)
        console.print(table)
    if made.profile:
        print(made.profile)


def main() -> int:
    """Run it all; whatever was started is stopped, whatever happens."""
    told = arguments()
    with (
        tempfile.TemporaryDirectory(prefix="ducha-bench-") as scratch,
        running(Path(scratch), SETTINGS if told.profile else {}) as servers,
    ):
        made = run(told, servers)
    if not (told.quick or told.only or told.grids):
        report.write(made, HERE)
    if told.json:
        print(report.as_json(made), end="")
    else:
        show(made)
    return 1 if made.missed or made.too_dear else 0


if __name__ == "__main__":
    sys.exit(main())
