"""Death and standstill at named places in a service: between one step and the next.

A service is started with one place armed (`tier/runtime/failpoints.py`); the flow brings
it there; it says so in its log, and dies or stops by itself. Places of the repair road are
reached while NATS is away.
"""

from __future__ import annotations

import asyncio
import itertools
import os
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from faults import processes
from faults.kinds.kills import TIERS
from faults.scenario import Context, Outcome, Scenario
from tier.runtime.failpoints import VARIABLE

PATIENCE_SECONDS = 25.0
"""As long as it may take until a place is reached; then the fault did not bite."""
HELD_SECONDS = (0.5, 3.0)
FAST = tuple(
    itertools.product(
        TIERS,
        (
            "commit.before",
            "commit.after",
            "answer.before",
            "link.published",
            "link.applied",
        ),
    )
)
"""Node and place, while the fast road is there."""
REPAIR = (
    *itertools.product(TIERS, ("link.confirmed",)),
    *itertools.product(TIERS[:-1], ("link.replaying",)),
    *itertools.product(TIERS[1:], ("link.delivered",)),
)
"""Node and place, while only the repair road is there."""
SELDOM = {"link.replaying", "link.delivered", "link.confirmed"}
Place = tuple[str, str]


@contextmanager
def armed(spec: str) -> Iterator[None]:
    """Have services that are started inside do `spec`; those that run do not notice."""
    os.environ[VARIABLE] = spec
    try:
        yield
    finally:
        del os.environ[VARIABLE]


def has_bitten(context: Context, name: str, said_before: int, place: str) -> bool:
    """Whether a service said in its log that it reached a place."""
    log = context.stage.line.site.logs / f"{name}.log"
    with log.open("rb") as said:
        said.seek(said_before)
        return f"failpoint {place} reached".encode() in said.read()


def restart(context: Context, name: str, spec: str) -> int:
    """Start a service anew with a place armed; return how much its log says already."""
    service = context.stage.line.services[name]
    service.kill()
    log = context.stage.line.site.logs / f"{name}.log"
    said = log.stat().st_size if log.exists() else 0
    with armed(spec):
        service.start()
    return said


async def killed_at(context: Context, name: str, place: str) -> None:
    """Have a service die where it is told to; start it again, and see work cross."""
    outcome, service = context.outcome, context.stage.line.services[name]
    nth = context.rng.randint(1, 3) if place in SELDOM else context.rng.randint(2, 25)
    context.tell(f"{name} dies at {place}, time {nth}")
    said = await asyncio.to_thread(restart, context, name, f"{place}=kill:{nth}")
    end = time.monotonic() + PATIENCE_SECONDS
    while service.is_running and time.monotonic() < end:
        await asyncio.sleep(0.05)
    bit = not service.is_running and has_bitten(context, name, said, place)
    if bit:
        outcome.injections += 1
        outcome.saw(f"died at {place}")
    else:
        outcome.missed += 1
    await context.pause(0.0, 0.5)
    healed = await context.revive(name)
    await context.recover(healed)


async def stopped_at(context: Context, name: str, places: Sequence[str]) -> None:
    """Have a service stop at several places, each once; let it go on each time."""
    outcome, service = context.outcome, context.stage.line.services[name]
    spec = ",".join(f"{one}=stop:{context.rng.randint(3, 40)}" for one in places)
    context.tell(f"{name} stops at {', '.join(places)}")
    await asyncio.to_thread(restart, context, name, spec)
    left, end = len(places), time.monotonic() + PATIENCE_SECONDS
    try:
        while left and time.monotonic() < end and not context.is_over:
            if await asyncio.to_thread(processes.stands_still, service.pid, 0.1):
                await context.pause(*HELD_SECONDS)
                processes.thaw([service.pid])
                left -= 1
                outcome.injections += 1
                outcome.saw(f"{name} stopped by itself")
    finally:
        await asyncio.to_thread(service.kill)
    healed = await context.revive(name)
    await context.recover(healed)


def _chosen(context: Context, every: Sequence[Place]) -> Iterator[Place]:
    """Yield places in an order of chance, each once before any twice."""
    while not context.is_over:
        places = list(every)
        context.rng.shuffle(places)
        for place in places:
            if context.is_over:
                return
            yield place


async def _fast(context: Context) -> Outcome:
    """Die at the places that every fact passes."""
    for name, place in _chosen(context, FAST):
        await killed_at(context, name, place)
    return context.outcome


async def _repairing(context: Context) -> Outcome:
    """Die at the places of the repair road, NATS being away all the time."""
    line = context.stage.line
    await asyncio.to_thread(line.stop_node, "nats")
    try:
        for name, place in _chosen(context, REPAIR):
            await killed_at(context, name, place)
    finally:
        await asyncio.to_thread(line.start_node, "nats")
    return context.outcome


async def _stopping(context: Context) -> Outcome:
    """Stop inside a transaction, after it, before an answer, and between the roads."""
    places = sorted({place for _, place in FAST})
    for name in itertools.cycle(TIERS):
        if context.is_over:
            break
        await stopped_at(context, name, places)
    return context.outcome


SCENARIOS = (
    Scenario(
        "die-at-places",
        "kill -9 of a service at a named place: before and after its commit, before its "
        "answer, after its publish, after its apply",
        _fast,
        wanted=20,
        in_slice=6,
        seconds=240,
    ),
    Scenario(
        "die-repairing",
        "the same on the repair road, NATS away: amid a replay, amid a delivery, after a "
        "receipt",
        _repairing,
        wanted=10,
        in_slice=3,
        seconds=180,
    ),
    Scenario(
        "stop-at-places",
        "SIGSTOP of a service at those places, 0.5 to 3 s",
        _stopping,
        wanted=20,
        in_slice=5,
        seconds=180,
    ),
)
