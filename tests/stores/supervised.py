"""A line of four tiers, items on their way down it, and what units are told (simulated)."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

from ducha.assignment.v1 import assignment_pb2 as nouns
from ducha.assignment.v1 import assignment_service_pb2 as service
from tests.divisions import a_row, load
from tests.doors import letters
from tests.servers import AnApp, carry
from tier.acting import Call
from tier.app import App
from tier.assignment.actions import end, issue, judge, report
from tier.assignment.actions.report import Filing, Piece
from tier.assignment.capability import CAPABILITY as ASSIGNMENT
from tier.assignment.model import Key
from tier.calendar.capability import CAPABILITY as CALENDAR
from tier.division.capability import CAPABILITY as DIVISION
from tier.jurisdiction import Code, Level
from tier.node import Neighbour, Node
from tier.rectification.capability import CAPABILITY as RECTIFICATION
from tier.runtime import moments
from tier.runtime.errors import TierError
from tier.runtime.requests import Request
from tier.urging.capability import CAPABILITY as URGING

NOW = datetime(2026, 11, 23, 2, tzinfo=UTC)
"""A Monday morning, ten o'clock where people live."""
ACTOR = "督查专员（模拟）"
PROVINCE, CITY, COUNTY = map(Code, ("53", "5301", "530102"))
TOWN, OTHER, AWAY = map(Code, ("530102001", "530102002", "530103001"))
SIBLING = Code("530103")
ROWS = (PROVINCE, CITY, COUNTY, SIBLING, TOWN, OTHER, AWAY)
DOORS = {
    kind: door
    for capability in (DIVISION, CALENDAR, ASSIGNMENT, RECTIFICATION, URGING)
    for kind, door in capability.kinds.items()
}
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
NOTICES = """
    SELECT division, kind, light, source, details FROM inbox_notice
     WHERE kind = ANY($1) ORDER BY serial
"""


@dataclass(slots=True)
class Clock:
    """A clock that tests move."""

    at: datetime = NOW

    def __call__(self) -> datetime:
        """Return the moment."""
        return self.at


@dataclass(slots=True)
class Line:
    """Apps from the townships' node up, each with all divisions of its tier, and their clock."""

    apps: Sequence[App]
    clock: Clock

    @property
    def township(self) -> App:
        return self.apps[0]

    @property
    def county(self) -> App:
        return self.apps[1]

    @property
    def city(self) -> App:
        return self.apps[2]

    @property
    def province(self) -> App:
        return self.apps[3]

    async def climb(self) -> None:
        """Let all that was recorded arrive at every tier above."""
        for below, above in zip(self.apps, self.apps[1:], strict=False):
            await carry(below, above, DOORS)

    async def descend(self) -> None:
        """Let all that was recorded arrive at every tier below."""
        for place in range(len(self.apps) - 1, 0, -1):
            await carry(self.apps[place], self.apps[place - 1], DOORS)

    async def settle(self) -> None:
        """Let everything arrive everywhere, both ways."""
        await self.climb()
        await self.descend()
        await self.climb()


def nodes() -> list[Node]:
    """Return four nodes, one a tier, the lowest first."""
    names = ("township", "county", "city", "province")
    found = []
    for place, name in enumerate(names):
        child = (Neighbour(names[place - 1], (PROVINCE,)),) if place else ()
        parent = names[place + 1] if place + 1 < len(names) else None
        level = Level(Level.TOWNSHIP - place)
        found.append(Node(name, level, (PROVINCE,), parent, child))
    return found


@asynccontextmanager
async def a_line(an_app: AnApp) -> AsyncIterator[Line]:
    """Give the four tiers, each with the tree of divisions."""
    clock = Clock()
    async with AsyncExitStack() as stack:
        apps = [await stack.enter_async_context(an_app(one, clock)) for one in nodes()]
        line = Line(apps, clock)
        await load(line.province, [a_row(code) for code in ROWS])
        await line.descend()
        yield line


def a_call(division: Code) -> Call:
    """Return a new call of a unit."""
    return Call(Request(uuid4(), "test", b""), division, ACTOR)


async def issued(
    line: Line, *targets: Code, by: Code = PROVINCE, app: App | None = None
) -> UUID:
    """Issue an item straight to its targets, due in ten days, and let everybody hear."""
    item = letters.an_item(lead=by)
    item.receive_by_time.CopyFrom(moments.stamp_of(line.clock() + DAY))
    item.deadline_time.CopyFrom(moments.stamp_of(line.clock() + 10 * DAY))
    selection = nouns.TargetSelection(divisions=targets or (TOWN, OTHER))
    where = app or line.province
    done: service.IssueItemResponse
    done = await issue.issue(where, a_call(by), item, selection)
    await line.settle()
    return UUID(done.item.item_id)


async def report_on(line: Line, item_id: UUID, *towns: Code) -> None:
    """Have townships report; nobody above hears of it yet."""
    await report_at(line.township, item_id, *towns)


async def report_at(app: App, item_id: UUID, *divisions: Code) -> None:
    """Have units report at their node."""
    pieces = tuple(Piece(Key(item_id, one), 0, letters.a_report()) for one in divisions)
    filing = Filing(Request(uuid4(), "test", b""), ACTOR, pieces)
    for outcome in await report.file(app, [filing]):
        assert not isinstance(outcome, TierError), outcome


async def verified(
    line: Line, item_id: UUID, *towns: Code, by: Code = PROVINCE
) -> None:
    """Have townships report, and all be verified, everywhere known."""
    await report_on(line, item_id, *towns)
    await line.climb()
    await judge.verify(line.province, a_call(by), item_id, [])
    await line.settle()


async def split_and_verified(line: Line) -> UUID:
    """Have a city split the province's item for a county, and all concluded."""
    item = letters.an_item(lead=PROVINCE, mode=nouns.MODE_CASCADE)
    item.receive_by_time.CopyFrom(moments.stamp_of(line.clock() + DAY))
    item.deadline_time.CopyFrom(moments.stamp_of(line.clock() + 10 * DAY))
    selection = nouns.TargetSelection(divisions=[CITY])
    done = await issue.issue(line.province, a_call(PROVINCE), item, selection)
    item_id = UUID(done.item.item_id)
    await line.settle()
    below = nouns.TargetSelection(divisions=[COUNTY])
    asked = issue.Split(item_id, below, None, None, "")
    await issue.split(line.city, a_call(CITY), asked)
    await line.settle()
    for app, code, above, judge_ in (
        (line.county, COUNTY, line.city, CITY),
        (line.city, CITY, line.province, PROVINCE),
    ):
        await report_at(app, item_id, code)
        await line.climb()
        await judge.verify(above, a_call(judge_), item_id, [])
        await line.settle()
    conclusion = nouns.Conclusion(
        summary="总体落实", outcome=nouns.Conclusion.OUTCOME_SATISFIED
    )
    await end.conclude(line.province, a_call(PROVINCE), item_id, conclusion)
    await line.settle()
    return item_id


async def withdraw(line: Line, item_id: UUID) -> None:
    """Have the province take its item back."""
    await end.withdraw(line.province, a_call(PROVINCE), item_id, "重复（模拟）")


async def told(app: App, *kinds: int) -> list[tuple[str, dict[str, str], int]]:
    """Return whom a node told of these kinds, oldest first: division, details, light."""
    async with app.db.reading() as tx:
        rows = await tx.fetch(NOTICES, list(kinds))
    return [(row["division"], json.loads(row["details"]), row["light"]) for row in rows]
