"""A city, a county, its townships, an item passed down to them, and what they ask (simulated)."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from ducha.assignment.v1 import assignment_pb2 as nouns
from ducha.link.v1 import link_pb2
from ducha.petition.v1 import petition_pb2 as pb
from ducha.petition.v1 import petition_service_pb2 as api
from tests.divisions import an_entry
from tests.doors import letters
from tests.servers import AnApp, carry
from tier.acting import Call
from tier.app import App, Arrived
from tier.assignment import queries as assignment_queries
from tier.assignment.actions import end, issue, judge, report
from tier.assignment.actions.report import Filing, Piece
from tier.assignment.capability import CAPABILITY as ASSIGNMENT
from tier.assignment.model import Key
from tier.calendar.capability import CAPABILITY as CALENDAR
from tier.division import store as division_store
from tier.division.capability import CAPABILITY as DIVISION
from tier.inbox import Kind as Notified
from tier.jurisdiction import Code, Level
from tier.node import Neighbour, Node
from tier.petition import queries, wire
from tier.petition.actions import decide, file
from tier.petition.capability import CAPABILITY
from tier.petition.model import Petition
from tier.petition.store import load
from tier.runtime.errors import TierError
from tier.runtime.requests import Request

DOORS = {
    kind: door
    for capability in (DIVISION, CALENDAR, ASSIGNMENT, CAPABILITY)
    for kind, door in capability.kinds.items()
}
MONDAY = datetime(2026, 3, 2, 1, tzinfo=UTC)
"""Nine in the morning in China; the two weeks that follow have no holiday."""

CITY = Node(
    "kunming",
    Level.CITY,
    (Code("5301"),),
    None,
    (Neighbour("wuhua", (Code("530102"),)), Neighbour("panlong", (Code("530103"),))),
)
COUNTY = Node(
    "wuhua",
    Level.COUNTY,
    (Code("530102"),),
    "kunming",
    (Neighbour("streets", (Code("530102"),)),),
)
STREETS = Node("streets", Level.TOWNSHIP, (Code("530102"),), "wuhua")
ABOVE, MIDDLE = Code("5301"), Code("530102")
TOWN, OTHER, SPARE = map(Code, ("530102001", "530102002", "530102003"))
TREE = ("53", ABOVE, MIDDLE, TOWN, OTHER, SPARE, "530103")
OFFICER, AUTHOR, COLLEAGUE = (
    "乡镇干部（模拟）",
    "督查专员甲（模拟）",
    "督查专员乙（模拟）",
)
EXTENSION, SUSPENSION = pb.PETITION_KIND_EXTENSION, pb.PETITION_KIND_SUSPENSION
RESUMPTION, DISPUTE = pb.PETITION_KIND_RESUMPTION, pb.PETITION_KIND_DISPUTE
REVIEW = pb.PETITION_KIND_REVIEW
GRANTED, REFUSED = pb.OUTCOME_GRANTED, pb.OUTCOME_REFUSED
PENDING = pb.PETITION_STATE_PENDING


TOLD = """
    SELECT details FROM inbox_notice WHERE division = $1 AND kind = ANY($2) ORDER BY serial
"""
PETITIONS = [Notified.PETITION_FILED, Notified.PETITION_DECIDED]


@dataclass(slots=True)
class Clock:
    """A clock that tests move."""

    at: datetime = MONDAY

    def __call__(self) -> datetime:
        """Return the moment."""
        return self.at

    def wait(self, **stretch: float) -> None:
        """Let time pass."""
        self.at += timedelta(**stretch)


def a_call(division: Code, actor: str = AUTHOR) -> Call:
    """Return a write of a division, new each time."""
    return Call(Request(uuid4(), "test", b""), division, actor)


def a_draft(
    item_id: object, kind: pb.PetitionKind.ValueType, **more: Any
) -> api.PetitionDraft:
    """Return what an executor asks, as it should be; `more` changes it."""
    asked: dict[str, Any] = {"reason": "暴雨道路中断（模拟）"}
    if kind == EXTENSION:
        asked["days"] = 3
    if kind == SUSPENSION:
        asked["evidence"] = [pb.Evidence(text="气象预警", sha256="a" * 64)]
    return api.PetitionDraft(item_id=str(item_id), kind=kind, **{**asked, **more})


@dataclass
class Line:
    """Three tiers whose links carry only when told to, and an item between them."""

    city: App
    county: App
    streets: App
    clock: Clock
    item_id: UUID = field(default_factory=uuid4)

    @property
    def apps(self) -> tuple[App, App, App]:
        """All nodes, the highest first."""
        return self.city, self.county, self.streets

    def home(self, division: Code) -> App:
        """Return the node where a division acts."""
        return next(app for app in self.apps if app.node.acts_for(division))

    async def down(self) -> None:
        """Let what was recorded arrive below."""
        await carry(self.city, self.county, DOORS)
        await carry(self.county, self.streets, DOORS)

    async def up(self) -> None:
        """Let what was recorded arrive above."""
        await carry(self.streets, self.county, DOORS)
        await carry(self.county, self.city, DOORS)

    async def settled(self) -> None:
        """Let everything arrive everywhere."""
        await self.up()
        await self.down()
        await self.up()

    async def file(
        self, division: Code, *drafts: api.PetitionDraft, actor: str = OFFICER
    ) -> list[pb.Petition]:
        """File petitions where a division acts.

        Raises:
            TierError: they are refused.
        """
        read = [wire.draft_from(one, division, "") for one in drafts]
        done = await file.file(self.home(division), a_call(division, actor), read)
        return list(done.petitions)

    async def ask(
        self, division: Code, kind: pb.PetitionKind.ValueType, **more: Any
    ) -> str:
        """File one petition about the item; return its id."""
        [one] = await self.file(division, a_draft(self.item_id, kind, **more))
        return one.petition_id

    async def decide(
        self,
        division: Code,
        *petition_ids: str,
        outcome: pb.Outcome.ValueType = GRANTED,
        actor: str = COLLEAGUE,
        days: int = 0,
        transfer_to: str = "",
    ) -> list[pb.Petition]:
        """Decide petitions where a division acts.

        Raises:
            TierError: it is refused.
        """
        wanted = [
            wire.wanted_from(
                api.DecisionDraft(
                    petition_id=one,
                    outcome=outcome,
                    reason="情况属实（模拟）",
                    days=days,
                    transfer_to=transfer_to,
                ),
                "",
            )
            for one in petition_ids
        ]
        done = await decide.decide(self.home(division), a_call(division, actor), wanted)
        return list(done.petitions)

    async def withdraw(self, division: Code, *petition_ids: str) -> None:
        """Take petitions back where a division acts.

        Raises:
            TierError: it is refused.
        """
        ids = [UUID(one) for one in petition_ids]
        await file.withdraw(self.home(division), a_call(division, OFFICER), ids)

    async def seen(self, app: App, division: Code) -> nouns.Assignment:
        """Return the assignment of a division as a node holds it."""
        key = Key(self.item_id, division)
        return (await assignment_queries.get_assignment(app, key)).assignment

    async def item(self, app: App) -> nouns.Item:
        """Return the item as a node holds it."""
        return (await assignment_queries.get_item(app, self.item_id)).item

    async def report(self, division: Code) -> None:
        """Report for a division."""
        piece = Piece(Key(self.item_id, division), 0, letters.a_report())
        call = a_call(division)
        [done] = await report.file(
            self.home(division), [Filing(call.request, OFFICER, (piece,))]
        )
        if isinstance(done, TierError):
            raise done

    async def verify(self, division: Code, *divisions: Code) -> None:
        """Accept reports."""
        app = self.home(division)
        await judge.verify(app, a_call(division), self.item_id, divisions)

    async def concluded(self) -> None:
        """Bring the item to its conclusion, and let everybody hear of it."""
        for town in (TOWN, OTHER):
            await self.report(town)
        await self.up()
        await self.verify(MIDDLE, TOWN, OTHER)
        await self.report(MIDDLE)
        await self.up()
        await self.verify(ABOVE, MIDDLE)
        await self.conclude()
        await self.down()

    async def conclude(self, actor: str = AUTHOR) -> None:
        """Write the conclusion."""
        conclusion = nouns.Conclusion(
            summary="总体落实", outcome=nouns.Conclusion.OUTCOME_SATISFIED
        )
        await end.conclude(self.city, a_call(ABOVE, actor), self.item_id, conclusion)

    async def close(self) -> None:
        """Close the item."""
        await end.close(self.city, a_call(ABOVE), self.item_id)

    async def told(self, division: Code) -> list[dict[str, str]]:
        """Return what a unit was told about petitions, in order."""
        async with self.home(division).db.reading() as tx:
            rows = await tx.fetch(TOLD, division, PETITIONS)
        return [json.loads(row["details"]) for row in rows]


async def petition(app: App, petition_id: str) -> pb.Petition:
    """Return a petition as a node holds it."""
    return (await queries.get_petition(app, UUID(petition_id))).petition


async def held(app: App, petition_id: str) -> Petition:
    """Return a petition as a node's database has it."""
    async with app.db.reading() as tx:
        return (await load(tx, [UUID(petition_id)]))[UUID(petition_id)]


def an_item(clock: Clock, days: float) -> nouns.Item:
    """Return an item in cascade mode that may be issued."""
    item = letters.an_item(lead="5301", mode=nouns.MODE_CASCADE)
    item.receive_by_time.FromDatetime(clock.at + timedelta(days=2))
    item.deadline_time.FromDatetime(clock.at + timedelta(days=days))
    return item


@asynccontextmanager
async def a_line(
    an_app: AnApp, *, days: float = 28, room: float = 14
) -> AsyncIterator[Line]:
    """Issue an item at the city, due in `days`; the county leaves its towns `room` days less."""
    clock = Clock()
    async with (
        an_app(CITY, clock) as city,
        an_app(COUNTY, clock) as county,
        an_app(STREETS, clock) as streets,
    ):
        line = Line(city, county, streets, clock)
        for app in line.apps:
            async with app.db.transaction() as tx:
                await division_store.upsert(tx, [an_entry(code) for code in TREE])
        targets = nouns.TargetSelection(divisions=[MIDDLE])
        done = await issue.issue(city, a_call(ABOVE), an_item(clock, days), targets)
        line.item_id = UUID(done.item.item_id)
        await line.down()
        towns = nouns.TargetSelection(divisions=[TOWN, OTHER])
        until = clock.at + timedelta(days=days - room)
        asked = issue.Split(line.item_id, towns, None, until, "")
        await issue.split(county, a_call(MIDDLE), asked)
        await line.settled()
        yield line


def arrived(
    fact: link_pb2.Fact, area: tuple[Code, ...], *, downward: bool = False
) -> Arrived:
    """Return a fact as the link hands it in."""
    return Arrived(fact, UUID(fact.fact_id), fact.SerializeToString(), downward, area)
