"""Values asked at a province and given at its townships (simulated), for tests that read them.

Two tiers are enough to read: the townships' node is the home of every value, the province's
hears of it over a link that `carry_all` walks both ways until nothing moves.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import grpc
import pytest

from ducha.assignment.v1 import assignment_pb2
from ducha.catalogue.v1 import catalogue_pb2
from ducha.collection.v1 import collection_pb2, collection_service_pb2
from ducha.division.v1 import division_pb2
from ducha.registry.v1 import registry_pb2
from ducha.registry.v1 import registry_service_pb2 as pb
from ducha.registry.v1 import registry_service_pb2_grpc as stubs
from services.township.collection import actions as collection
from services.township.collection import conflicts
from services.township.collection.batch import Filing
from tests.catalogue import element, publish
from tests.divisions import a_row, load
from tests.servers import AnApp, carry, refusal, served
from tier.acting import Call
from tier.app import App
from tier.catalogue.capability import CAPABILITY as CATALOGUE
from tier.division.capability import CAPABILITY as DIVISION
from tier.jurisdiction import Code, Level
from tier.node import Neighbour, Node
from tier.registry.actions import asking
from tier.registry.actions.asking import Asked
from tier.registry.capability import CAPABILITY
from tier.runtime.errors import TierError
from tier.runtime.requests import Request

START = datetime(2026, 11, 23, 8, tzinfo=UTC)
DEADLINE = START + timedelta(days=2)
PERIOD = "2026-11"
ROOT = Code("53")
PROVINCE = Node(
    "province", Level.PROVINCE, (ROOT,), None, (Neighbour("towns", (ROOT,)),)
)
TOWNSHIPS = Node("towns", Level.TOWNSHIP, (ROOT,), "province")
TOWNS = [
    f"{county}{town:03}" for county in ("530102", "530103", "530302") for town in (1, 2)
]
AREAS = ["53", "5301", "5303", "530102", "530103", "530302"]
PEOPLE, PRICE, NOTE = "people.total", "price.mean", "roads.note"
ELEMENTS = (
    element(PEOPLE),
    element(PRICE, decimals=2),
    element(NOTE, type=catalogue_pb2.VALUE_TYPE_TEXT),
)
DOORS = {**DIVISION.kinds, **CATALOGUE.kinds, **CAPABILITY.kinds}


class Clock:
    """A clock that only moves when it is told to."""

    def __init__(self) -> None:
        """Begin at START."""
        self.at = START

    def __call__(self) -> datetime:
        """Return the time."""
        return self.at

    def pass_(self, **time: float) -> datetime:
        """Let time pass."""
        self.at += timedelta(**time)
        return self.at


@asynccontextmanager
async def two_tiers(
    an_app: AnApp, clock: Clock, towns: Sequence[str] = TOWNS
) -> AsyncIterator[tuple[App, App]]:
    """Give a province and its townships, with divisions and a catalogue."""
    async with an_app(PROVINCE, clock) as province, an_app(TOWNSHIPS, clock) as below:
        areas = {code[:6] for code in towns} | set(AREAS)
        await load(province, [a_row(code) for code in [*sorted(areas), *towns]])
        await publish(province, *ELEMENTS)
        await carry_all(province, below)
        yield province, below


async def carry_all(province: App, below: App) -> None:
    """Carry facts both ways until nothing moves."""
    while await carry(province, below, DOORS) + await carry(below, province, DOORS):
        pass


async def ask(
    app: App,
    *elements: str,
    divisions: Sequence[str] = ("53",),
    deadline: datetime = DEADLINE,
    period: str = PERIOD,
) -> UUID:
    """Ask for values of all townships within divisions; return the request's id."""
    message = registry_pb2.DataRequest(
        requester="模拟部门",
        title="模拟申请",
        elements=elements,
        period=period,
        use="planning",
    )
    message.deadline_time.FromDatetime(deadline)
    targets = assignment_pb2.TargetSelection(
        level=division_pb2.LEVEL_TOWNSHIP, within=divisions
    )
    call = Call(Request(uuid4(), "test", b""), app.node.hosts[0], "张（模拟）")
    made = await asking.request(app, call, Asked(message, targets, False))  # noqa: FBT003 - a field
    return UUID(made.data_request.data_request_id)


async def withdraw(app: App, request_id: UUID) -> None:
    """Take a request back."""
    call = Call(Request(uuid4(), "test", b""), app.node.hosts[0], "张（模拟）")
    await asking.withdraw(app, call, request_id, "不再需要")


async def give(
    app: App, town: str, people: int | None = None, **over: Any
) -> collection_service_pb2.SubmitAnswersResponse:
    """Give values at a township: a number of people, or whatever `over` says."""
    fields: dict[str, Any] = {"division": town, "period": PERIOD}
    if people is not None:
        fields["values"] = [registry_pb2.Value(element=PEOPLE, number=people)]
    answer = collection_pb2.Answer(**fields | over)
    filing = Filing(Request(uuid4(), "test", b""), "李（模拟）", [answer])
    (taken,) = await collection.file(app, [filing])
    if isinstance(taken, TierError):
        raise taken
    return collection_service_pb2.SubmitAnswersResponse.FromString(taken)


async def conflict(app: App, town: str, people: int) -> str:
    """Give a value as one who saw none of what stands; return the conflict's id."""
    done = await give(app, town, people, base_revision=0, author_division=town)
    return str(done.remarks[0].conflict_ids[0])


async def decide(app: App, conflict_id: str, *, take_rival: bool) -> None:
    """Decide a conflict where it is at home."""
    await conflicts.resolve(
        app,
        collection_service_pb2.ResolveConflictRequest(
            request_id=str(uuid4()),
            actor="王（模拟）",
            conflict_id=conflict_id,
            take_rival=take_rival,
            reason="已核实",
        ),
    )


@asynccontextmanager
async def a_door(app: App) -> AsyncIterator[stubs.RegistryServiceAsyncStub]:
    """Serve the registry as a tier does, and call it."""
    async with served(app, CAPABILITY.services) as channel:
        yield stubs.RegistryServiceStub(channel)


async def reason(call: Any) -> str:
    """Return why a call is refused."""
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await call
    return refusal(refused.value).reason


async def observations(
    door: stubs.RegistryServiceAsyncStub, size: int = 0, **over: Any
) -> list[registry_pb2.Observation]:
    """Return the values of all pages."""
    request = pb.ListObservationsRequest(period=PERIOD, page_size=size, **over)
    shown: list[registry_pb2.Observation] = []
    while True:
        page = await door.ListObservations(request)
        shown.extend(page.observations)
        if not page.next_page_token:
            return shown
        assert page.observations
        request.page_token = page.next_page_token
