"""The link door of timers, and what is shown: nodes apart, facts late, doubled and wrong."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from uuid import UUID, uuid4

from google.protobuf.message import Message

from ducha.timing.v1 import timing_facts_pb2 as facts
from ducha.timing.v1 import timing_pb2
from ducha.timing.v1 import timing_service_pb2 as pb
from ducha.timing.v1.timing_service_pb2_grpc import TimingServiceStub
from tests.servers import AnApp, carry, quarantined, recorded, served
from tests.stores.timing import (
    CITY,
    COUNTY,
    DEADLINE,
    HOUR,
    PROVINCE,
    START,
    STREETS,
    TOWNS,
    Assigned,
    At,
    an_item,
    assign,
    issue,
    move,
    raised,
    sweep,
)
from tier import division, ledger
from tier.app import App
from tier.jurisdiction import Code
from tier.runtime import moments
from tier.timing import rpc
from tier.timing.capability import CAPABILITY as TIMING

OTHERS = [Code("530103001"), Code("530103002")]
SECONDS = 60.0
NOTICES = "SELECT division, kind, details FROM inbox_notice ORDER BY serial"


@dataclass
class Tiers:
    """Four nodes that hold the same item, and the clock they share."""

    nodes: tuple[App, App, App, App]
    clock: At
    item_id: UUID

    async def settle(self) -> None:
        """Carry all facts up, and then down."""
        province, city, county, streets = self.nodes
        for lower, upper in ((streets, county), (county, city), (city, province)):
            await carry(lower, upper, TIMING.kinds)
        for upper, lower in ((province, city), (city, county), (county, streets)):
            await carry(upper, lower, TIMING.kinds)

    async def held(self) -> list[set[tuple[object, ...]]]:
        """Return what each node keeps as raised."""
        return [set(await raised(app, self.item_id)) for app in self.nodes]

    async def notices(self) -> list[list[tuple[str, int]]]:
        found = []
        for app in self.nodes:
            async with app.db.reading() as tx:
                rows = await tx.fetch(NOTICES)
            found.append([(row["division"], row["kind"]) for row in rows])
        return found


@asynccontextmanager
async def four(an_app: AnApp, assigner: str) -> AsyncIterator[Tiers]:
    """Give every node of a line its part of one item, assigned to two towns."""
    clock = At()
    async with (
        an_app(PROVINCE, clock) as province,
        an_app(CITY, clock) as city,
        an_app(COUNTY, clock) as county,
        an_app(STREETS, clock) as streets,
    ):
        nodes = (province, city, county, streets)
        item_id = uuid4()
        for app in nodes:
            async with app.db.transaction() as tx:
                own = await an_item(tx)
                await tx.execute(
                    "UPDATE assignment_item SET item_id = $2 WHERE item_id = $1",
                    own,
                    item_id,
                )
                await assign(tx, item_id, TOWNS[:2], Assigned(assigner))
        yield Tiers(nodes, clock, item_id)


async def test_an_escalation_is_heard_where_it_goes_and_kept_by_every_tier(
    an_app: AnApp,
) -> None:
    """The province assigned to towns: county, city and province hear, one step each."""
    async with four(an_app, "53") as tiers:
        tiers.clock.now = DEADLINE + 100 * HOUR
        for app in tiers.nodes:
            await sweep(app)
        await tiers.settle()
        held = await tiers.held()
        notices = await tiers.notices()
        await tiers.settle()

        assert held[0] == held[1] == held[2] == held[3]
        assert len(held[0]) == 2 * (4 + 3)
        assert await tiers.held() == held
        assert notices[:3] == [[("53", 5)], [("5301", 5)], [("530102", 5)]]
        assert sorted(notices[3]) == sorted(
            (town, k) for town in TOWNS[:2] for k in (2, 4)
        )
        assert [await quarantined(app) for app in tiers.nodes] == [[]] * 4


async def test_a_county_escalates_to_itself_and_to_those_above_it(
    an_app: AnApp,
) -> None:
    """What it tells the city and the province climbs; its towns keep it too."""
    async with four(an_app, "530102") as tiers:
        tiers.clock.now = DEADLINE + 100 * HOUR
        for app in tiers.nodes:
            await sweep(app)
        await tiers.settle()
        held = await tiers.held()

        assert held[0] == held[1] == held[2] == held[3]
        assert (await tiers.notices())[:3] == [
            [("53", 5)],
            [("5301", 5)],
            [("530102", 5)],
        ]


async def test_each_tier_works_alone_and_all_is_the_same_once_links_are_back(
    an_app: AnApp,
) -> None:
    """A town reports while its link is away: the step taken above is shown as overtaken."""
    async with four(an_app, "530102") as tiers:
        _, _, county, streets = tiers.nodes
        tiers.clock.now = DEADLINE - HOUR
        await move(streets, "report", tiers.item_id, TOWNS[:1])
        tiers.clock.now = DEADLINE + 5 * HOUR
        await sweep(county)
        await sweep(streets)
        async with served(county, [rpc.add_service]) as channel:
            stub = TimingServiceStub(channel)
            before = await stub.ListEscalations(pb.ListEscalationsRequest())
            tiers.clock.now = DEADLINE - HOUR
            await move(county, "report", tiers.item_id, TOWNS[:1])
            await tiers.settle()
            after = await stub.ListEscalations(pb.ListEscalationsRequest())

        seen = {one.division: one.overtaken for one in after.escalations}
        assert {one.overtaken for one in before.escalations} == {False}
        assert seen == {TOWNS[0]: True, TOWNS[1]: False}
        assert {one.notified_division for one in after.escalations} == {"530102"}
        assert {one.title for one in after.escalations} == {"基层减负"}


async def test_a_city_tells_each_branch_of_its_own(an_app: AnApp) -> None:
    """Of others' lateness a county hears nothing; the city hears of all of it once."""
    clock = At()
    async with an_app(PROVINCE, clock) as province, an_app(CITY, clock) as city:
        item_id = await issue(province, [*TOWNS[:2], *OTHERS])
        async with city.db.transaction() as tx:
            own = await an_item(tx)
            await tx.execute(
                "UPDATE assignment_item SET item_id = $2 WHERE item_id = $1",
                own,
                item_id,
            )
            await assign(tx, item_id, [*TOWNS[:2], *OTHERS])
        clock.now = DEADLINE + 8 * HOUR
        await sweep(province)
        await carry(province, city, TIMING.kinds)
        told: dict[str, list[tuple[int, list[Code]]]] = {}
        async with city.db.reading() as tx:
            rows = await tx.fetch(
                """SELECT o.neighbour, f.body FROM ledger_outbox o
                     JOIN ledger_fact f USING (position) ORDER BY o.seq"""
            )
            (notice,) = await tx.fetch(NOTICES)
        bodies = {row["body"]: row["neighbour"] for row in rows}
        for fact in await recorded(city):
            name = bodies.get(fact.SerializeToString())
            if name is not None:
                payload = facts.AssignmentsEscalated.FromString(fact.payload)
                codes = division.set_from(payload.divisions)
                told.setdefault(name, []).append((payload.rung, codes))

    assert told == {
        "wuhua": [(1, TOWNS[:2]), (2, TOWNS[:2])],
        "panlong": [(1, OTHERS), (2, OTHERS)],
    }
    assert (notice["division"], notice["kind"]) == ("5301", 5)
    assert '"target_count": "4"' in notice["details"]


async def test_a_step_taken_again_by_a_restored_node_is_told_once(
    an_app: AnApp,
) -> None:
    """Its own record was lost with the backup; those above it remember."""
    async with four(an_app, "530102") as tiers:
        _, _, county, _ = tiers.nodes
        tiers.clock.now = DEADLINE + 8 * HOUR
        await sweep(county)
        await tiers.settle()
        before = await tiers.held(), await tiers.notices()
        async with county.db.transaction() as tx:
            await tx.execute("DELETE FROM timing_raised")
            await tx.execute(
                "UPDATE timing_clock SET next_due_at = 'epoch', worked_at = NULL"
            )
        tiers.clock.now += HOUR
        await sweep(county)
        await tiers.settle()
        held, notices = await tiers.held(), await tiers.notices()

        assert (held[0], notices[0]) == (before[0][0], before[1][0])
        assert (held[1], notices[1]) == (before[0][1], before[1][1])
        assert notices[1] == [("5301", 5)]


async def tell(sender: App, neighbour: str, acting: str, *payloads: Message) -> None:
    """Have a node tell facts as they stand, right or wrong."""
    author = ledger.Author.at(sender.now(), sender.node.name, "甲", "")
    entries = [
        ledger.record(author, one, division=acting, subject="x", onward=(neighbour,))
        for one in payloads
    ]
    async with sender.db.transaction() as tx:
        await ledger.append(tx, sender.feed, entries, sender.now())


def reminded(item_id: object, *codes: Code, step: int = 4) -> Message:
    """Return what a node says that it reminded of."""
    made = facts.RemindersRaised(
        item_id=str(item_id),
        divisions=division.set_to(codes or TOWNS[:1]),
        term=1,
        due_time=moments.stamp_of(START),
        raise_time=moments.stamp_of(START),
    )
    made.step = timing_pb2.Step.ValueType(step)
    return made


def escalated(item_id: object, rung: int) -> Message:
    """Return what a node says that it escalated."""
    return facts.AssignmentsEscalated(
        item_id=str(item_id),
        divisions=division.set_to(TOWNS[:1]),
        term=1,
        rung=rung,
        due_time=moments.stamp_of(START),
        raise_time=moments.stamp_of(START),
    )


async def test_wrong_facts_are_set_aside_and_the_others_kept(an_app: AnApp) -> None:
    """Of whom the sender does not answer for, of strangers, in others' names, of no step."""
    async with four(an_app, "530102") as tiers:
        _, city, county, streets = tiers.nodes
        await tell(
            streets,
            "wuhua",
            TOWNS[0],
            reminded(tiers.item_id, OTHERS[0]),
            reminded(uuid4()),
            reminded(tiers.item_id, TOWNS[4]),
            reminded(tiers.item_id, step=9),
            reminded("no uuid"),
            escalated(tiers.item_id, rung=10),
            escalated(tiers.item_id, rung=1),
            reminded(tiers.item_id),
            reminded(tiers.item_id),
        )
        await carry(streets, county, TIMING.kinds)
        await tell(city, "wuhua", "5301", reminded(tiers.item_id))
        await carry(city, county, TIMING.kinds)
        rows = await raised(county, tiers.item_id)

        assert await quarantined(county) == [
            "WRONG_JURISDICTION",
            *["UNKNOWN_ASSIGNMENT"] * 2,
            *["UNREADABLE"] * 3,
            *["WRONG_JURISDICTION"] * 2,
        ]
        assert [row[:4] for row in rows] == [(TOWNS[0], 1, 4, 0)]
