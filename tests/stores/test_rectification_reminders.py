"""Overdue points: told once in each round, on both sides, with or without a link."""

from __future__ import annotations

from tests.servers import AnApp, quarantined
from tests.stores.rectifying import (
    IN_A_WEEK,
    open_points,
    report,
    send_back,
    sweep,
)
from tests.stores.supervised import (
    DAY,
    HOUR,
    OTHER,
    PROVINCE,
    TOWN,
    a_line,
    issued,
    told,
)
from tier.app import App
from tier.inbox import Kind


async def test_an_overdue_point_is_told_once_a_round_on_both_sides(
    an_app: AnApp,
) -> None:
    """The executor's node and the opener's notice by themselves, and from each other."""
    async with a_line(an_app) as line:
        item_id = await issued(line, TOWN, OTHER)
        first, _ = await open_points(line, item_id, TOWN, OTHER)
        await line.settle()
        line.clock.at = IN_A_WEEK
        early = [await sweep(app) for app in line.apps]
        line.clock.at += HOUR
        made = [await sweep(line.township), await sweep(line.township)]
        await line.settle()
        again = [await sweep(app) for app in line.apps]
        down = await told(line.township, Kind.RECTIFICATION_OVERDUE)
        up = await told(line.province, Kind.RECTIFICATION_OVERDUE)
        await report(line, first)
        await line.settle()
        await send_back(line, first)
        await line.settle()
        second = [await sweep(line.province), await sweep(line.township)]
        await line.settle()

        assert early == [0, 0, 0, 0]
        assert made == [2, 0]
        assert again == [0, 0, 0, 0]
        assert sorted(division for division, *_ in down) == [TOWN, OTHER]
        assert [division for division, *_ in up] == [PROVINCE, PROVINCE]
        assert {light for *_, light in (*down, *up)} == {3}
        assert second == [0, 1]
        assert len(await told(line.township, Kind.RECTIFICATION_OVERDUE)) == 3
        assert len(await told(line.province, Kind.RECTIFICATION_OVERDUE)) == 3
        assert [await quarantined(app) for app in line.apps] == [[]] * 4


async def test_who_opened_notices_without_a_link(an_app: AnApp) -> None:
    """Days without news from below: the province is told all the same, and once."""
    async with a_line(an_app) as line:
        item_id = await issued(line, TOWN, OTHER)
        await open_points(line, item_id, TOWN, TOWN, OTHER)
        await line.settle()
        line.clock.at = IN_A_WEEK + DAY
        while await _due(line.province):
            await sweep(line.province, limit=2)
        alone = await told(line.province, Kind.RECTIFICATION_OVERDUE)
        await sweep(line.township)
        await line.settle()

        assert sum(int(details["count"]) for _, details, _ in alone) == 3
        assert await told(line.province, Kind.RECTIFICATION_OVERDUE) == alone


async def _due(app: App) -> int:
    async with app.db.reading() as tx:
        count: int = await tx.fetchval(
            "SELECT count(*) FROM rectification WHERE reminded_round < round"
        )
    return count
