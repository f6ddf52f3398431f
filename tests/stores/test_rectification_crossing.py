"""Two sides work while their link comes and goes: at last all tiers hold the same points."""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable
from contextlib import suppress
from uuid import UUID

import pytest

from ducha.rectification.v1 import rectification_facts_pb2 as facts
from ducha.rectification.v1 import rectification_pb2 as nouns
from tests.servers import AnApp, carry, quarantined
from tests.stores.rectifying import (
    DONE,
    alike,
    close,
    open_points,
    report,
    rows,
    seen,
    send_back,
    sweep,
)
from tests.stores.supervised import (
    CITY,
    COUNTY,
    DAY,
    DOORS,
    HOUR,
    OTHER,
    PROVINCE,
    TOWN,
    Line,
    a_call,
    a_line,
    issued,
    split_and_verified,
    told,
    withdraw,
)
from tier import ledger
from tier.app import App
from tier.assignment.actions import end
from tier.inbox import Kind
from tier.jurisdiction import Code
from tier.rectification.actions import filing, judging
from tier.rectification.actions.filing import Filing
from tier.runtime.errors import TierError
from tier.urging import actions as urging

STEPS = 60

Step = Callable[[], Awaitable[object]]


class Office:
    """Does whatever may be done next, by chance, and lets some facts travel."""

    def __init__(self, line: Line, items: list[UUID], chance: random.Random) -> None:
        self.line = line
        self.items = items
        self.chance = chance

    async def step(self) -> None:
        """Do one thing; what is refused, because the other side went on, changes nothing."""
        ways: tuple[Step, ...] = (
            self.open_one,
            self.report,
            self.judge,
            self.urge,
            self.withdraw,
            self.sweep,
            self.travel,
            self.travel,
        )
        way = self.chance.choice(ways)
        self.line.clock.at += self.chance.choice((HOUR, 6 * HOUR))
        with suppress(TierError):
            await way()

    async def open_one(self) -> None:
        due = self.line.clock() + self.chance.randint(1, 5) * DAY
        item_id = self.chance.choice(self.items)
        await open_points(self.line, item_id, self.town(), due=due)

    async def report(self) -> None:
        for point in await seen(self.line.township):
            if (
                point.state == nouns.RECTIFICATION_STATE_OPEN
                and self.chance.random() < 0.5
            ):
                by = TOWN if point.division == TOWN else OTHER
                await report(self.line, UUID(point.rectification_id), by=by)

    async def judge(self) -> None:
        for point in await seen(self.line.province):
            if point.state == nouns.RECTIFICATION_STATE_REPORTED:
                move = self.chance.choice((close, send_back))
                await move(self.line, UUID(point.rectification_id))

    async def urge(self) -> None:
        item_id = self.chance.choice(self.items)
        call = a_call(PROVINCE)
        await urging.urge(self.line.province, call, item_id, [self.town()], "请办理")

    async def withdraw(self) -> None:
        if self.chance.random() < 0.1:
            await withdraw(self.line, self.chance.choice(self.items))

    async def sweep(self) -> None:
        await sweep(self.chance.choice(self.line.apps), limit=self.chance.randint(1, 5))

    async def travel(self) -> None:
        """Let what one node owes a neighbour arrive, up or down; or all of one way."""
        whole = self.chance.choice((None, None, self.line.climb, self.line.descend))
        if whole is not None:
            await whole()
            return
        place = self.chance.randrange(len(self.line.apps) - 1)
        pair = list(self.line.apps[place : place + 2])
        self.chance.shuffle(pair)
        await carry(pair[0], pair[1], DOORS)

    def town(self) -> Code:
        return self.chance.choice((TOWN, OTHER))


@pytest.mark.parametrize("seed", [1, 2, 3])
async def test_whatever_crosses_all_tiers_agree_at_last(
    an_app: AnApp, seed: int
) -> None:
    """Sixty steps by chance on both sides of links that are mostly down."""
    chance = random.Random(seed)
    async with a_line(an_app) as line:
        items = [await issued(line, TOWN, OTHER) for _ in range(2)]
        office = Office(line, items, chance)
        await office.open_one()
        for _ in range(STEPS):
            await office.step()
        await line.settle()
        await line.settle()
        urges = [await _urges(line, place) for place in range(4)]
        rounds = {point.round for point in await seen(line.city)}

        assert max(rounds) > 1, "nothing was ever returned: the chance is a poor one"
        assert await alike(line)
        assert all(one == urges[0] for one in urges)
        assert [await quarantined(app) for app in line.apps] == [[]] * 4


async def _urges(line: Line, place: int) -> list[tuple[object, ...]]:
    async with line.apps[place].db.reading() as tx:
        rows = await tx.fetch(
            "SELECT urge_id, division, urged_at FROM urging_urge ORDER BY 1, 2"
        )
    return [tuple(row) for row in rows]


async def test_each_point_and_round_is_overdue_once_on_each_side(an_app: AnApp) -> None:
    """However the sweeps of four nodes and their facts interleave."""
    chance = random.Random(7)
    async with a_line(an_app) as line:
        item_id = await issued(line, TOWN, OTHER)
        await open_points(line, item_id, TOWN, TOWN, OTHER)
        await line.settle()
        line.clock.at += 8 * DAY
        office = Office(line, [item_id], chance)
        for _ in range(STEPS):
            await office.sweep()
            await office.travel()
        await line.settle()
        counts = []
        for app in (line.township, line.province):
            notices = await told(app, Kind.RECTIFICATION_OVERDUE)
            counts.append(sum(int(details["count"]) for _, details, _ in notices))

        assert counts == [3, 3]


async def test_facts_that_cross_end_in_the_same_row(an_app: AnApp) -> None:
    """Reports go up while the province opens more and withdraws; no link for a while."""
    async with a_line(an_app) as line:
        item_id = await issued(line, TOWN, OTHER)
        gone_id = await issued(line, TOWN)
        first, other = await open_points(line, item_id, TOWN, OTHER)
        (gone,) = await open_points(line, gone_id, TOWN)
        await line.settle()
        await report(line, first, gone)
        await open_points(line, item_id, TOWN)
        await withdraw(line, gone_id)
        await open_points(line, item_id, OTHER)
        await line.settle()
        await send_back(line, first)
        await report(line, other, by=OTHER)
        await line.settle()
        await line.settle()
        states = {one.rectification_id: one.state for one in await seen(line.city)}

        assert await alike(line)
        assert [states[str(one)] for one in (first, other, gone)] == [1, 2, 4]
        assert [await quarantined(app) for app in line.apps] == [[]] * 4


async def test_a_point_that_crosses_the_closing_is_still_settled(an_app: AnApp) -> None:
    """The city opens a point while the province closes the item: it is done, and closed."""
    async with a_line(an_app) as line:
        item_id = await split_and_verified(line)
        (point,) = await open_points(line, item_id, COUNTY, by=CITY, app=line.city)
        await end.close(line.province, a_call(PROVINCE), item_id)
        await line.settle()
        crossed = await alike(line, lowest=1)
        filings = [Filing(point, 0, DONE)]
        done = await filing.report(line.county, a_call(COUNTY), filings)
        await line.climb()
        closed = await judging.close(line.city, a_call(CITY), [point], "")
        await line.settle()
        with pytest.raises(TierError) as ended:
            await open_points(line, item_id, COUNTY, by=CITY, app=line.city)

        assert crossed
        assert done.reported_count == closed.closed_count == 1
        assert await alike(line, lowest=1)
        assert ended.value.reason == "ITEM_ENDED"


async def test_a_fact_that_is_not_its_senders_is_set_aside(an_app: AnApp) -> None:
    """A county closes what the province opened, reports for a township, speaks of nothing here."""
    async with a_line(an_app) as line:
        item_id = await issued(line, TOWN)
        (point,) = await open_points(line, item_id, TOWN)
        await line.settle()
        stamp = {"rectification_id": str(point), "round": 1}
        closing = facts.RectificationsClosed(
            item_id=str(item_id),
            opener_division=PROVINCE,
            points=[facts.JudgedPoint(division=TOWN, **stamp)],  # type: ignore[arg-type]
        )
        reporting = facts.RectificationsReported(
            item_id=str(item_id),
            division=TOWN,
            points=[facts.ReportedPoint(report=DONE, **stamp)],  # type: ignore[arg-type]
        )
        unknown = facts.RectificationsClosed(
            item_id=str(item_id),
            points=[facts.JudgedPoint(rectification_id=str(UUID(int=5)))],
        )
        elsewhere = facts.RectificationsOpened(
            item_id=str(UUID(int=6)), opener_division=COUNTY
        )
        broken = facts.RectificationsOverdue(
            item_id=str(item_id), points=[facts.JudgedPoint(rectification_id="?")]
        )
        for payload in (closing, reporting, unknown, elsewhere, broken):
            await _tell_up(line.county, payload, item_id)
        before = await rows(line.city)
        await carry(line.county, line.city, DOORS)

        assert await quarantined(line.city) == [
            "WRONG_JURISDICTION",
            "WRONG_JURISDICTION",
            "UNKNOWN_RECTIFICATION",
            "UNKNOWN_ITEM",
            "UNREADABLE",
        ]
        assert await rows(line.city) == before


async def _tell_up(app: App, payload: object, item_id: UUID) -> None:
    """Have a county's node tell a fact as it stands, right or wrong."""
    author = ledger.Author.at(app.now(), app.node.name, "甲", "")
    entry = ledger.record(
        author,
        payload,  # type: ignore[arg-type]
        division=COUNTY,
        subject=str(item_id),
        onward=app.node.upward,
    )
    async with app.db.transaction() as tx:
        await ledger.append(tx, app.feed, [entry], app.now())
