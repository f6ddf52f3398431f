"""Timers under kill -9: nothing twice, nothing missed, each step within a minute of its moment.

On a line whose time runs two hours a second, so that a ladder of half a day is over in
seconds while its nodes are killed around the very moments.
"""

from __future__ import annotations

import asyncio
import os
import signal
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from deploy.embedded.line import Line as Embedded
from deploy.embedded.line import Options
from deploy.embedded.pace import kept_epoch
from ducha.assignment.v1 import assignment_pb2 as nouns
from ducha.assignment.v1.assignment_service_pb2_grpc import AssignmentServiceStub
from ducha.division.v1 import division_pb2
from ducha.division.v1 import division_service_pb2 as divisions
from ducha.link.v1 import link_pb2
from ducha.timing.v1 import timing_facts_pb2 as facts
from tests.doors import letters
from tests.doors.letters import COUNTIES, TOWNSHIPS
from tests.doors.tiers import Line, opened
from tests.journeys.running import SMALL, Running
from tier import division
from tier.jurisdiction import level_of, parent_of, parse
from tier.runtime.clock import Pace

RATE = 7200.0
RECEIVE_HOURS, WORK_HOURS = 4, 8
LADDER_HOURS = 13
"""An emergency's ladder ends twelve hours after the deadline."""

REMINDERS, RUNGS = 4, 3
WITHIN = timedelta(seconds=60)
WAIT_SECONDS = 60.0
DOWN_SECONDS, UP_SECONDS = 0.3, 0.7
RAISED = """
    SELECT division, term, step, rung, due_at, raised_at, superseded FROM timing_raised
     WHERE item_id = $1
"""
NOTICES = "SELECT division, kind, details FROM inbox_notice WHERE item_id = $1"
FACTS = "SELECT body FROM ledger_fact WHERE subject = $1 AND kind LIKE 'ducha.timing.%'"


@pytest.fixture(scope="module")
def fast(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """Start a line whose time runs two hours a second; who is killed stays down."""
    options = Options(
        environment={}, postgres_settings=SMALL, auto_restart=False, clock_rate=RATE
    )
    with Embedded(tmp_path_factory.mktemp("timers"), options=options) as line:
        asyncio.run(_populate(line.data))
        yield Running(line)


async def _populate(data: Path) -> None:
    rows = [
        division_pb2.Division(
            code=code,
            name=name,
            level=division_pb2.Level.ValueType(level_of(parse(code))),
            parent_code=parent_of(parse(code)) or "",
            valid_from="2023-06-30",
        )
        for code, name in letters.ROWS
    ]
    async with opened(data) as line:
        await line.province.keeping.ImportDivisions(
            divisions.ImportDivisionsRequest(
                request_id=letters.request_id(), actor=letters.ACTOR, divisions=rows
            )
        )
        await line.settled()


def now_of(running: Running) -> datetime:
    """Return the time of the line, whichever nodes are down."""
    epoch = kept_epoch(running.line.data, RATE, is_new=False)
    return Pace(RATE, epoch).shown(datetime.now(UTC))


async def issue(line: Line, now: datetime) -> tuple[str, datetime]:
    """Issue an emergency to all towns; return it, and its deadline."""
    item = letters.an_item()
    item.urgency = nouns.URGENCY_EMERGENCY
    item.urgency_justification = "防汛"
    deadline = now + timedelta(hours=WORK_HOURS)
    item.receive_by_time.FromDatetime(now + timedelta(hours=RECEIVE_HOURS))
    item.deadline_time.FromDatetime(deadline)
    stub = AssignmentServiceStub(line.province.channel)
    done = await stub.IssueItem(letters.issue(*TOWNSHIPS, item=item))
    return done.item.item_id, deadline


@asynccontextmanager
async def databases(line: Line) -> AsyncIterator[dict[str, Any]]:
    """Open a connection to each node's database: nodes come and go."""
    urls = {name: tier.url for name, tier in line.by_name.items()}
    opened_ones = {name: await asyncpg.connect(url) for name, url in urls.items()}
    try:
        yield opened_ones
    finally:
        for one in opened_ones.values():
            await one.close()


async def kill(running: Running, name: str) -> None:
    """Kill a service by its pid; start it again after a while."""
    component = running.line.components()[name]
    os.kill(component.pid, signal.SIGKILL)
    await asyncio.sleep(DOWN_SECONDS)
    await running.revive(name)


def told(body: bytes) -> list[tuple[str, int, int]]:
    """Return (division, step, rung) of all that a fact says was raised."""
    fact = link_pb2.Fact.FromString(body)
    if fact.kind == facts.RemindersRaised.DESCRIPTOR.full_name:
        reminded = facts.RemindersRaised.FromString(fact.payload)
        codes = division.set_from(reminded.divisions)
        return [(code, int(reminded.step), 0) for code in codes]
    taken = facts.AssignmentsEscalated.FromString(fact.payload)
    codes = division.set_from(taken.divisions)
    return [(code, 6, taken.rung) for code in codes]


async def complete(
    dbs: dict[str, Any], item_id: str, towns: int
) -> dict[str, set[Any]]:
    """Wait until every tier keeps every step, and return what each keeps."""
    # Urging by rule is the province's step alone: it is told by facts of its own.
    wanted = towns * (REMINDERS + RUNGS)
    async with asyncio.timeout(WAIT_SECONDS):
        while True:
            held = {
                name: {tuple(row) for row in await db.fetch(RAISED, item_id)}
                for name, db in dbs.items()
            }
            shared = {
                name: {row for row in rows if row[2] != 5}
                for name, rows in held.items()
            }
            if all(len(rows) == wanted for rows in shared.values()):
                return shared
            await asyncio.sleep(0.2)


@pytest.mark.parametrize(
    "names",
    [("township",), ("province",), ("township", "province", "county", "city")],
    ids=["township", "province", "all at once"],
)
async def test_killed_around_every_moment_a_node_misses_and_doubles_nothing(
    fast: Running, names: tuple[str, ...]
) -> None:
    """Every service in question is killed again and again until the ladder is over."""
    kills = 0
    async with opened(fast.line.data) as line, databases(line) as dbs:
        item_id, deadline = await issue(line, now_of(fast))
        over = deadline + timedelta(hours=LADDER_HOURS)
        while now_of(fast) < over:
            await asyncio.gather(*(kill(fast, name) for name in names))
            kills += 1
            await asyncio.sleep(UP_SECONDS)
        held = await complete(dbs, item_id, len(TOWNSHIPS))
        bodies = await dbs["township"].fetch(FACTS, item_id)
        above = await dbs["province"].fetch(FACTS, item_id)
        notices = {name: await db.fetch(NOTICES, item_id) for name, db in dbs.items()}
    (rows,) = {frozenset(one) for one in held.values()}
    late = max(raised - due for _, _, _, _, due, raised, skipped in rows)
    once = Counter(key for row in bodies for key in told(row["body"]))
    once_above = Counter(key for row in above for key in told(row["body"]))
    escalated = Counter(
        (row["division"], name)
        for name, found in notices.items()
        for row in found
        if row["kind"] == 5
    )

    assert kills > 0
    assert set(once.values()) == {1}
    assert {key for key in once if key[1] == 6} == {
        key for key in once_above if key[1] == 6
    }
    assert len(once) == len(TOWNSHIPS) * (REMINDERS + RUNGS)
    assert late < WITHIN * RATE
    assert set(escalated) == {
        *((code, "county") for code in COUNTIES),
        ("5301", "city"),
        ("5303", "city"),
        ("53", "province"),
    }
    assert set(escalated.values()) == {1}
    assert most(notices["township"]) == 1


def most(rows: Sequence[Any]) -> int:
    """Return how often the reminder that was told most was told."""
    kinds = range(1, 5)
    seen = Counter(
        (row["division"], row["kind"]) for row in rows if row["kind"] in kinds
    )
    return max(seen.values())
