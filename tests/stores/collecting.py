"""A county that asks and a township that answers (simulated), for tests of collection.

The catalogue is published at both, and what the county asks is carried down; the township
is called through its gRPC door.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import grpc
import pytest

from ducha.assignment.v1 import assignment_pb2
from ducha.catalogue.v1 import catalogue_pb2
from ducha.collection.v1 import collection_pb2 as nouns
from ducha.collection.v1 import collection_service_pb2 as pb
from ducha.collection.v1.collection_service_pb2_grpc import CollectionServiceStub
from ducha.registry.v1 import registry_pb2
from services.township.collection.rpc import add_service
from services.township.collection.rules import values_in_force
from tests.catalogue import element, publish
from tests.divisions import a_request, an_entry
from tests.doors.tiers import footprint
from tests.servers import AnApp, Refusal, carry, refusal, served
from tier import catalogue, registry
from tier.acting import Call
from tier.app import App
from tier.division.store import upsert
from tier.jurisdiction import Code, Level
from tier.node import Neighbour, Node
from tier.registry.actions import asking
from tier.registry.actions.asking import Asked
from tier.registry.facts import KINDS

TOWNS = ("530102001", "530102002", "530102003")
TOWN, OTHER, THIRD = TOWNS
NOWHERE = "530102004"
"""Hosted, and no division stands there."""
VILLAGE, GRID = "530102001001", "530102001001001"
COUNTY = Node(
    "wuhua",
    Level.COUNTY,
    (Code("530102"),),
    None,
    (Neighbour("towns", tuple(map(Code, [*TOWNS, NOWHERE]))),),
)
TOWNSHIP = Node("towns", Level.TOWNSHIP, tuple(map(Code, [*TOWNS, NOWHERE])), "wuhua")
ACTOR = "李四（模拟）"
PERIOD, BEFORE = "2026-11", "2026-10"
START = datetime(2026, 11, 20, 8, tzinfo=UTC)
CODES = [
    catalogue_pb2.CodeListEntry(code=code, name_zh=name, name_en=name)
    for code, name in (("01", "好"), ("02", "差"))
]


def elements() -> list[catalogue_pb2.Element]:
    """Return an element of each type, and one that grows old in ten days."""
    fresh = catalogue_pb2.Freshness()
    fresh.max_age.FromTimedelta(timedelta(days=10))
    return [
        element("households", unit="户", rule="value >= 0.0"),
        element("income", type=catalogue_pb2.VALUE_TYPE_MONEY, decimals=2, unit="万元"),
        element("inspected", type=catalogue_pb2.VALUE_TYPE_DATE),
        element("road", type=catalogue_pb2.VALUE_TYPE_CODE, codes=CODES),
        element("remarks", type=catalogue_pb2.VALUE_TYPE_TEXT),
        element("flooded", type=catalogue_pb2.VALUE_TYPE_BOOLEAN),
        element("wells", freshness=fresh),
    ]


@dataclass(slots=True)
class Clock:
    """A clock of the test's own."""

    now: datetime = START

    def __call__(self) -> datetime:
        return self.now


@dataclass(slots=True)
class Office:
    """A county and its township node, and the township's door."""

    county: App
    town: App
    door: Any
    clock: Clock

    async def ask(self, *codes: str, of: Sequence[str] = TOWNS, **over: Any) -> UUID:
        """Let the county ask, and carry it down."""
        fields: dict[str, Any] = {
            "requester": "民政局（模拟）",
            "title": "模拟采集",
            "elements": codes,
            "period": PERIOD,
            "use": "planning",
        }
        message = registry_pb2.DataRequest(**fields | over)
        if not message.HasField("deadline_time"):
            message.deadline_time.FromDatetime(self.clock.now + timedelta(days=5))
        targets = assignment_pb2.TargetSelection(divisions=of)
        call = Call(a_request(), Code("530102"), "王五（模拟）")
        made = await asking.request(self.county, call, Asked(message, targets, False))  # noqa: FBT003 - as the proto has it
        await carry(self.county, self.town, KINDS)
        return UUID(made.data_request.data_request_id)

    async def tell(self) -> int:
        """Carry up what the township owes."""
        return await carry(self.town, self.county, KINDS)

    async def submit(
        self, *answers: nouns.Answer, request_id: str = ""
    ) -> pb.SubmitAnswersResponse:
        request = pb.SubmitAnswersRequest(
            request_id=request_id or str(uuid4()), actor=ACTOR, answers=answers
        )
        told: pb.SubmitAnswersResponse = await self.door.SubmitAnswers(request)
        return told

    async def tasks(self, **over: Any) -> list[nouns.Task]:
        return list((await self.door.ListTasks(pb.ListTasksRequest(**over))).tasks)

    async def footprint(self) -> dict[str, tuple[int, str]]:
        """Return (rows, digest) of every table of the township."""
        async with self.town.db.reading() as tx:
            return await footprint(tx.fetch)

    async def values(self, division: str = TOWN) -> dict[str, Any]:
        """Return what the township holds of a division, as it is kept, by element."""
        return await kept(self.town, division)


@asynccontextmanager
async def an_office(an_app: AnApp) -> AsyncIterator[Office]:
    """Open a county and its township node, with divisions and a catalogue."""
    clock = Clock()
    codes = ["530102", *TOWNS, VILLAGE, GRID]
    async with an_app(COUNTY, clock) as county, an_app(TOWNSHIP, clock) as town:
        for app in (county, town):
            async with app.db.transaction() as tx:
                await upsert(tx, [an_entry(code) for code in codes])
            await publish(app, *elements())
        async with served(town, [add_service]) as channel:
            yield Office(county, town, CollectionServiceStub(channel), clock)


async def kept(app: App, division: str = TOWN, period: str = PERIOD) -> dict[str, Any]:
    """Return what a node holds of a division, as it is kept, by element."""
    key = registry.Key(Code(division), period)
    async with app.db.reading() as tx:
        known = await catalogue.held(tx, app.db)
        sheet = (await registry.sheets(tx, [key])).get(key)
    if sheet is None:
        return {}
    numbered = {int(one.number): code for code, one in known.elements.items()}
    held = values_in_force(sheet)
    return {numbered[number]: one.kept for number, one in held.items()}


def value(code: str, given: Any) -> registry_pb2.Value:
    """Return a value; a day is written `date:2026-11-01`."""
    if isinstance(given, bool):
        return registry_pb2.Value(element=code, boolean=given)
    if isinstance(given, str) and given.startswith("date:"):
        return registry_pb2.Value(element=code, date=given[5:])
    if isinstance(given, str):
        return registry_pb2.Value(element=code, text=given)
    return registry_pb2.Value(element=code, number=given)


def answer(
    values: Mapping[str, Any] | None = None,
    division: str = TOWN,
    **over: Any,
) -> nouns.Answer:
    """Return an answer for the period."""
    fields: dict[str, Any] = {
        "division": division,
        "period": PERIOD,
        "values": [value(code, given) for code, given in (values or {}).items()],
    }
    return nouns.Answer(**fields | over)


async def refused(call: Any) -> Refusal:
    """Return what a refused call was told."""
    with pytest.raises(grpc.aio.AioRpcError) as told:
        await call
    return refusal(told.value)
