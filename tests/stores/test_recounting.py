"""Moments of a year without an official calendar, and the day that it comes."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta

import pytest

from ducha.assignment.v1 import assignment_pb2 as nouns
from ducha.assignment.v1 import assignment_service_pb2 as service
from tests.calendar import held as calendar_held
from tests.calendar import publish
from tests.doors.tiers import eventually
from tests.servers import AnApp, recorded
from tests.stores import cascading
from tests.stores.cascading import an_item, in_days, issued, seen, shown
from tests.stores.supervised import (
    CITY,
    COUNTY,
    DAY,
    OTHER,
    PROVINCE,
    TOWN,
    Line,
    a_line,
    told,
)
from tier.app import App
from tier.assignment import queries, recounting
from tier.assignment.recounting import ABOUT, recount
from tier.calendar import Term, after
from tier.inbox import Kind
from tier.jurisdiction import Code
from tier.runtime import moments
from tier.upkeep import Upkeep

# From the end of November 2026 that many working days end in 2027, which nobody declared yet.
LONG = 40
EARLIER = (("2027-01-02", True), ("2027-01-03", True))
"""A weekend that is worked: what was counted over it ends earlier."""
LATER = (("2027-01-04", False), ("2027-01-05", False))
"""More days off: what was counted over them ends later."""
MOVED = "ducha.assignment.v1.DeadlinesMoved"


async def declared(line: Line, *days: tuple[str, bool]) -> int:
    """Let the province declare the year official, and all tiers hear of it."""
    version = await publish(line.province, *days, official=True)
    await line.descend()
    return version


async def counted(line: Line) -> list[int]:
    """Count again at every node, each before it hears of the others; return how much moved."""
    moved = [await recount(app) for app in line.apps]
    await line.settle()
    return moved


async def due(app: App, start: datetime, days: int) -> datetime:
    """Return when so many working days end by a node's calendar."""
    return after(await calendar_held(app), start, Term(working_days=days)).at


async def moves_of(app: App, **asked: object) -> list[nouns.DeadlineMove]:
    request = service.ListDeadlineMovesRequest(**asked)  # type: ignore[arg-type]
    return list((await queries.list_deadline_moves(app, request)).moves)


def deadline(one: nouns.Assignment | nouns.DeadlineMove) -> datetime:
    stamp = (
        one.deadline_time
        if isinstance(one, nouns.Assignment)
        else one.new_deadline_time
    )
    return moments.moment(stamp)


@pytest.mark.parametrize("days", [EARLIER, LATER], ids=["earlier", "later"])
async def test_the_official_calendar_moves_what_rested_on_a_guess(
    an_app: AnApp, days: Sequence[tuple[str, bool]]
) -> None:
    """Everywhere to the same moment; what was given first stays told; nothing moves twice."""
    async with a_line(an_app) as line:
        start = line.clock()
        item_id = await issued(line, in_days(an_item(line), LONG), CITY)
        await line.settle()
        before = await shown(line, item_id, CITY)
        line.clock.at += DAY
        version = await declared(line, *days)
        moved = await counted(line)
        after_all = await shown(line, item_id, CITY)
        again = await counted(line)
        expected = await due(line.province, start, LONG)

        assert [one.provisional for one in before] == [True] * 2
        assert moved == [0, 0, 0, 1]  # who assigned counts, nobody else
        assert again == [0, 0, 0, 0]
        assert [deadline(one) for one in after_all] == [expected] * 2
        assert (expected < deadline(before[0])) == (days is EARLIER)
        first = [one.original_deadline_time for one in after_all]
        assert first == [before[0].deadline_time] * 2
        assert [(one.provisional, one.term) for one in after_all] == [(False, 2)] * 2
        for app in line.apps[2:]:
            [move] = await moves_of(app, calendar_version=version)
            assert (move.division, deadline(move)) == (CITY, expected)
            assert move.old_deadline_time == before[0].deadline_time
            assert move.cause == nouns.CAUSE_CALENDAR
            assert await moves_of(app, calendar_version=version + 1) == []
        [(whom, details, _)] = await told(line.city, Kind.DEADLINE_MOVED)
        assert (whom, details["cause"]) == (CITY, "calendar")


async def test_what_stays_where_it_was_is_firm_from_then_on(an_app: AnApp) -> None:
    """The guess was right: the deadline is the same, and no longer provisional."""
    async with a_line(an_app) as line:
        item_id = await issued(line, in_days(an_item(line), LONG), CITY)
        await line.settle()
        before = await seen(line.city, item_id, CITY)
        # Exactly what was reckoned with: the library's own days off of the new year.
        await declared(line, ("2027-01-01", False))
        moved = await counted(line)
        held = await shown(line, item_id, CITY)

        assert before.provisional
        assert moved == [0, 0, 0, 1]
        assert [one.provisional for one in held] == [False] * 2
        assert [one.deadline_time for one in held] == [before.deadline_time] * 2
        # Nothing moved: nobody is told, and no list shows it.
        assert await moves_of(line.city) == []
        assert await told(line.city, Kind.DEADLINE_MOVED) == []


async def test_a_moved_deadline_brings_those_below_forward(an_app: AnApp) -> None:
    """Who would come too late now must come before; who leaves time to review stays."""
    async with a_line(an_app) as line:
        item_id = await issued(line, in_days(an_item(line), LONG), CITY)
        await line.settle()
        await cascading.split(line.city, item_id, CITY, [COUNTY])
        await line.settle()
        until = line.clock() + 3 * DAY
        await cascading.split(line.county, item_id, COUNTY, [TOWN], until=until)
        await line.settle()
        before = [await seen(line.city, item_id, one) for one in (CITY, COUNTY, TOWN)]
        await declared(line, *EARLIER)
        await counted(line)
        city, county, town = [
            await shown(line, item_id, one) for one in (CITY, COUNTY, TOWN)
        ]
        buffer = line.city.review_buffer

        assert deadline(city[0]) < deadline(before[0])
        assert deadline(city[0]) - deadline(county[0]) == buffer
        assert deadline(town[0]) == deadline(before[2])
        for same in (city, county, town):
            assert same == [same[0]] * len(same)
        [(whom, details, light)] = await told(line.city, Kind.CHILDREN_RECHECKED)
        assert (whom, details["moved_children"], light) == (CITY, "1", 2)
        [(whom, details, light)] = await told(line.county, Kind.CHILDREN_RECHECKED)
        assert (whom, details["moved_children"], light) == (COUNTY, "0", 1)
        assert [one for one, *_ in await told(line.township, Kind.DEADLINE_MOVED)] == []


async def test_days_off_leave_who_split_its_time_to_review(an_app: AnApp) -> None:
    """Counted later than what its assigner can wait for, a child comes before that."""
    async with a_line(an_app) as line:
        ends = await due(line.city, line.clock(), LONG) + timedelta(days=1, hours=1)
        item_id = await issued(line, an_item(line, deadline=ends), CITY)
        await line.settle()
        await cascading.split(line.city, item_id, CITY, [COUNTY], within=LONG)
        await line.settle()
        before = await seen(line.city, item_id, COUNTY)
        await declared(line, *LATER)
        await counted(line)
        county = await shown(line, item_id, COUNTY)
        again = await counted(line)

        assert before.provisional
        assert ends - deadline(county[0]) == line.city.review_buffer
        assert county == [county[0]] * 3
        assert not county[0].provisional
        assert again == [0] * 4


async def test_what_is_done_is_not_moved_until_it_is_to_be_done_again(
    an_app: AnApp,
) -> None:
    """A report in time stays in time; sent back, it is due by the official calendar."""
    async with a_line(an_app) as line:
        start = line.clock()
        item = in_days(an_item(line, nouns.MODE_DIRECT), LONG)
        item_id = await issued(line, item, TOWN, OTHER)
        await line.settle()
        before = await seen(line.township, item_id, TOWN)
        await cascading.do_report(line.township, item_id, TOWN)
        await line.settle()
        await declared(line, *LATER)
        await counted(line)
        reported = await shown(line, item_id, TOWN)
        await cascading.send_back(line.province, item_id, PROVINCE, TOWN)
        await line.settle()
        await counted(line)
        expected = await due(line.township, start, LONG)

        assert [one.deadline_time for one in reported] == [before.deadline_time] * 4
        for division in (TOWN, OTHER):
            held = await shown(line, item_id, division)
            assert [deadline(one) for one in held] == [expected] * 4


async def test_a_clock_that_was_moved_since_is_counted_from_there(
    an_app: AnApp,
) -> None:
    """An extension to a moment is a moment: no calendar moves it."""
    async with a_line(an_app) as line:
        item = in_days(an_item(line, nouns.MODE_DIRECT), LONG)
        item_id = await issued(line, item, TOWN)
        await line.settle()
        later = line.clock() + 90 * DAY
        put_off = {TOWN: later}
        await cascading.move(line.province, PROVINCE, "put off", item_id, put_off)
        await line.settle()
        await declared(line, *LATER)

        assert await counted(line) == [0] * 4
        held = await shown(line, item_id, TOWN)
        assert [deadline(one) for one in held] == [later] * 4
        assert [one.extension_count for one in held] == [1] * 4


async def test_hundreds_are_counted_in_several_transactions(
    an_app: AnApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Live calls come between; each assignment moves once, whatever the pieces."""
    monkeypatch.setattr(recounting, "AT_ONCE", 2)
    async with a_line(an_app) as line:
        items = [
            await issued(line, in_days(an_item(line, nouns.MODE_DIRECT), LONG), TOWN, OTHER)
            for _ in range(3)
        ]  # fmt: skip
        await line.settle()
        version = await declared(line, *LATER)
        moved = await counted(line)
        found = await moves_of(line.township, calendar_version=version)

        assert moved == [0, 0, 0, 6]
        assert {(one.item_id, one.division) for one in found} == {
            (str(item_id), code) for item_id in items for code in (TOWN, OTHER)
        }


async def test_a_node_counts_by_itself_when_the_calendar_comes(an_app: AnApp) -> None:
    """At once where it runs; after the start where it came while the node was down."""
    async with a_line(an_app) as line:
        item_id = await issued(line, in_days(an_item(line), LONG), CITY)
        await line.settle()
        await cascading.split(line.city, item_id, CITY, [COUNTY], within=LONG - 5)
        await line.settle()
        running = line.province.tasks.create_task(
            Upkeep(line.province, ABOUT, recount).run()
        )
        await asyncio.sleep(0)
        await declared(line, *LATER)

        async def has_moved(app: App, division: Code) -> bool:
            return not (await seen(app, item_id, division)).provisional

        await eventually(lambda: has_moved(line.province, CITY))
        started = line.city.tasks.create_task(Upkeep(line.city, ABOUT, recount).run())
        await eventually(lambda: has_moved(line.city, COUNTY))
        for task in (running, started):
            task.cancel()
        kinds = [fact.kind for fact in await recorded(line.city)]

        assert kinds.count(MOVED) == 1
