"""SIGSTOP and SIGCONT: a process that is there, holds its connections, and says nothing."""

from __future__ import annotations

import asyncio
import time
from functools import partial

from faults import processes
from faults.kinds.kills import SERVERS, TIERS
from faults.scenario import Context, Outcome, Scenario

LEAST_SECONDS = 1.0
MOST_SECONDS = 6.0
LONG_SECONDS = 12.0
"""Longer than the deadline of a call, and than two pings: the longest of each play."""


async def freeze(context: Context, name: str, seconds: float) -> None:
    """Freeze one part with all it started, thaw it, and see work cross the line."""
    outcome = context.outcome
    pid = context.stage.line.components()[name].pid
    frozen = processes.freeze(pid)
    try:
        still = await asyncio.to_thread(processes.stands_still, frozen[0])
        await asyncio.sleep(seconds)
    finally:
        healed = time.monotonic()
        processes.thaw(frozen)
    if still:
        outcome.injections += 1
        outcome.saw(f"{name} stood still")
        outcome.saw("seconds of standing still", round(seconds))
    else:
        outcome.missed += 1
    await context.recover(healed)


async def _play(context: Context, names: tuple[str, ...]) -> Outcome:
    """Freeze each in turn; the last one for long."""
    turn = 0
    while not context.is_over:
        name = names[turn % len(names)]
        turn += 1
        await context.work(context.rng.randint(5, 40))
        seconds = context.rng.uniform(LEAST_SECONDS, MOST_SECONDS)
        if turn == context.wanted:
            seconds = LONG_SECONDS
        context.tell(f"SIGSTOP {name} for {seconds:.1f} s")
        await freeze(context, name, seconds)
    return context.outcome


SCENARIOS = (
    Scenario(
        "freeze-services",
        "SIGSTOP of a tier's service, 1 to 12 s",
        partial(_play, names=TIERS),
        wanted=8,
        in_slice=4,
    ),
    Scenario(
        "freeze-servers",
        "SIGSTOP of PostgreSQL, of NATS, 1 to 12 s",
        partial(_play, names=SERVERS),
        wanted=6,
        in_slice=2,
    ),
)
