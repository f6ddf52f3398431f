"""Nodes on which items live their whole life, and a link between them that can be cut.

A desk is a node as a caller sees it, over real gRPC; its clock is the test's own. Timers run
when the test says so. What neighbours hold in common can be compared, row by row.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import grpc

from ducha.assignment.v1 import assignment_pb2 as nouns
from ducha.assignment.v1 import assignment_service_pb2 as api
from ducha.assignment.v1.assignment_service_pb2_grpc import AssignmentServiceStub
from ducha.petition.v1.petition_service_pb2_grpc import PetitionServiceStub
from ducha.rectification.v1.rectification_service_pb2_grpc import (
    RectificationServiceStub,
)
from ducha.statistics.v1.statistics_service_pb2 import (
    AuditStatisticsRequest,
    AuditStatisticsResponse,
)
from ducha.statistics.v1.statistics_service_pb2_grpc import StatisticsServiceStub
from ducha.urging.v1.urging_service_pb2_grpc import UrgingServiceStub
from tests.divisions import an_entry
from tests.registry import Clock
from tests.servers import AnApp, carry, served
from tier.app import App
from tier.assignment.capability import CAPABILITY as ASSIGNMENT
from tier.calendar.capability import CAPABILITY as CALENDAR
from tier.division import store as division_store
from tier.division.capability import CAPABILITY as DIVISION
from tier.jurisdiction import Code, Level
from tier.node import Neighbour, Node
from tier.petition import settling
from tier.petition.capability import CAPABILITY as PETITION
from tier.rectification.capability import CAPABILITY as RECTIFICATION
from tier.statistics.capability import CAPABILITY as STATISTICS
from tier.timing.capability import CAPABILITY as TIMING
from tier.timing.sweeping import Sweeping
from tier.urging.capability import CAPABILITY as URGING

CAPABILITIES = (DIVISION, CALENDAR, ASSIGNMENT, PETITION, RECTIFICATION, URGING, TIMING)
DOORS = {kind: door for one in CAPABILITIES for kind, door in one.kinds.items()}
SERVICES = [
    add
    for one in (ASSIGNMENT, PETITION, RECTIFICATION, URGING, STATISTICS)
    for add in one.services
]

CITY, COUNTY = Code("5301"), Code("530102")
TOWN, OTHER_TOWN, THIRD_TOWN = map(Code, ("530102001", "530102002", "530102003"))
VILLAGE = Code("530102001001")
FAR_CITY = Code("5303")
TREE = ("53", CITY, FAR_CITY, COUNTY, TOWN, OTHER_TOWN, THIRD_TOWN, VILLAGE)

UPPER = Node("kunming", Level.CITY, (CITY,), None, (Neighbour("wuhua", (COUNTY,)),))
LOWER = Node("wuhua", Level.COUNTY, (COUNTY,), "kunming")
"""Without a node below: its townships act there, too."""
ALONE = Node("province", Level.PROVINCE, (Code("53"),))

ACTOR, OTHER_ACTOR = "经办人甲", "经办人乙"

# Rows that neighbours hold in common, without what is a node's own: the trace that brought an
# item, what holds the closing where the issuer acts, when a node heard of a petition, and
# whether that was too late, which a decision tells; and the mark that an assigner urged by
# rule, for which urges speak.
OWN_STEPS = "WHERE step <> 5"
COMMON: Mapping[str, tuple[str, ...]] = {
    "assignment": (),
    "assignment_item": ("traceparent", "rectifications", "reviews"),
    "assignment_return": (),
    "assignment_deadline_move": (),
    "petition": ("recorded_at", "late_arrival"),
    "rectification": ("reminded_round",),
    "urging_urge": (),
    "timing_raised": (),
}


@dataclass
class Desk:
    """A node as a caller sees it."""

    app: App
    channel: grpc.aio.Channel
    sweeping: Sweeping

    def __post_init__(self) -> None:
        self.items = AssignmentServiceStub(self.channel)
        self.petitions = PetitionServiceStub(self.channel)
        self.points = RectificationServiceStub(self.channel)
        self.urges = UrgingServiceStub(self.channel)
        self.statistics = StatisticsServiceStub(self.channel)

    async def rows(self, table: str) -> dict[str, str]:
        """Return the rows of a table as text, by what names them, without what is its own."""
        own = "".join(f" - '{column}'" for column in COMMON[table])
        where = OWN_STEPS if table == "timing_raised" else ""
        async with self.app.db.reading() as tx:
            found = await tx.fetch(
                f"SELECT (to_jsonb(t){own})::text AS row FROM {table} t {where}"  # noqa: S608
            )
        return {row["row"]: row["row"] for row in found}

    async def fetch(self, sql: str, *given: object) -> list[Any]:
        """Look into the database."""
        async with self.app.db.reading() as tx:
            return await tx.fetch(sql, *given)

    async def audit(self) -> AuditStatisticsResponse:
        """Compare statistics with the ledger."""
        return await self.statistics.AuditStatistics(AuditStatisticsRequest())

    async def sweep(self) -> int:
        """Let timers work what is due."""
        return await self.sweeping.sweep()


@asynccontextmanager
async def a_desk(an_app: AnApp, node: Node, clock: Clock) -> AsyncIterator[Desk]:
    """Make a node with its divisions, and call it."""
    async with an_app(node, clock.now) as app:
        async with app.db.transaction() as tx:
            await division_store.upsert(tx, [an_entry(code) for code in TREE])
        async with served(app, SERVICES) as channel:
            yield Desk(app, channel, Sweeping(app))


@dataclass
class Pair:
    """A city, a county with its townships, and the link between them."""

    upper: Desk
    lower: Desk
    clock: Clock

    async def exchange(self) -> int:
        """Carry facts both ways until nothing is owed; return how many went.

        What nodes do by themselves a moment after a fact, they do at once.
        """
        carried = 0
        while True:
            went = await carry(self.upper.app, self.lower.app, DOORS)
            went += await carry(self.lower.app, self.upper.app, DOORS)
            for desk in (self.upper, self.lower):
                went += await settling.settle(desk.app)
            carried += went
            if not went:
                return carried

    async def sweep(self) -> None:
        """Let the timers of both work what is due."""
        await self.upper.sweep()
        await self.lower.sweep()

    async def differing(self) -> list[str]:
        """Return where the two hold different rows."""
        found = []
        for table in COMMON:
            above, below = await self.upper.rows(table), await self.lower.rows(table)
            found += [f"{table} above: {above[key]}" for key in above.keys() - below]
            found += [f"{table} below: {below[key]}" for key in below.keys() - above]
        return found


@asynccontextmanager
async def a_pair(an_app: AnApp, clock: Clock) -> AsyncIterator[Pair]:
    """Make both, and let them greet."""
    async with AsyncExitStack() as stack:
        upper = await stack.enter_async_context(a_desk(an_app, UPPER, clock))
        lower = await stack.enter_async_context(a_desk(an_app, LOWER, clock))
        yield Pair(upper, lower, clock)


def request_id() -> str:
    """Return a new id of a request."""
    return str(uuid4())


def an_item(
    now: datetime,
    *,
    mode: nouns.Mode.ValueType = nouns.MODE_CASCADE,
    lead: str = CITY,
    days: float = 10,
) -> nouns.Item:
    """Return an item with moments given, not counted."""
    item = nouns.Item(
        title="基层减负专项督查",
        basis="模拟依据",
        scheme=nouns.Scheme(content="会议、文件与检查"),
        source_type=nouns.SOURCE_TYPE_PLAN_LINE,
        urgency=nouns.URGENCY_ROUTINE,
        lead_unit=nouns.Unit(division=lead, name="政府督查室"),
        mode=mode,
        closing_rule=nouns.ClosingRule(kind=nouns.ClosingRule.KIND_ALL),
        skip_level_reason="面上情况摸底",
    )
    item.receive_by_time.FromDatetime(now + timedelta(days=days / 4))
    item.deadline_time.FromDatetime(now + timedelta(days=days))
    return item


def issue(
    item: nouns.Item, targets: Sequence[str], division: str = CITY
) -> api.IssueItemRequest:
    """Issue an item to named targets."""
    return api.IssueItemRequest(
        request_id=request_id(),
        division=division,
        actor=ACTOR,
        item=item,
        targets=nouns.TargetSelection(divisions=targets),
    )
