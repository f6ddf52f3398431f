"""The link door of timers, and what is shown: nodes apart, facts late, doubled and wrong."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID, uuid4

import grpc
import pytest
from google.protobuf.message import Message

from ducha.timing.v1 import timing_facts_pb2 as facts
from ducha.timing.v1 import timing_pb2
from ducha.timing.v1 import timing_service_pb2 as pb
from ducha.timing.v1.timing_service_pb2_grpc import TimingServiceStub
from tests.servers import AnApp, carry, quarantined, recorded, refusal, served
from tests.stores.timing import (
    ALL,
    CITY,
    COUNTY,
    DEADLINE,
    HOUR,
    PROVINCE,
    RECEIVE_BY,
    START,
    STREETS,
    TERMS,
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


async def test_wrong_facts_are_set_aside_and_the_others_kept(an_app: AnApp) -> None:
    """Of divisions that are not the sender's, unknown ones, from above, or of no step."""
    async with four(an_app, "530102") as tiers:
        _, city, county, streets = tiers.nodes
        now = moments.stamp_of(START)

        def reminded(
            item_id: object = tiers.item_id, *codes: Code, **more: int
        ) -> Message:
            made = facts.RemindersRaised(
                item_id=str(item_id),
                divisions=division.set_to(codes or TOWNS[:1]),
                term=1,
                step=timing_pb2.STEP_OVERDUE,
                due_time=now,
                raise_time=now,
            )
            for name, value in more.items():
                setattr(made, name, value)
            return made

        escalated = facts.AssignmentsEscalated(
            item_id=str(tiers.item_id),
            divisions=division.set_to(TOWNS[:1]),
            term=1,
            rung=10,
            due_time=now,
            raise_time=now,
        )
        await tell(
            streets,
            "wuhua",
            TOWNS[0],
            reminded(tiers.item_id, OTHERS[0]),
            reminded(uuid4()),
            reminded(tiers.item_id, TOWNS[4]),
            reminded(step=9),
            reminded("no uuid"),
            escalated,
            reminded(),
            reminded(),
        )
        await carry(streets, county, TIMING.kinds)
        await tell(city, "wuhua", "5301", reminded())
        await carry(city, county, TIMING.kinds)
        rows = await raised(county, tiers.item_id)

        assert await quarantined(county) == [
            "WRONG_JURISDICTION",
            "UNKNOWN_ASSIGNMENT",
            "UNKNOWN_ASSIGNMENT",
            "UNREADABLE",
            "UNREADABLE",
            "UNREADABLE",
            "WRONG_JURISDICTION",
        ]
        assert [row[:4] for row in rows] == [(TOWNS[0], 1, 4, 0)]


async def test_the_next_step_of_each_clock_is_shown(an_app: AnApp) -> None:
    """Soon to receive; all received, soon to report; then the ladder; then nothing."""
    clock = At()
    async with an_app(ALL, clock) as app:
        item_id = await issue(app, TOWNS[:3])
        await issue(app, OTHERS, Assigned(deadline=DEADLINE + HOUR))
        async with served(app, [rpc.add_service]) as channel:
            stub = TimingServiceStub(channel)
            asked = pb.ListTimersRequest(within="530102")
            shown = []
            for hours, name in (
                (1, ""),
                (9, "receive"),
                (82, ""),
                (105, ""),
                (113, ""),
            ):
                clock.now = START + hours * HOUR
                if name:
                    await move(app, name, item_id, TOWNS[:3])
                shown.append((await stub.ListTimers(asked)).timers)
            found = [
                [(one.step, one.rung, one.open_count) for one in one] for one in shown
            ]
            first = shown[0][0]
            clock.now = START
            pages: list[str] = []
            token = ""
            while True:
                page = await stub.ListTimers(
                    pb.ListTimersRequest(page_size=1, page_token=token)
                )
                pages += [one.assigner_division for one in page.timers]
                token = page.next_page_token
                if not token:
                    break
            one = await stub.ListTimers(pb.ListTimersRequest(item_id=str(item_id)))

    assert found == [[(1, 0, 3)], [(3, 0, 3)], [(4, 0, 3)], [(6, 2, 3)], []]
    assert moments.moment(first.due_time) == START + 8 * HOUR
    assert moments.moment(first.receive_by_time) == RECEIVE_BY
    assert (first.title, first.assigner_division) == ("基层减负", "53")
    assert pages == ["53", "53"]
    assert [timer.item_id for timer in one.timers] == [str(item_id)]


async def test_escalations_are_paged_newest_first(an_app: AnApp) -> None:
    """All pages together are the whole list, each row once; filters narrow it."""
    clock = At()
    async with an_app(ALL, clock) as app:
        item_id = await issue(app, TOWNS)
        for hours in (4, 8):
            clock.now = DEADLINE + hours * HOUR
            await sweep(app)
        async with served(app, [rpc.add_service]) as channel:
            stub = TimingServiceStub(channel)
            whole = (
                await stub.ListEscalations(pb.ListEscalationsRequest())
            ).escalations
            pages: list[timing_pb2.Escalation] = []
            token = ""
            while True:
                page = await stub.ListEscalations(
                    pb.ListEscalationsRequest(page_size=3, page_token=token)
                )
                pages += page.escalations
                token = page.next_page_token
                if not token:
                    break
            since = pb.ListEscalationsRequest(within=TOWNS[0], item_id=str(item_id))
            since.since_time.FromDatetime(DEADLINE + 5 * HOUR)
            (late,) = (await stub.ListEscalations(since)).escalations

    assert pages == list(whole)
    assert [(one.rung, one.division) for one in whole] == [
        (rung, town) for rung in (2, 1) for town in reversed(TOWNS)
    ]
    assert (late.division, late.rung, late.notified_division) == (TOWNS[0], 2, "5301")


@pytest.mark.parametrize("name", ["ListTimers", "ListEscalations"])
async def test_a_made_up_token_or_item_is_refused(an_app: AnApp, name: str) -> None:
    """Typed, whatever it says; and the node goes on."""
    clock = At()
    wrong = ["!", "WyJ4IiwgIngiXQ==", "WyIxIiwiMiIsIjMiLCI0IiwiNSJd"]
    async with an_app(ALL, clock) as app, served(app, [rpc.add_service]) as channel:
        method = getattr(TimingServiceStub(channel), name)
        request = getattr(pb, f"{name}Request")
        seen = []
        for made in (
            *(request(page_token=token) for token in wrong),
            request(item_id="0" * 36),
            request(within="123"),
        ):
            with pytest.raises(grpc.aio.AioRpcError) as refused:
                await method(made)
            seen.append(refusal(refused.value).reason)

    assert seen == ["PAGE_TOKEN_INVALID"] * 3 + ["INVALID_INPUT"] * 2


async def test_timers_run_with_their_service(an_app: AnApp) -> None:
    """Mounted is running: what is due is raised without anybody asking."""
    clock = At()
    async with an_app(ALL, clock) as app, served(app, [rpc.add_service]):
        item_id = await issue(app, TOWNS[:1], terms=TERMS)
        clock.now = RECEIVE_BY + timedelta(minutes=1)
        async with asyncio.timeout(SECONDS):
            while len(await raised(app, item_id)) < 2:
                await asyncio.sleep(0.1)

        assert [row[2] for row in await raised(app, item_id)] == [1, 2]
