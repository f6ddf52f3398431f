"""Timers where the clock on the wall jumps: a reminder cannot be unsaid, nor said twice."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path

import asyncpg
import pytest

from ducha.assignment.v1 import assignment_pb2 as pb
from faults.clocks import BENT, CLOCKS, Clocks, needs
from tests.journeys.running import at_work
from tier.runtime.clock import HOLD

LACKS = needs()
NODE = "township"
AHEAD = timedelta(days=25)
"""Over the deadline of an item that was issued just now."""

ALL_STEPS = (1, 2, 3, 4)
"""Reminders: the two that announce what came already are kept as superseded."""

BLINK_SECONDS = 8.0
WAIT_SECONDS = HOLD + 30
QUIET_SECONDS = 4.0
RAISED = "SELECT step, count(*) AS n FROM timing_raised GROUP BY step ORDER BY step"
NOTICES = "SELECT kind, count(*) AS n FROM inbox_notice WHERE kind <= 4 GROUP BY kind"


async def counted(url: str, sql: str) -> Mapping[int, int]:
    """Return how many rows there are of each step or kind."""
    connection = await asyncpg.connect(url)
    try:
        return {int(key): int(n) for key, n in await connection.fetch(sql)}
    finally:
        await connection.close()


@pytest.mark.skipif(  # house: proofs - not every machine lends this; it says why
    bool(LACKS), reason=LACKS or "it can"
)
async def test_a_clock_that_jumps_makes_no_timer_early_and_none_twice(
    tmp_path: Path,
) -> None:
    """By 25 days: for a blink, for good, and back again over a restart."""
    with BENT.open(tmp_path) as stage:
        clocks = stage.around[CLOCKS]
        assert isinstance(clocks, Clocks)
        async with at_work(stage.running, stage.codes) as office:
            county = stage.towns[0][:6]
            item = await office.issue(stage.root, within=[county])
            towns = sorted(office.history.targets[item])
            await office.until(NODE, item, towns, pb.ASSIGNMENT_STATE_ISSUED)
        url = stage.running.places[NODE].database_url
        clocks.bend(NODE, AHEAD)
        await asyncio.sleep(BLINK_SECONDS)
        clocks.bend(NODE)
        await asyncio.sleep(QUIET_SECONDS)
        blinked = await counted(url, RAISED)

        clocks.bend(NODE, AHEAD)
        async with asyncio.timeout(WAIT_SECONDS):
            while len(await counted(url, RAISED)) < len(ALL_STEPS):
                await asyncio.sleep(1)
        followed = await counted(url, RAISED)

        for off in (timedelta(), AHEAD):
            clocks.bend(NODE, off)
            await stage.running.revive(NODE)
            await asyncio.sleep(QUIET_SECONDS)
        again, notices = await counted(url, RAISED), await counted(url, NOTICES)

    assert blinked == {}
    assert followed == dict.fromkeys(ALL_STEPS, len(towns))
    assert again == followed
    assert notices == {2: len(towns), 4: len(towns)}
