"""Two sides work while their link comes and goes: at last all tiers hold the same points."""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable
from contextlib import suppress
from uuid import UUID

import pytest

from ducha.rectification.v1 import rectification_pb2 as nouns
from tests.servers import AnApp, carry, quarantined
from tests.stores.supervised import (
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
    told,
    withdraw,
)
from tests.stores.test_rectification import (
    alike,
    close,
    open_points,
    report,
    seen,
    send_back,
    sweep,
)
from tier.inbox import Kind
from tier.jurisdiction import Code
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
