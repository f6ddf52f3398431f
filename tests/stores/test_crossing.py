"""Moves that cross on the links, and assignments that change hands: four tiers, one truth."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

import pytest

from ducha.assignment.v1 import assignment_pb2 as nouns
from ducha.assignment.v1 import assignment_service_pb2 as service
from tests.divisions import KUNMING, WUHUA, a_row, load
from tests.divisions import PROVINCE as PROVINCES
from tests.doors import letters
from tests.servers import AnApp, carry, quarantined
from tests.stores import cascading
from tests.stores.cascading import an_item, cascaded, issued, move, seen, shown
from tests.stores.supervised import (
    AWAY,
    CITY,
    COUNTY,
    DAY,
    DOORS,
    OTHER,
    PROVINCE,
    ROWS,
    SIBLING,
    TOWN,
    Line,
    a_call,
    a_line,
    told,
)
from tier.app import App
from tier.assignment import queries
from tier.assignment.actions import end, issue
from tier.assignment.errors import (
    DeadlineInvalid,
    MoveNotAllowed,
    TargetsInvalid,
)
from tier.inbox import Kind
from tier.jurisdiction import Code, Level
from tier.node import Node
from tier.runtime import moments

WITHDRAWN = nouns.ASSIGNMENT_STATE_WITHDRAWN


async def agreed(line: Line, item_id: UUID) -> dict[str, nouns.Assignment]:
    """Return all assignments of an item, once every tier that has one holds the same."""
    asked = service.ListAssignmentsRequest(item_id=str(item_id), page_size=2000)
    found: dict[str, nouns.Assignment] = {}
    for app in line.apps:
        page = await queries.list_assignments(app, asked)
        for one in page.assignments:
            assert found.setdefault(one.division, one) == one
    for app in line.apps:
        assert await quarantined(app) == []
    for division in found:
        await shown(line, item_id, Code(division))  # nobody concerned lacks it
    return found


async def of_kind(app: App, kind: Kind) -> list[str]:
    """Return whom a node told something of this kind, oldest first."""
    return [whom for whom, _, _ in await told(app, kind)]


# --- Taken back ------------------------------------------------------------------------


@pytest.mark.parametrize("by", [PROVINCE, CITY, COUNTY])
async def test_what_is_split_below_goes_with_what_is_taken_back(
    an_app: AnApp, by: Code
) -> None:
    """Wherever it is taken back: withdrawn at every tier, and all who had a part are told."""
    async with a_line(an_app) as line:
        item_id = await cascaded(line)
        await cascading.receive(line.township, item_id, TOWN)
        await line.settle()
        chain = [PROVINCE, CITY, COUNTY, TOWN]
        place = chain.index(by)
        app = line.apps[3 - place]
        count = await cascading.take_back(app, item_id, by, chain[place + 1])
        await line.settle()
        found = await agreed(line, item_id)
        gone = {code for code, one in found.items() if one.state == WITHDRAWN}

        assert count == 1
        assert gone == {*chain[place + 1 :]} | ({OTHER} if by != COUNTY else set())
        homes = {CITY: line.city, COUNTY: line.county, TOWN: line.township}
        for division, home in homes.items():
            expected = [division] if division in gone else []
            heard = await of_kind(home, Kind.WITHDRAWN)
            assert [one for one in heard if one == division] == expected


async def test_a_split_that_crosses_a_withdrawal_is_withdrawn_at_all_tiers(
    an_app: AnApp,
) -> None:
    """The county passed on, and a township went to work, while the province took it back."""
    async with a_line(an_app) as line:
        item_id = await issued(line, an_item(line), CITY)
        await line.settle()
        await cascading.split(line.city, item_id, CITY, [COUNTY])
        await line.settle()
        await cascading.take_back(line.province, item_id, PROVINCE, CITY)
        await cascading.split(line.county, item_id, COUNTY, [TOWN, OTHER])
        await line.descend()
        await line.settle()
        found = await agreed(line, item_id)

        assert {*found} == {CITY, COUNTY, TOWN, OTHER}
        assert {one.state for one in found.values()} == {WITHDRAWN}
        assert await of_kind(line.county, Kind.WITHDRAWN) == [COUNTY]
        # They heard of it and of its end; nobody works on what nobody wants.
        assert await of_kind(line.township, Kind.WITHDRAWN) == [TOWN, OTHER]
        with pytest.raises(MoveNotAllowed):
            await cascading.do_report(line.township, item_id, TOWN)


async def test_a_township_at_work_hears_a_withdrawal_that_met_the_split_half_way(
    an_app: AnApp,
) -> None:
    """The city takes its county back while the county's split is still on the way up."""
    async with a_line(an_app) as line:
        item_id = await issued(line, an_item(line), CITY)
        await line.settle()
        await cascading.split(line.city, item_id, CITY, [COUNTY])
        await line.settle()
        await cascading.split(line.county, item_id, COUNTY, [TOWN])
        await line.descend()  # the township works, the city knows nothing of it yet
        await cascading.receive(line.township, item_id, TOWN)
        await cascading.take_back(line.city, item_id, CITY, COUNTY)
        await line.settle()
        await line.settle()
        found = await agreed(line, item_id)

        assert found[CITY].state == nouns.ASSIGNMENT_STATE_ISSUED
        assert found[COUNTY].state == found[TOWN].state == WITHDRAWN
        assert await of_kind(line.township, Kind.WITHDRAWN) == [TOWN]


# --- Given to somebody else ------------------------------------------------------------


async def test_a_transferred_assignment_is_the_other_ones_from_then_on(
    an_app: AnApp,
) -> None:
    """With the time that is left; what the first one had split goes, and is nobody's."""
    async with a_line(an_app) as line:
        item_id = await issued(line, an_item(line), CITY)
        await line.settle()
        await cascading.split(line.city, item_id, CITY, [COUNTY])
        await line.settle()
        await cascading.split(line.county, item_id, COUNTY, [TOWN])
        await line.settle()
        first = await seen(line.city, item_id, COUNTY)
        line.clock.at += DAY
        await move(line.city, CITY, "transfer", item_id, {COUNTY: SIBLING})
        await line.settle()
        found = await agreed(line, item_id)
        new = found[SIBLING]

        assert found[COUNTY].state == found[TOWN].state == WITHDRAWN
        assert found[COUNTY].transferred_to == SIBLING
        assert found[TOWN].transferred_to == ""
        assert new.state == nouns.ASSIGNMENT_STATE_ISSUED
        assert new.assigner_division == CITY
        assert new.deadline_time == first.deadline_time
        assert new.assign_time == moments.stamp_of(line.clock())
        assert new.instructions == first.instructions
        receipt = moments.moment(first.receive_by_time)
        given = receipt - moments.moment(first.assign_time)
        left = moments.moment(new.receive_by_time) - line.clock()
        assert left == min(given, moments.moment(new.deadline_time) - line.clock())
        [(whom, details, _)] = await told(line.county, Kind.TRANSFERRED)
        assert (whom, details["to_division"]) == (COUNTY, SIBLING)
        assert await of_kind(line.township, Kind.WITHDRAWN) == [TOWN]
        assert await of_kind(line.township, Kind.TRANSFERRED) == []
        await cascading.split(line.county, item_id, SIBLING, [AWAY])
        await line.settle()
        assert (await agreed(line, item_id))[AWAY].assigner_division == SIBLING


async def test_a_transfer_in_the_last_hour_leaves_time_to_receive(
    an_app: AnApp,
) -> None:
    """As long as the first one had; a deadline that has passed is no time at all."""
    async with a_line(an_app) as line:
        item_id = await issued(line, an_item(line, nouns.MODE_DIRECT), TOWN)
        await line.settle()
        line.clock.at += 11 * DAY
        await move(line.province, PROVINCE, "transfer", item_id, {TOWN: OTHER})
        await line.settle()
        new = (await agreed(line, item_id))[OTHER]

        assert moments.moment(new.receive_by_time) == line.clock() + DAY
        assert moments.moment(new.deadline_time) == line.clock() + DAY
        assert new.light == nouns.LIGHT_GREEN


async def test_a_stopped_clock_is_transferred_with_the_time_that_it_stood(
    an_app: AnApp,
) -> None:
    """Whoever has it next has as much left as the first one had when it stopped."""
    async with a_line(an_app) as line:
        item_id = await issued(line, an_item(line, nouns.MODE_DIRECT), TOWN)
        await line.settle()
        before = await seen(line.province, item_id, TOWN)
        await move(line.province, PROVINCE, "suspend", item_id, [TOWN])
        line.clock.at += 3 * DAY
        await move(line.province, PROVINCE, "transfer", item_id, {TOWN: OTHER})
        await line.settle()
        new = (await agreed(line, item_id))[OTHER]
        later = moments.moment(new.deadline_time) - moments.moment(before.deadline_time)

        assert later == 3 * DAY


async def test_nobody_is_given_what_it_has_or_what_it_cannot_have(
    an_app: AnApp,
) -> None:
    """Who has it, who lies elsewhere, who does not stand; and of a batch, nothing moves."""
    async with a_line(an_app) as line:
        item_id = await cascaded(line)
        before = await agreed(line, item_id)
        for to in (OTHER, AWAY, COUNTY, Code("530102999")):
            with pytest.raises(TargetsInvalid):
                await move(line.county, COUNTY, "transfer", item_id, {TOWN: to})

        straight = an_item(line, nouns.MODE_DIRECT)
        straight.ClearField("skip_level_reason")
        for own in (item_id, await issued(line, straight, CITY)):
            with pytest.raises(TargetsInvalid, match="pass over a tier"):
                await move(line.province, PROVINCE, "transfer", own, {CITY: SIBLING})

        assert await agreed(line, item_id) == before
        await move(line.county, COUNTY, "transfer", item_id, {TOWN: "", OTHER: ""})
        await line.settle()
        found = await agreed(line, item_id)
        for town in (TOWN, OTHER):
            assert (found[town].state, found[town].transferred_to) == (WITHDRAWN, "")
        assert await of_kind(line.township, Kind.WITHDRAWN) == [TOWN, OTHER]


async def test_who_gets_a_reopened_item_later_holds_it_like_all_others(
    an_app: AnApp,
) -> None:
    """A township's node that held nothing of it: how often it was reopened, what was found."""
    async with a_line(an_app) as line:
        item_id = await issued(line, an_item(line), CITY)
        await line.settle()
        await cascading.do_report(line.city, item_id, CITY)
        await line.settle()
        await cascading.verify(line.province, item_id, PROVINCE, CITY)
        conclusion = letters.conclude(str(item_id)).conclusion
        await end.conclude(line.province, a_call(PROVINCE), item_id, conclusion)
        await end.reopen_call(line.province, a_call(PROVINCE), item_id, "复核")
        await line.settle()
        await cascading.send_back(line.province, item_id, PROVINCE, CITY)
        await line.settle()
        await cascading.split(line.city, item_id, CITY, [COUNTY])
        await line.settle()
        await cascading.split(line.county, item_id, COUNTY, [TOWN])
        await line.settle()
        rows = []
        for app in line.apps:
            async with app.db.reading() as tx:
                row = await tx.fetchrow(
                    "SELECT state, reopened, concluded_at, concluded_by FROM assignment_item"
                )
                rows.append(tuple(row or ()))

        assert rows == [rows[0]] * 4
        assert rows[0][:2] == (1, 1)


async def test_an_assignment_is_transferred_to_where_nobody_knew_the_item(
    an_app: AnApp,
) -> None:
    """Past a tier that knows it, to a county that does not: it works as all others do."""
    panlong = Node("panlong", Level.COUNTY, (SIBLING,), "kunming")
    async with (
        an_app(PROVINCES) as province,
        an_app(KUNMING) as kunming,
        an_app(WUHUA) as wuhua,
        an_app(panlong) as there,
    ):
        await load(province, [a_row(code) for code in (*ROWS, "5303")])
        links = [(province, kunming), (kunming, wuhua), (kunming, there)]

        async def settle() -> None:
            for _ in range(2):
                for above, below in links:
                    await carry(above, below, DOORS)
                for above, below in reversed(links):
                    await carry(below, above, DOORS)

        await settle()
        item = letters.an_item()
        targets = nouns.TargetSelection(divisions=[TOWN])
        done = await issue.issue(province, a_call(PROVINCE), item, targets)
        item_id = UUID(done.item.item_id)
        await settle()
        await move(province, PROVINCE, "transfer", item_id, {TOWN: AWAY})
        await settle()
        await cascading.do_report(there, item_id, AWAY)
        await settle()
        held = [await seen(app, item_id, AWAY) for app in (province, kunming, there)]

        assert held == [held[0]] * 3
        assert held[0].state == nouns.ASSIGNMENT_STATE_REPORTED
        for app in (province, kunming, wuhua, there):
            assert await quarantined(app) == []


# --- Clocks ----------------------------------------------------------------------------


async def lights(line: Line, item_id: UUID, division: Code) -> list[int]:
    """Return an assignment's light at each tier."""
    return [one.light for one in await shown(line, item_id, division)]


async def test_every_tier_shows_the_same_light(an_app: AnApp) -> None:
    """Green, yellow when receipt is overdue or the end is near, red; green once it is done."""
    async with a_line(an_app) as line:
        item_id = await issued(line, an_item(line, nouns.MODE_DIRECT), TOWN, OTHER)
        await line.settle()
        start, found = line.clock(), []
        for hours in (23, 25):
            line.clock.at = start + timedelta(hours=hours)
            found.append(await lights(line, item_id, TOWN))
        await cascading.receive(line.township, item_id, TOWN)
        await line.settle()
        for days in (7, 8, 10, 11):
            line.clock.at = start + timedelta(days=days)
            found.append(await lights(line, item_id, TOWN))
        await cascading.do_report(line.township, item_id, TOWN)
        await line.settle()
        found.append(await lights(line, item_id, TOWN))
        await cascading.take_back(line.province, item_id, PROVINCE, OTHER)
        await line.settle()

        order = (1, 2, 1, 2, 2, 3, 1)
        assert found == [[light] * 4 for light in order]
        assert await lights(line, item_id, OTHER) == [0] * 4


async def test_a_parents_extension_gives_room_below_and_says_so(an_app: AnApp) -> None:
    """Its children keep their deadlines; what did not fit before fits now."""
    async with a_line(an_app) as line:
        item_id = await cascaded(line)
        ends = moments.moment((await seen(line.city, item_id, CITY)).deadline_time)
        before = await agreed(line, item_id)
        later = ends + 5 * DAY
        with pytest.raises(DeadlineInvalid):
            await cascading.split(line.city, item_id, CITY, [SIBLING], until=ends)
        await move(line.province, PROVINCE, "put off", item_id, {CITY: later})
        await line.settle()
        await cascading.split(line.city, item_id, CITY, [SIBLING], until=ends)
        await line.settle()
        found = await agreed(line, item_id)
        [(whom, details, light)] = await told(line.city, Kind.CHILDREN_RECHECKED)

        assert moments.moment(found[CITY].deadline_time) == later
        assert found[CITY].extension_count == 1
        assert moments.moment(found[SIBLING].deadline_time) == ends
        for code in (COUNTY, TOWN, OTHER):
            assert found[code].deadline_time == before[code].deadline_time
        latest = later - line.city.review_buffer
        assert (whom, light, details["latest"]) == (CITY, 1, latest.isoformat())


async def test_moves_of_both_sides_that_cross_end_the_same_everywhere(
    an_app: AnApp,
) -> None:
    """A stop and an extension on the way down, receipt and report on the way up."""
    async with a_line(an_app) as line:
        item_id = await issued(line, an_item(line, nouns.MODE_DIRECT), TOWN, OTHER)
        await line.settle()
        later = line.clock() + 15 * DAY
        await move(line.province, PROVINCE, "suspend", item_id, [TOWN])
        await move(line.province, PROVINCE, "put off", item_id, {OTHER: later})
        await cascading.receive(line.township, item_id, TOWN)
        await cascading.do_report(line.township, item_id, OTHER)
        line.clock.at += timedelta(seconds=5)
        await move(line.province, PROVINCE, "resume", item_id, [])
        await line.settle()
        await line.settle()
        found = await agreed(line, item_id)

        assert found[TOWN].state == nouns.ASSIGNMENT_STATE_RECEIVED
        assert found[TOWN].stopped.ToTimedelta() == timedelta(seconds=5)
        assert found[OTHER].state == nouns.ASSIGNMENT_STATE_REPORTED
        assert moments.moment(found[OTHER].deadline_time) == later
        assert {found[TOWN].term, found[OTHER].term} == {3, 2}
