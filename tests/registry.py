"""A province, two cities, two counties and their townships, without a network (simulated data).

`a_line` makes the nodes with their divisions and a catalogue; `Line` asks, answers, takes
back and carries facts between them. What contradicts itself: see `tests.registry_audit`.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

from google.protobuf.message import Message

from ducha.assignment.v1 import assignment_pb2
from ducha.catalogue.v1 import catalogue_pb2
from ducha.collection.v1 import collection_pb2, collection_service_pb2
from ducha.registry.v1 import registry_pb2, registry_service_pb2
from services.township.collection import actions as collection
from services.township.collection.batch import Filing
from tests import catalogue
from tests.divisions import an_entry
from tests.servers import AnApp, carry, quarantined
from tier import ledger
from tier.acting import Call
from tier.app import App
from tier.catalogue.capability import CAPABILITY as CATALOGUE
from tier.division import store as division_store
from tier.jurisdiction import Code, Level
from tier.node import Neighbour, Node
from tier.registry import store
from tier.registry.actions import asking
from tier.registry.actions.asking import Asked
from tier.registry.capability import CAPABILITY as REGISTRY
from tier.registry.model import Key, Sheet
from tier.runtime import moments
from tier.runtime.errors import TierError
from tier.runtime.requests import Request

DOORS = {**CATALOGUE.kinds, **REGISTRY.kinds}
START = datetime(2026, 11, 1, tzinfo=UTC)
PERIOD = "2026-11"
ACTOR = "模拟经办人"
TOWN, NEXT_TOWN, FAR_TOWN = (
    Code("530102001"),
    Code("530102002"),
    Code("530302001"),
)
VILLAGE = Code("530102001001")
CODES = (
    "53", "5301", "5303", "530102", "530302", TOWN, NEXT_TOWN, FAR_TOWN, VILLAGE,
)  # fmt: skip


def _node(
    name: str,
    level: Level,
    host: str,
    parent: str | None = None,
    **children: str,
) -> Node:
    below = tuple(Neighbour(child, (Code(code),)) for child, code in children.items())
    return Node(name, level, (Code(host),), parent, below)


PROVINCE = _node("province", Level.PROVINCE, "53", kunming="5301", qujing="5303")
KUNMING = _node("kunming", Level.CITY, "5301", "province", wuhua="530102")
QUJING = _node("qujing", Level.CITY, "5303", "province", qilin="530302")
WUHUA = _node("wuhua", Level.COUNTY, "530102", "kunming", streets="530102")
QILIN = _node("qilin", Level.COUNTY, "530302", "qujing", fields="530302")
STREETS = _node("streets", Level.TOWNSHIP, "530102", "wuhua")
FIELDS = _node("fields", Level.TOWNSHIP, "530302", "qilin")
NODES = (PROVINCE, KUNMING, QUJING, WUHUA, QILIN, STREETS, FIELDS)
EAST = (PROVINCE, QUJING, QILIN, FIELDS)
WEST = (PROVINCE, KUNMING, WUHUA, STREETS)
"""One node a tier: enough where cities do not matter."""


@dataclass
class Clock:
    """A clock that stands until it is moved."""

    at: datetime = START

    def now(self) -> datetime:
        """Return the moment."""
        return self.at

    def wait(self, **time: float) -> None:
        """Let time pass."""
        self.at += timedelta(**time)


@dataclass
class Line:
    """Nodes that know the same catalogue, and the clock they share."""

    apps: Mapping[str, App]
    clock: Clock
    requests: dict[str, Code] = field(default_factory=dict)
    """Who made which data request."""

    def at(self, division: str) -> App:
        """Return the node that acts for a division."""
        code = Code(division)
        return next(app for app in self.apps.values() if app.node.acts_for(code))

    async def ask(
        self,
        requester: str,
        elements: Sequence[str],
        *targets: str,
        period: str = PERIOD,
        days: float = 10,
    ) -> registry_service_pb2.RequestDataResponse:
        """Ask for elements of areas, by default of the whole of the requester."""
        app = self.at(requester)
        call = Call(a_request(), Code(requester), ACTOR)
        need = a_need(self.clock.at, elements, period, days)
        asked = Asked(need, areas(targets), expect_nothing_held=False)
        response = await asking.request(app, call, asked)
        self.requests[response.data_request.data_request_id] = call.division
        return response

    async def withdraw(self, request_id: str) -> TierError | None:
        """Take a request back, as its requester; return the refusal, if it is refused."""
        division = self.requests[request_id]
        call = Call(a_request(), division, ACTOR)
        try:
            await asking.withdraw(self.at(division), call, UUID(request_id), "不再需要")
        except TierError as refusal:
            return refusal
        return None

    async def answer(
        self,
        division: str,
        numbers: Mapping[str, float],
        *,
        period: str = PERIOD,
        hours_ago: float = 0,
        base: int | None = None,
    ) -> collection_service_pb2.SubmitAnswersResponse:
        """Give values of a division, seen some hours ago."""
        given = collection_pb2.Answer(
            division=division,
            period=period,
            values=[
                registry_pb2.Value(element=code, number=number)
                for code, number in numbers.items()
            ],
            observe_time=moments.stamp_of(self.clock.at - timedelta(hours=hours_ago)),
            base_revision=base,
            reason="更正（模拟）",
        )
        filing = Filing(a_request(), ACTOR, [given])
        (outcome,) = await collection.file(self.at(division), [filing])
        assert isinstance(outcome, bytes), outcome
        return collection_service_pb2.SubmitAnswersResponse.FromString(outcome)

    def links(self) -> list[tuple[App, App]]:
        """Return the two ends of every lane, sender first."""
        down = [
            (parent, child)
            for parent in self.apps.values()
            for child in self.apps.values()
            if child.node.parent == parent.node.name
        ]
        return [*down, *((child, parent) for parent, child in down)]

    async def carry(self, sender: str, receiver: str) -> int:
        """Bring what one node owes another."""
        return await carry(self.apps[sender], self.apps[receiver], DOORS)

    async def tell(
        self,
        sender: str,
        receiver: str,
        payload: Message,
        division: str,
        subject: str = "",
    ) -> list[str]:
        """Have a node tell a neighbour a fact as it stands, right or wrong.

        Return why the neighbour set it aside, if it did.
        """
        here, there = self.apps[sender], self.apps[receiver]
        before = await quarantined(there)
        author = ledger.Author.at(here.now(), sender, ACTOR, "")
        entry = ledger.record(
            author, payload, division=division, subject=subject, onward=(receiver,)
        )
        async with here.db.transaction() as tx:
            await ledger.append(tx, here.feed, [entry], here.now())
        await self.carry(sender, receiver)
        return (await quarantined(there))[len(before) :]

    async def settle(self) -> None:
        """Carry both ways until nobody has anything to tell."""
        while sum([await carry(*lane, DOORS) for lane in self.links()]):
            pass


@asynccontextmanager
async def a_line(
    an_app: AnApp,
    elements: Iterable[catalogue_pb2.Element],
    nodes: Iterable[Node] = NODES,
) -> AsyncIterator[Line]:
    """Make nodes with their divisions and a catalogue that the province published."""
    clock = Clock()
    async with AsyncExitStack() as stack:
        apps = {
            node.name: await stack.enter_async_context(an_app(node, clock.now))
            for node in nodes
        }
        for app in apps.values():
            entries = [an_entry(code) for code in CODES if _is_known(app.node, code)]
            async with app.db.transaction() as tx:
                await division_store.upsert(tx, entries)
        await catalogue.publish(apps["province"], *elements)
        line = Line(apps, clock)
        await line.settle()
        yield line


def _is_known(node: Node, code: str) -> bool:
    """Whether a node knows a division: its own area, and the path above it."""
    host = node.hosts[0]
    return code.startswith(host) or host.startswith(code)


def a_request() -> Request:
    """Return a new request id."""
    return Request(uuid4(), "test", b"")


def a_need(
    now: datetime, elements: Sequence[str], period: str = PERIOD, days: float = 10
) -> registry_pb2.DataRequest:
    """Return a request for data as a department makes it."""
    return registry_pb2.DataRequest(
        requester="模拟部门",
        title="模拟用数申请",
        elements=elements,
        period=period,
        use="planning",
        deadline_time=moments.stamp_of(now + timedelta(days=days)),
    )


def areas(codes: Sequence[str]) -> assignment_pb2.TargetSelection:
    """Select areas; none means all townships of the requester."""
    if codes:
        return assignment_pb2.TargetSelection(divisions=codes)
    return assignment_pb2.TargetSelection(level=int(Level.COUNTY))  # type: ignore[arg-type] # the proto's numbers


async def sheets(app: App, period: str = "") -> list[Sheet]:
    """Return the sheets of a node, of one period or all."""
    async with app.db.reading() as tx:
        rows = await tx.fetch(
            f"SELECT {store.COLUMNS} FROM registry_sheet WHERE $1 IN ('', period)"  # noqa: S608 - constants
            " ORDER BY period, division",
            period,
        )
    return [store.sheet_from(row) for row in rows]


async def sheet(app: App, division: str, period: str = PERIOD) -> Sheet | None:
    """Return one sheet of a node."""
    async with app.db.reading() as tx:
        return (await store.sheets(tx, [Key(Code(division), period)])).get(
            Key(Code(division), period)
        )


async def waiting(app: App, period: str = "") -> dict[tuple[str, str], list[int]]:
    """Return what is waited for at a node, by request and division."""
    async with app.db.reading() as tx:
        rows = await tx.fetch(
            "SELECT data_request_id, division, waiting FROM registry_need"
            " WHERE waiting <> '{}' AND $1 IN ('', period)",
            period,
        )
    return {(str(row[0]), row[1]): row[2] for row in rows}


async def outcomes(app: App, request_id: str, within: str = "") -> list[int]:
    """Return how many cells were served, joined, confirm, collect; and how many wait."""
    async with app.db.reading() as tx:
        row = await tx.fetchrow(
            "SELECT coalesce(sum(served), 0), coalesce(sum(joined), 0),"
            " coalesce(sum(confirm), 0), coalesce(sum(collect), 0),"
            " coalesce(sum(cardinality(waiting)), 0) FROM registry_need"
            " WHERE data_request_id = $1 AND starts_with(division, $2)",
            UUID(request_id),
            within,
        )
    assert row is not None
    return [int(number) for number in row]


async def state(app: App, request_id: str) -> registry_pb2.DataRequestState.ValueType:
    """Return where a request stands at a node."""
    async with app.db.reading() as tx:
        row = await tx.fetchrow(
            "SELECT withdrawn, waiting, completed_at FROM registry_request"
            " WHERE data_request_id = $1",
            UUID(request_id),
        )
    assert row is not None
    if row["withdrawn"]:
        return registry_pb2.DATA_REQUEST_STATE_WITHDRAWN
    assert (row["waiting"] == 0) == (row["completed_at"] is not None)
    if row["waiting"]:
        return registry_pb2.DATA_REQUEST_STATE_OPEN
    return registry_pb2.DATA_REQUEST_STATE_COMPLETE
