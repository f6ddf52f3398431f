"""Timers under kill -9 and clocks that jump: each step once, within a minute of its moment.

The line's time runs an hour a second, so that the whole life of an emergency's clock, its
reminders and its ladder, is over in half a minute. Meanwhile each tier's service is killed
in turn, and clocks on walls jump by hours, either way. When a step was raised is not
asked of the node that raised it alone: the harness looks into every database all the time,
by its own clock.
"""

from __future__ import annotations

import asyncio
import itertools
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

import asyncpg

from deploy.embedded.pace import kept_epoch
from ducha.assignment.v1 import assignment_pb2 as pb
from ducha.assignment.v1 import assignment_service_pb2 as api
from faults import processes
from faults.clocks import FAST, HOURS, NODES, RATE, SERVER, clocks_of, needs, note
from faults.kinds.kills import TIERS
from faults.scenario import Context, Outcome, Scenario
from tests.faults.life import acting
from tests.journeys.papers import an_item
from tier.runtime.clock import Pace

RECEIVE_HOURS, WORK_HOURS = 7, 10
LADDER_HOURS = 12
"""After the deadline an emergency's ladder ends."""
NEAR_PERCENT = 80
REMINDERS = [(step, 0) for step in (1, 2, 3, 4)]
OF_RECEIPT = REMINDERS[:2]
RUNGS = [(6, rung) for rung in (1, 2, 3)]
TRIES = 3
TOWNS = 12
"""Executors of each item: a third reports at once, a third only receives."""
WITHIN_SECONDS = 60.0
WAIT_SECONDS = 75.0
LOOK_SECONDS = 0.2
DOWN_SECONDS = (0.0, 0.8)
RAISED = """
    SELECT division, term, step, rung, due_at, raised_at FROM timing_raised
     WHERE item_id = $1 AND step <> 5
"""  # a rule's urges are told by facts of their own
REMINDED = """
    SELECT division, kind, count(*) AS times FROM inbox_notice
     WHERE item_id = $1 AND kind BETWEEN 1 AND 4
     GROUP BY division, kind HAVING count(*) > 1
"""


class Step(NamedTuple):
    """A step for an executor; rung 0 of what is no rung."""

    division: str
    term: int
    step: int
    rung: int


@dataclass(frozen=True, slots=True)
class Issued:
    """An emergency, and who of its executors does what."""

    item: str
    at: datetime
    """By the line's time."""
    quick: Sequence[str]
    """They report at once."""
    received: Sequence[str]
    idle: Sequence[str]

    @property
    def near(self) -> datetime:
        """Return when the first reminder is due."""
        return self.at + timedelta(hours=RECEIVE_HOURS) * NEAR_PERCENT / 100

    @property
    def over(self) -> datetime:
        """Return when the last rung is due."""
        return self.at + timedelta(hours=WORK_HOURS + LADDER_HOURS)

    @property
    def expected(self) -> set[Step]:
        """Return each step that must be raised, and no other may."""
        every = [*REMINDERS, *RUNGS]
        late = [one for one in every if one not in OF_RECEIPT]
        return {
            Step(town, 1, *one)
            for towns, steps in ((self.received, late), (self.idle, every))
            for town in towns
            for one in steps
        }


@dataclass(slots=True)
class Watch:
    """What stands in every database, looked at all the time by a clock that is true."""

    pace: Pace
    databases: Mapping[str, asyncpg.Connection[asyncpg.Record]]
    due: dict[Step, datetime] = field(default_factory=dict)
    seen: dict[Step, datetime] = field(default_factory=dict)
    """When each step first stood anywhere; like all moments here by the line's time."""
    held: dict[str, set[tuple[Step, datetime, datetime]]] = field(default_factory=dict)
    """By node: each step with the moments that its row tells, due and raised."""

    def now(self) -> datetime:
        """Return the line's time."""
        return self.pace.shown(datetime.now(UTC))

    async def look(self, item: str) -> None:
        """Look into every database once."""
        for name, database in self.databases.items():
            rows = await database.fetch(RAISED, item)
            now = self.now()
            self.held[name] = set()
            for *key, due, raised in rows:
                step = Step(*key)
                self.held[name].add((step, due, raised))
                self.due.setdefault(step, due)
                self.seen.setdefault(step, now)

    async def follow(self, item: str) -> None:
        """Look until cancelled."""
        while True:
            await self.look(item)
            await asyncio.sleep(LOOK_SECONDS)

    async def complete(self, expected: set[Step]) -> bool:
        """Wait until every tier keeps each step; say whether it does."""
        end = time.monotonic() + WAIT_SECONDS
        while time.monotonic() < end:
            held = [{one[0] for one in rows} for rows in self.held.values()]
            if all(expected <= steps for steps in held):
                return True
            await asyncio.sleep(LOOK_SECONDS)
        return False

    def seconds_late(self, step: Step) -> float:
        """Return how many real seconds after its moment a step was first seen."""
        return self.pace.real_seconds(self.seen[step] - self.due[step])

    async def told_again(self, item: str) -> list[str]:
        """Return reminders that an inbox holds more than once."""
        found = []
        for name, database in self.databases.items():
            for division, kind, times in await database.fetch(REMINDED, item):
                found.append(f"{name} told {division} of kind {kind} {times} times")
        return found


@asynccontextmanager
async def watching(context: Context) -> AsyncIterator[Watch]:
    """Open a connection to each node's database: nodes come and go."""
    epoch = kept_epoch(context.stage.line.data, RATE, is_new=False)
    async with AsyncExitStack() as stack:
        databases = {}
        for name, place in context.stage.running.places.items():
            databases[name] = await asyncpg.connect(place.database_url)
            stack.push_async_callback(databases[name].close)
        yield Watch(Pace(RATE, epoch), databases)


async def issue(context: Context, watch: Watch) -> Issued:
    """Issue an emergency to some townships; some report at once, some only receive."""
    office, root = context.flow.office, context.stage.root
    towns = context.rng.sample(context.flow.towns, TOWNS)
    now = watch.now()
    item = an_item(root)
    item.urgency, item.urgency_justification = pb.URGENCY_EMERGENCY, "防汛"
    item.receive_by_time.FromDatetime(now + timedelta(hours=RECEIVE_HOURS))
    item.deadline_time.FromDatetime(now + timedelta(hours=WORK_HOURS))
    request = api.IssueItemRequest(
        item=item, targets=pb.TargetSelection(divisions=towns), **acting(root)
    )
    desk = office.at(root).assignments
    answer: api.IssueItemResponse = await office.insist(
        office.home(root), desk.IssueItem, request
    )
    name = str(answer.item.item_id)
    office.history.targets[name] = set(towns)
    third = TOWNS // 3
    quick, received = towns[:third], towns[third : 2 * third]
    at = answer.item.issue_time.ToDatetime(UTC)
    made = Issued(name, at, quick, received, towns[2 * third :])
    await office.until(NODES[-1], name, towns, pb.ASSIGNMENT_STATE_ISSUED)
    await office.receive(name, received)
    await office.report(name, quick)
    # Who assigned escalates by what it knows: a report on its way counts as none.
    await office.until(office.home(root), name, quick, pb.ASSIGNMENT_STATE_REPORTED)
    return made


async def in_time(context: Context, watch: Watch) -> Issued:
    """Issue an emergency whose first moment has not come when those who report have.

    Raises:
        AssertionError: a line on which nothing is broken never was so fast.
    """
    for _ in range(TRIES):
        made = await issue(context, watch)
        if watch.now() < made.near:
            return made
    raise AssertionError("the machine is too slow for an hour a second")


async def _play(context: Context) -> Outcome:
    """Issue an emergency, break things until its ladder is over, and judge; and again."""
    outcome, lateness = context.outcome, list[float]()
    names = itertools.cycle(TIERS)
    await _reported(context)
    async with watching(context) as watch:
        while not context.is_over:
            made = await in_time(context, watch)
            following = asyncio.create_task(watch.follow(made.item))
            try:
                await _broken(context, watch, made, names)
                if not await watch.complete(made.expected):
                    outcome.problems.append(f"steps of {made.item} are missing")
            finally:
                following.cancel()
                await asyncio.gather(following, return_exceptions=True)
            outcome.problems += [
                *_wrong(watch, made),
                *await watch.told_again(made.item),
            ]
            raised = made.expected & watch.seen.keys()
            lateness += [watch.seconds_late(one) for one in raised]
    late = sum(one > WITHIN_SECONDS for one in lateness)
    outcome.figures["steps"] = (
        f"{len(lateness)} raised while services were killed and clocks jumped; "
        f"{max(lateness, default=0):.1f} s after its moment the last, later than "
        f"{WITHIN_SECONDS:.0f} s: {late}"
    )
    return outcome


async def _reported(context: Context) -> None:
    """Report what waits for a probe: here it would be reminded of, by days within minutes."""
    for item, town in context.flow.unreported:
        await context.flow.office.report(item, [town])
    context.flow.unreported.clear()


async def _broken(
    context: Context, watch: Watch, made: Issued, names: Iterator[str]
) -> None:
    """Kill services in turn, other clocks off meanwhile, until the last rung is due."""
    clocks = clocks_of(context)
    while watch.now() < made.over:
        name = next(names)
        # A service that starts believes the wall: what jumps is another part's clock.
        other = context.rng.choice([one for one in (*NODES, SERVER) if one != name])
        off = timedelta(hours=context.rng.choice(HOURS))
        context.tell(f"kill -9 {name}, {other}: {off.total_seconds() / 3600:+.0f} h")
        clocks.bend(other, off)
        await note(context, [other], off)
        await _kill(context, name)
        clocks.bend(other)
        await context.pause(0.0, 0.5)


async def _kill(context: Context, name: str) -> None:
    """Kill a service, leave it down a moment, start it."""
    component, outcome = context.stage.line.components()[name], context.outcome
    before = component.pid
    processes.kill(before)
    is_dead = await asyncio.to_thread(processes.is_dead, before)
    await context.pause(*DOWN_SECONDS)
    await context.revive(name)
    if is_dead and component.pid != before:
        outcome.injections += 1
        outcome.saw(f"{name} died and has another process id")
    else:
        outcome.missed += 1


def _wrong(watch: Watch, made: Issued) -> Iterator[str]:
    """Yield steps that nobody should have raised, twice, before their moment, or late."""
    seen = {one for rows in watch.held.values() for one, _, _ in rows}
    for step in sorted(seen - made.expected):
        yield f"{step} of {made.item} was raised, and is nobody's"
    for name, rows in watch.held.items():
        told = Counter(step[:1] + step[2:] for step, _, _ in rows)
        yield from (f"{name}: {one} twice" for one, times in told.items() if times > 1)
        yield from (f"{name}: {one[0]} early" for one in rows if one[2] < one[1])
    for step in sorted(seen & made.expected):
        late = watch.seconds_late(step)
        if not 0 <= late <= WITHIN_SECONDS:
            yield f"{step} of {made.item} {late:.1f} s after its moment"


SCENARIOS = (
    Scenario(
        "timers",
        "kill -9 of each tier's service and clocks that jump, while timers come due",
        _play,
        wanted=48,
        in_slice=8,
        rig=FAST,
        needs=needs,
        is_steady=False,
        seconds=100.0,
    ),
)
