"""Points of rectification: opened down, reported up, judged down, the same at every tier."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

import pytest

from ducha.assignment.v1 import assignment_pb2 as assignment_nouns
from ducha.rectification.v1 import rectification_pb2 as nouns
from ducha.rectification.v1 import rectification_service_pb2 as pb
from tests.servers import AnApp, quarantined
from tests.stores.rectifying import (
    DONE,
    IN_A_WEEK,
    alike,
    close,
    holds,
    open_points,
    report,
    seen,
    send_back,
    sweep,
)
from tests.stores.supervised import (
    AWAY,
    COUNTY,
    DAY,
    HOUR,
    NOW,
    OTHER,
    PROVINCE,
    TOWN,
    a_call,
    a_line,
    issued,
    told,
    verified,
    withdraw,
)
from tier import assignment
from tier.acting import once
from tier.assignment.actions import end
from tier.calendar import Term
from tier.inbox import Kind
from tier.rectification import queries
from tier.rectification.actions import filing, judging, opening
from tier.rectification.actions.filing import Filing
from tier.rectification.actions.opening import Wanted
from tier.runtime.errors import TierError


def reasons(errors: Sequence[pytest.ExceptionInfo[TierError]]) -> list[str]:
    return [error.value.reason for error in errors]


async def test_a_point_goes_its_way_and_every_tier_sees_it(an_app: AnApp) -> None:
    """Opened, reported, returned, reported again, closed; each step told to whom it concerns."""
    async with a_line(an_app) as line:
        item_id = await issued(line, TOWN, OTHER, AWAY)
        first, other = await open_points(line, item_id, TOWN, AWAY)
        await line.settle()
        opened = await alike(line)
        line.clock.at += DAY
        await report(line, first)
        await line.settle()
        line.clock.at += DAY
        await send_back(line, first)
        await line.settle()
        await report(line, first, number=2)
        await line.settle()
        await close(line, first)
        await line.settle()
        states = {one.rectification_id: one.state for one in await seen(line.township)}

        assert opened
        assert await alike(line)
        assert states == {str(first): 3, str(other): 1}
        down = [
            (division, details.get("outcome", ""))
            for division, details, _ in await told(
                line.township, Kind.RECTIFICATION_OPENED, Kind.RECTIFICATION_JUDGED
            )
        ]
        assert sorted(down[:2]) == [(TOWN, ""), (AWAY, "")]
        assert down[2:] == [(TOWN, "returned"), (TOWN, "closed")]
        up = await told(line.province, Kind.RECTIFICATION_REPORTED)
        assert [division for division, *_ in up] == [PROVINCE] * 2
        assert [await quarantined(app) for app in line.apps] == [[]] * 4


async def test_a_point_shows_what_was_found_and_done(an_app: AnApp) -> None:
    """Problem, requirement, report with its evidence, why it came back, the closing's note."""
    async with a_line(an_app) as line:
        item_id = await issued(line, TOWN)
        (point,) = await open_points(line, item_id, TOWN)
        await line.settle()
        await report(line, point)
        await line.settle()
        await send_back(line, point, due=NOW + 9 * DAY)
        await line.settle()
        line.clock.at = NOW + 10 * DAY
        (late,) = await seen(line.province)
        done = await report(line, point)
        await line.settle()
        await close(line, point)
        (shown,) = await seen(line.province)

        assert late.overdue
        assert late.deadline_time.ToDatetime().isoformat() == "2026-12-02T02:00:00"
        assert (done.reported_count, done.late_count) == (1, 1)
        assert (shown.problem, shown.requirement) == ("台账不全", "补齐台账")
        assert (shown.report, shown.return_reason) == (DONE, "佐证不足")
        assert (shown.round, shown.note, shown.late) == (2, "同意销号", True)
        assert not shown.overdue
        assert shown.state == nouns.RECTIFICATION_STATE_CLOSED


async def test_an_item_is_not_closed_while_points_are_open(an_app: AnApp) -> None:
    """The province concludes, and may close once the last point is settled."""
    async with a_line(an_app) as line:
        item_id = await issued(line, TOWN)
        await verified(line, item_id, TOWN)
        points = await open_points(line, item_id, TOWN, TOWN)
        await line.settle()
        conclusion = assignment_nouns.Conclusion(
            summary="总体落实",
            outcome=assignment_nouns.Conclusion.OUTCOME_SATISFIED,
        )
        await end.conclude(line.province, a_call(PROVINCE), item_id, conclusion)
        refusals = []
        for point in points:
            with pytest.raises(TierError) as held:
                await end.close(line.province, a_call(PROVINCE), item_id)
            refusals.append(held)
            await report(line, point)
            await line.settle()
            await close(line, point)
        closed = await end.close(line.province, a_call(PROVINCE), item_id)
        await line.settle()

        assert len(set(reasons(refusals))) == 1
        assert closed.item.state == assignment_nouns.ITEM_STATE_CLOSED
        assert await alike(line)


async def test_a_term_is_counted_by_the_working_calendar(an_app: AnApp) -> None:
    """Three working days from a Monday: Thursday, at the close of work in China."""
    async with a_line(an_app) as line:
        item_id = await issued(line, TOWN)
        await open_points(line, item_id, TOWN, due=Term(working_days=3))
        await open_points(line, item_id, TOWN, due=Term(hours=4))
        days, hours = [
            one.deadline_time.ToDatetime() for one in await seen(line.province)
        ]

        assert days.isoformat() == "2026-11-26T10:00:00"
        assert hours.isoformat() == "2026-11-23T06:00:00"


async def test_who_may_not_is_told_why(an_app: AnApp) -> None:
    """Opening, reporting, judging: by the wrong unit, in the wrong state, of what is not here."""
    async with a_line(an_app) as line:
        item_id = await issued(line, TOWN, OTHER)
        (point,) = await open_points(line, item_id, TOWN)
        await line.settle()
        errors = []
        attempts = [
            open_points(line, item_id, TOWN, by=COUNTY, app=line.county),
            open_points(line, item_id, AWAY),
            open_points(line, UUID(int=1), TOWN),
            open_points(line, item_id, TOWN, due=NOW),
            report(line, point, by=OTHER),
            report(line, UUID(int=1)),
            report(line, point, number=2),
            report(line, point, point),
            close(line, point),
            send_back(line, point, due=NOW - HOUR),
            judging.close(line.county, a_call(COUNTY), [point], ""),
            filing.report(line.county, a_call(COUNTY), [Filing(point, 0, DONE)]),
        ]
        for attempt in attempts:
            with pytest.raises(TierError) as error:
                await attempt
            errors.append(error)

        assert reasons(errors) == [
            "RECTIFICATION_NOT_YOURS",
            "ASSIGNMENT_UNKNOWN",
            "ITEM_UNKNOWN",
            "RECTIFICATION_DEADLINE_INVALID",
            "RECTIFICATION_UNKNOWN",
            "RECTIFICATION_UNKNOWN",
            "ROUND_STALE",
            "RECTIFICATION_MOVE_NOT_ALLOWED",
            "RECTIFICATION_MOVE_NOT_ALLOWED",
            "RECTIFICATION_DEADLINE_INVALID",
            "RECTIFICATION_NOT_YOURS",
            "RECTIFICATION_NOT_YOURS",
        ]
        assert await alike(line)
        assert [one.state for one in await seen(line.township)] == [1]


async def test_a_withdrawn_item_withdraws_its_points(an_app: AnApp) -> None:
    """Nothing holds it any more, nobody is reminded, and nothing can be done about them."""
    async with a_line(an_app) as line:
        item_id = await issued(line, TOWN, OTHER)
        points = await open_points(line, item_id, TOWN, OTHER)
        await line.settle()
        await withdraw(line, item_id)
        await line.settle()
        with pytest.raises(TierError) as ended:
            await report(line, points[0])
        with pytest.raises(TierError) as none_more:
            await open_points(line, item_id, TOWN)
        line.clock.at += 30 * DAY
        reminded = [await sweep(app) for app in line.apps]

        assert await alike(line)
        assert {one.state for one in await seen(line.county)} == {4}
        assert reasons([ended, none_more]) == ["ITEM_ENDED"] * 2
        assert reminded == [0, 0, 0, 0]
        assert await holds(line.province, item_id) == 0


async def test_a_transferred_assignment_leaves_no_point_behind(an_app: AnApp) -> None:
    """Its points are withdrawn with it; the item waits for those of others only."""
    async with a_line(an_app) as line:
        item_id = await issued(line, TOWN, OTHER)
        mine, other = await open_points(line, item_id, TOWN, OTHER)
        await line.settle()
        response = pb.CloseRectificationsResponse()
        async with once(line.province, a_call(PROVINCE), response) as work:
            assert work is not None
            await assignment.transfer(work, item_id, {TOWN: AWAY}, "归口他处")
        await line.settle()
        with pytest.raises(TierError) as gone:
            await report(line, mine)
        with pytest.raises(TierError) as not_there:
            await open_points(line, item_id, TOWN)
        states = {one.rectification_id: one.state for one in await seen(line.township)}

        assert states == {str(mine): 4, str(other): 1}
        assert await alike(line)
        assert await holds(line.province, item_id) == 1
        assert reasons([gone, not_there]) == [
            "RECTIFICATION_MOVE_NOT_ALLOWED",
            "MOVE_NOT_ALLOWED",
        ]


async def test_many_points_travel_in_parts(an_app: AnApp) -> None:
    """Each as long as it may be: no fact is larger than the road takes."""
    async with a_line(an_app) as line:
        item_id = await issued(line, TOWN)
        wanted = [Wanted(TOWN, "字" * 2000, "字" * 2000, IN_A_WEEK)] * 65
        await opening.open_points(line.province, a_call(PROVINCE), item_id, wanted)
        await line.settle()
        points = [UUID(one.rectification_id) for one in await seen(line.township)]
        done = await report(line, *points)
        await line.settle()
        closed = await close(line, *points)
        await line.settle()

        assert (len(points), done.reported_count, closed.closed_count) == (65, 65, 65)
        assert await alike(line)
        async with line.township.db.reading() as tx:
            largest = await tx.fetchval("SELECT max(length(body)) FROM ledger_fact")
        assert largest < 768 * 1024


async def test_points_are_found_by_what_is_asked(an_app: AnApp) -> None:
    """Of an item, of an area, in a state, overdue; page by page as in one."""
    async with a_line(an_app) as line:
        item_id = await issued(line, TOWN, AWAY)
        first, second = await open_points(line, item_id, TOWN, AWAY)
        (other,) = await open_points(line, await issued(line, TOWN), TOWN)
        await line.settle()
        await report(line, first)
        await line.settle()
        line.clock.at = IN_A_WEEK + HOUR

        async def found(size: int = 0, **asked: object) -> list[UUID]:
            request = pb.ListRectificationsRequest(page_size=size, **asked)  # type: ignore[arg-type]
            ids: list[UUID] = []
            while True:
                page = await queries.list_points(line.province, request)
                ids += [UUID(one.rectification_id) for one in page.rectifications]
                request.page_token = page.next_page_token
                if not page.next_page_token:
                    return ids

        assert await found() == [first, second, other]
        assert await found(1) == [first, second, other]
        assert await found(item_id=str(item_id)) == [first, second]
        assert await found(within="530103") == [second]
        assert await found(states=[nouns.RECTIFICATION_STATE_REPORTED]) == [first]
        assert await found(overdue_only=True) == [second, other]
