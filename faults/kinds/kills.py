"""kill -9 of every kind of process, while work is under way."""

from __future__ import annotations

import asyncio
from functools import partial

from faults import processes
from faults.rigs import CHAIN
from faults.scenario import Context, Outcome, Scenario

TIERS = ("province", "city", "county", "township")
SERVERS = ("postgres", "nats")


async def kill(context: Context, name: str) -> None:
    """Kill one part, leave it down a moment, start it, and see work cross the line."""
    line, outcome = context.stage.line, context.outcome
    component = line.components()[name]
    before = component.pid
    processes.kill(before)
    is_dead = await asyncio.to_thread(processes.is_dead, before)
    await context.pause(0.0, 1.0)
    healed = await context.revive(name)
    if is_dead and component.pid != before:
        outcome.injections += 1
        outcome.saw(f"{name} died and has another process id")
    else:
        outcome.missed += 1
    await context.recover(healed)


async def _play(context: Context, names: tuple[str, ...]) -> Outcome:
    """Kill each in turn, at moments that chance chooses."""
    turn = 0
    while not context.is_over:
        name = names[turn % len(names)]
        turn += 1
        await context.work(context.rng.randint(5, 60))
        await context.pause(0.0, 0.3)
        context.tell(f"kill -9 {name}")
        await kill(context, name)
    errors = sum(context.flow.office.errors.values())
    context.outcome.saw("calls failed and were repeated", errors)
    return context.outcome


async def _chained(context: Context) -> Outcome:
    """Kill each server of a chain of NATS leaf nodes in turn."""
    return await _play(context, tuple(context.stage.line.roads))


SCENARIOS = (
    Scenario(
        "kill-services",
        "kill -9 of a tier's service",
        partial(_play, names=TIERS),
        wanted=16,
        in_slice=4,
    ),
    Scenario(
        "kill-servers",
        "kill -9 of PostgreSQL, of NATS",
        partial(_play, names=SERVERS),
        wanted=8,
        in_slice=2,
    ),
    Scenario(
        "kill-chain",
        "kill -9 of each server in a chain of NATS leaf nodes",
        _chained,
        wanted=8,
        rig=CHAIN,
    ),
)
