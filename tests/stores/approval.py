"""A line of four tiers, answers at its end, and what each tier holds approved (simulated)."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import uuid4

from ducha.approval.v1 import approval_pb2
from ducha.approval.v1 import approval_service_pb2 as pb
from ducha.collection.v1 import collection_pb2 as nouns
from ducha.collection.v1 import collection_service_pb2 as collection
from ducha.registry.v1 import registry_pb2
from services.township.collection import actions as collecting
from services.township.collection.batch import Filing
from tests.catalogue import element, publish
from tests.divisions import a_row, load
from tests.servers import AnApp, carry
from tier.acting import Call
from tier.app import App
from tier.approval import actions, queries
from tier.approval.actions import Wanted
from tier.approval.capability import CAPABILITY
from tier.catalogue.capability import CAPABILITY as CATALOGUE
from tier.division.capability import CAPABILITY as DIVISION
from tier.jurisdiction import Code, Level
from tier.node import Neighbour, Node
from tier.registry import marked_within
from tier.registry.capability import CAPABILITY as REGISTRY
from tier.registry.model import STAGE
from tier.runtime import requests
from tier.runtime.errors import TierError

PERIOD = "2026-11"
NOW = datetime(2026, 12, 1, 2, tzinfo=UTC)
ACTOR = "审核员（模拟）"
CODES = ("people.total", "people.old", "roads.length")
PROVINCE, CITY, COUNTY = map(Code, ("53", "5301", "530102"))
TOWNSHIP, SIBLING, AWAY = map(Code, ("530102001", "530102002", "530103001"))
DOORS = {
    kind: door
    for capability in (DIVISION, CATALOGUE, REGISTRY, CAPABILITY)
    for kind, door in capability.kinds.items()
}


@dataclass(slots=True)
class Clock:
    """A clock that tests move."""

    at: datetime = NOW

    def __call__(self) -> datetime:
        """Return the moment."""
        return self.at


def a_line(root: Code = PROVINCE) -> list[Node]:
    """Return four nodes, one a tier, each with all of the root; the home of values first."""
    names = ("township", "county", "city", "province")
    nodes = []
    for place, name in enumerate(names):
        child = (Neighbour(names[place - 1], (root,)),) if place else ()
        parent = names[place + 1] if place + 1 < len(names) else None
        level = Level(Level.TOWNSHIP - place)
        nodes.append(Node(name, level, (root,), parent, child))
    return nodes


@dataclass(slots=True)
class Line:
    """Apps from the home of the values up, and what they are told."""

    apps: Sequence[App]
    clock: Clock

    @property
    def township(self) -> App:
        """Return the node where values are given."""
        return self.apps[0]

    @property
    def county(self) -> App:
        """Return the node above it."""
        return self.apps[1]

    async def climb(self) -> None:
        """Let all that was recorded arrive at every tier above."""
        for below, above in zip(self.apps, self.apps[1:], strict=False):
            await carry(below, above, DOORS)

    async def descend(self) -> None:
        """Let all that was recorded arrive at every tier below."""
        for place in range(len(self.apps) - 1, 0, -1):
            await carry(self.apps[place], self.apps[place - 1], DOORS)

    async def settle(self) -> None:
        """Let everything arrive everywhere."""
        await self.climb()
        await self.descend()

    async def stages(self) -> list[dict[str, list[int]]]:
        """Return how far each tier holds the values of each sheet approved."""
        return [await stages(app) for app in self.apps]


@asynccontextmanager
async def a_running_line(an_app: AnApp, tiers: int = 4) -> AsyncIterator[Line]:
    """Give the lowest tiers of a line, with a catalogue, and divisions at the lowest."""
    clock = Clock()
    async with AsyncExitStack() as stack:
        nodes = a_line()[:tiers]
        apps = [await stack.enter_async_context(an_app(node, clock)) for node in nodes]
        line = Line(apps, clock)
        await publish(apps[-1], *map(element, CODES))
        await line.descend()
        rows = (PROVINCE, CITY, COUNTY, "530103", TOWNSHIP, SIBLING, AWAY)
        await load(apps[0], [a_row(code) for code in rows])
        yield line


def submission(
    division: str, values: dict[str, int], reason: str = "", base: int | None = None
) -> collection.SubmitAnswersRequest:
    """Return values of a division for the period."""
    answer = nouns.Answer(
        division=division,
        period=PERIOD,
        values=[
            registry_pb2.Value(element=code, number=number)
            for code, number in values.items()
        ],
        reason=reason,
        base_revision=base,
    )
    return collection.SubmitAnswersRequest(
        request_id=str(uuid4()), actor="填报员（模拟）", answers=[answer]
    )


async def answer(
    app: App,
    division: str,
    values: dict[str, int] | None = None,
    reason: str = "",
    base: int | None = None,
) -> collection.SubmitAnswersResponse:
    """Give values as a township does; all three, unless said otherwise.

    Raises:
        TierError: they are refused.
    """
    message = submission(division, values or dict.fromkeys(CODES, 5), reason, base)
    request = requests.identify(message, message.request_id)
    [outcome] = await collecting.file(
        app, [Filing(request, message.actor, message.answers)]
    )
    if isinstance(outcome, TierError):
        raise outcome
    return collection.SubmitAnswersResponse.FromString(outcome)


async def approve(app: App, division: Code) -> pb.ApprovePeriodResponse:
    """Approve the period as a unit does."""
    message = pb.ApprovePeriodRequest(
        request_id=str(uuid4()), division=division, actor=ACTOR, period=PERIOD
    )
    request = requests.identify(message, message.request_id)
    return await actions.approve(app, Call(request, division, ACTOR), PERIOD)


async def unlock(
    app: App, authority: Code, within: Code, days: float = 1
) -> approval_pb2.Unlocking:
    """Unlock the period as a unit does."""
    message = pb.UnlockPeriodRequest(request_id=str(uuid4()))
    request = requests.identify(message, message.request_id)
    wanted = Wanted(within, PERIOD, "更正（模拟）", app.now() + timedelta(days=days))
    call = Call(request, authority, ACTOR)
    return (await actions.unlock(app, call, wanted)).unlocking


async def stages(app: App) -> dict[str, list[int]]:
    """Return how far a tier holds the values of each sheet approved."""
    async with app.db.reading() as tx:
        rows = await marked_within(tx, PERIOD, PROVINCE)
    return {row.division: [flag // STAGE % 8 for flag in row.flags] for row in rows}


async def approvals(app: App) -> list[approval_pb2.Approval]:
    """Return the approvals that a tier knows."""
    request = pb.ListApprovalsRequest(period=PERIOD)
    return list((await queries.list_approvals(app, request)).approvals)


async def unlockings(app: App) -> list[approval_pb2.Unlocking]:
    """Return the unlockings that a tier knows."""
    response = await queries.list_unlockings(app, pb.ListUnlockingsRequest())
    return list(response.unlockings)
