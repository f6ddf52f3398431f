"""All faults of networks: wires cut, cut one way, flapping, and foul weather."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Final

from faults.scenario import Context, Outcome, Play, Scenario
from faults.wire.far import FAR, WIRES, Wires
from faults.wire.spaces import lacks
from faults.wire.weather import FOUL, WAYS, Way, Weather

SHORTEST: Final = 2.0
LONGEST: Final = 12.0
FLAPS: Final = (4, 10)
FLAP_SECONDS: Final = (0.1, 1.5)
FOUL_SECONDS: Final = 15.0


async def cut(context: Context, ways: Sequence[Way] = ()) -> Outcome:
    """Cut the wire of one node for some seconds; `ways`: the same ones each time."""
    wires, outcome = _wires(context), context.outcome
    while not context.is_over:
        await context.work(context.rng.randint(5, 40))
        name = context.rng.choice(wires.names)
        taken = tuple(ways) or (context.rng.choice(WAYS),)
        before = wires.fates(name)
        seconds = context.rng.uniform(SHORTEST, LONGEST)
        context.tell(f"{name}: {' and '.join(taken)} cut for {seconds:.1f} s")
        wires.weather(name, Weather(cut=taken))
        await asyncio.sleep(seconds)
        wires.weather(name)
        healed = time.monotonic()
        _note(outcome, before, wires.fates(name), "cut")
        await context.recover(healed)
    return outcome


async def flap(context: Context) -> Outcome:
    """Cut and heal the wire of one node over and over; one injection is one such fit."""
    wires, outcome = _wires(context), context.outcome
    while not context.is_over:
        await context.work(context.rng.randint(5, 40))
        name = context.rng.choice(wires.names)
        before = wires.fates(name)
        context.tell(f"{name} flaps")
        for _ in range(context.rng.randint(*FLAPS)):
            taken = context.rng.choice((WAYS, ("up",), ("down",)))
            wires.weather(name, Weather(cut=tuple(taken)))
            await context.pause(*FLAP_SECONDS)
            wires.weather(name)
            await context.pause(*FLAP_SECONDS)
        healed = time.monotonic()
        _note(outcome, before, wires.fates(name), "cut")
        await context.recover(healed)
    return outcome


async def foul(context: Context) -> Outcome:
    """Have foul weather on every wire while work goes on; then see it clear up."""
    wires, outcome = _wires(context), context.outcome
    while not context.is_over:
        before = {name: wires.fates(name) for name in wires.names}
        for name in wires.names:
            wires.weather(name, FOUL)
        done = context.flow.done
        await asyncio.sleep(FOUL_SECONDS)
        outcome.saw("operations acknowledged in foul weather", context.flow.done - done)
        for name in wires.names:
            wires.weather(name)
        healed = time.monotonic()
        for name in wires.names:
            _note(outcome, before[name], wires.fates(name), "lost", "repeated")
        await context.recover(healed)
    return outcome


def _wires(context: Context) -> Wires:
    wires = context.stage.around[WIRES]
    if not isinstance(wires, Wires):
        raise TypeError("this line has no wires")
    return wires


def _note(
    outcome: Outcome,
    before: Mapping[str, int],
    after: Mapping[str, int],
    *fates: str,
) -> None:
    """Count the fault if packets met the fates it was to bring."""
    met = Counter(after) - Counter(before)
    found = {
        fate: sum(times for one, times in met.items() if one.endswith(fate))
        for fate in fates
    }
    if any(found.values()):
        outcome.injections += 1
    else:
        outcome.missed += 1
    for fate, times in found.items():
        outcome.saw(f"packets {fate}", times)


def _scenario(
    name: str, fault: str, play: Play, wanted: int, seconds: float
) -> Scenario:
    """Return a scenario on the line of nodes far apart."""
    return Scenario(name, fault, play, wanted, rig=FAR, needs=lacks, seconds=seconds)


SCENARIOS: Sequence[Scenario] = (
    _scenario(
        "wire-cut",
        "a node's wire cut for 2 to 12 s: parent and NATS gone",
        partial(cut, ways=WAYS),
        8,
        150.0,
    ),
    _scenario(
        "wire-one-way",
        "one direction of a node's wire cut for 2 to 12 s",
        cut,
        8,
        150.0,
    ),
    _scenario(
        "wire-flap", "a node's wire cut and healed over and over", flap, 6, 120.0
    ),
    _scenario(
        "wire-foul",
        "30% of packets lost, 10% repeated, delayed and out of order, on every wire",
        foul,
        6,
        120.0,
    ),
)
