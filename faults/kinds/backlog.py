"""Ten thousand facts that wait while a tier is away, and how long they take once it is back."""

from __future__ import annotations

import asyncio
import time

import asyncpg

from ducha.assignment.v1 import assignment_pb2 as pb
from faults.rigs import WIDE_LINE, Stage
from faults.scenario import Context, Outcome, Scenario
from tests.journeys.office import Office

FACTS = 10_000
AWAY = ("county", "province", "city")
SENT = "SELECT seq FROM ledger_lane WHERE neighbour = $1"
TAKEN = "SELECT seq FROM link_inbound WHERE neighbour = $1"


async def _play(context: Context) -> Outcome:
    """Report ten thousand assignments while a tier is down; start it, and wait for all."""
    office, outcome, stage = context.flow.office, context.outcome, context.stage
    for node in AWAY[: context.wanted]:
        if context.is_over:
            break
        items = await prepared(context)
        await asyncio.to_thread(stage.line.kill, node)
        began = time.monotonic()
        for item in items:
            await office.report(item, sorted(office.history.targets[item]))
        outcome.saw("seconds of reporting", round(time.monotonic() - began))
        below = stage.running.places[node].children[0]
        waiting = await backlog(stage, below, node)
        context.tell(f"{waiting} facts wait for the {node}")
        healed = time.monotonic()
        await asyncio.to_thread(stage.line.start_node, node)
        served = time.monotonic()
        await context.recover(served)
        await arrived(office, items)
        took = time.monotonic() - served
        outcome.saw(f"facts waited for the {node}", waiting)
        outcome.injections += waiting >= FACTS
        outcome.missed += waiting < FACTS
        outcome.figures[f"{waiting:,} facts that waited for the {node}"] = (
            f"all at the province {took:.1f} s after it served ({waiting / took:,.0f}/s); "
            f"it served {served - healed:.1f} s after it was started"
        )
    return outcome


async def prepared(context: Context) -> list[str]:
    """Issue items to all townships until ten thousand assignments stand there."""
    office = context.flow.office
    towns = context.stage.towns
    items = [
        await office.issue(context.stage.root) for _ in range(-(-FACTS // len(towns)))
    ]
    home = office.home(towns[0])
    for item in items:
        await office.until(home, item, towns, pb.ASSIGNMENT_STATE_ISSUED)
    return items


async def backlog(stage: Stage, sender: str, receiver: str) -> int:
    """Return how many facts wait below a node that is away; wait until it is all of them."""
    places, waiting = stage.running.places, 0
    end = time.monotonic() + 60.0
    while waiting < FACTS and time.monotonic() < end:
        sent = await _number(places[sender].database_url, SENT, receiver)
        taken = await _number(places[receiver].database_url, TAKEN, sender)
        waiting = sent - taken
        await asyncio.sleep(0.2)
    return waiting


async def _number(url: str, sql: str, neighbour: str) -> int:
    connection = await asyncpg.connect(url)
    try:
        return int(await connection.fetchval(sql, neighbour))
    finally:
        await connection.close()


async def arrived(office: Office, items: list[str]) -> None:
    """Wait until every report stands at the province."""
    for item in items:
        towns = office.history.targets[item]
        home = office.home(min(towns)[:2])
        await office.until(home, item, towns, pb.ASSIGNMENT_STATE_REPORTED)


SCENARIOS = (
    Scenario(
        "backlog",
        "10,000 facts wait while a tier is away",
        _play,
        wanted=3,
        in_slice=1,
        rig=WIDE_LINE,
        is_steady=False,
        seconds=240,
    ),
)
