"""Who is late is urged, at every tier the same, and hears of it once a day."""

from __future__ import annotations

from uuid import UUID

import pytest

from ducha.urging.v1 import urging_facts_pb2 as facts
from ducha.urging.v1 import urging_pb2 as nouns
from ducha.urging.v1 import urging_service_pb2 as pb
from tests.servers import AnApp, carry, quarantined
from tests.stores.supervised import (
    AWAY,
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
    report_on,
    told,
    withdraw,
)
from tier import division as divisions
from tier import ledger
from tier.app import App
from tier.inbox import Kind
from tier.jurisdiction import Code
from tier.runtime.errors import TierError
from tier.urging import actions, by_rule, queries

ROWS = "SELECT * FROM urging_urge ORDER BY urge_id, division"
MESSAGE = "请抓紧办理"


async def urge(
    app: App, item_id: UUID, *divisions: Code, by: Code = PROVINCE
) -> pb.UrgeAssignmentsResponse:
    return await actions.urge(app, a_call(by), item_id, divisions, MESSAGE)


async def rule(app: App, item_id: UUID, *divisions: Code, by: Code = PROVINCE) -> int:
    """Urge by rule as the timers do; return how many facts were made."""
    async with app.db.transaction() as tx:
        entries = await by_rule(app, tx, item_id, by, divisions, now=app.now())
        await ledger.append(tx, app.feed, entries, app.now())
    return len(entries)


async def rows(app: App) -> list[tuple[object, ...]]:
    async with app.db.reading() as tx:
        return [tuple(row) for row in await tx.fetch(ROWS)]


async def lines(
    app: App, within: str = "", from_day: str = "", to_day: str = ""
) -> list[nouns.DigestLine]:
    request = pb.ListDigestsRequest(within=within, from_day=from_day, to_day=to_day)
    return list((await queries.list_digests(app, request)).lines)


async def alerts(line: Line) -> list[str]:
    """Return whom the townships' node alerted, oldest first."""
    return [division for division, *_ in await told(line.township, Kind.URGE_DIGEST)]


async def test_an_urge_is_the_same_row_at_every_tier(an_app: AnApp) -> None:
    """Down to who is urged, and up as a notice; those who were not named are left alone."""
    async with a_line(an_app) as line:
        item_id = await issued(line, TOWN, OTHER, AWAY)
        done = await urge(line.province, item_id, TOWN, AWAY)
        await line.settle()
        held = [await rows(app) for app in line.apps]

        assert done.urged_count == 2
        assert all(len(one) == 2 for one in held)
        assert all(one == held[0] for one in held)
        assert sorted(await alerts(line)) == [TOWN, AWAY]
        assert [await quarantined(app) for app in line.apps] == [[]] * 4
        assert [len(await told(app, Kind.URGE_DIGEST)) for app in line.apps[1:]] == [
            0
        ] * 3


async def test_with_nobody_named_all_who_did_not_report_are_urged(
    an_app: AnApp,
) -> None:
    """Who reported is left alone; once all did, there is nothing to urge."""
    async with a_line(an_app) as line:
        item_id = await issued(line, TOWN, OTHER)
        await report_on(line, item_id, TOWN)
        await line.climb()
        first = await urge(line.province, item_id)
        await line.settle()
        after_first = await alerts(line)
        await report_on(line, item_id, OTHER)
        await line.climb()
        with pytest.raises(TierError) as nothing:
            await urge(line.province, item_id)
        with pytest.raises(TierError) as named:
            await urge(line.province, item_id, TOWN)

        assert first.urged_count == 1
        assert after_first == [OTHER]
        assert (nothing.value.reason, named.value.reason) == ("NOTHING_TO_URGE",) * 2
        assert named.value.details["state"] == "REPORTED"


async def test_the_assigner_and_the_issuer_may_urge_and_nobody_else(
    an_app: AnApp,
) -> None:
    """An item of the province's, assigned straight to townships: their county may not."""
    async with a_line(an_app) as line:
        item_id = await issued(line, TOWN)
        with pytest.raises(TierError) as county:
            await urge(line.county, item_id, TOWN, by=COUNTY)
        with pytest.raises(TierError) as none_of_its_own:
            await urge(line.county, item_id, by=COUNTY)
        with pytest.raises(TierError) as sibling:
            await urge(line.county, item_id, TOWN, by=Code("530103"))
        with pytest.raises(TierError) as unknown:
            await urge(line.province, item_id, AWAY)

        assert county.value.reason == "NOT_YOURS_TO_URGE"
        assert county.value.details["assigner"] == PROVINCE
        assert none_of_its_own.value.reason == "NOTHING_TO_URGE"
        assert sibling.value.reason == "ITEM_UNKNOWN"
        assert unknown.value.reason == "ASSIGNMENT_UNKNOWN"
        assert await rows(line.county) == []


async def test_a_unit_is_alerted_once_a_day_whoever_urges(an_app: AnApp) -> None:
    """Two items, two issuers, three urges: one alert, and a digest with everything."""
    async with a_line(an_app) as line:
        one = await issued(line, TOWN)
        other = await issued(line, TOWN, by=CITY, app=line.city)
        for app, item_id, by in (
            (line.province, one, PROVINCE),
            (line.city, other, CITY),
            (line.province, one, PROVINCE),
        ):
            await urge(app, item_id, TOWN, by=by)
            await line.settle()
            line.clock.at += HOUR
        same_day = await alerts(line)
        digest = await lines(line.township, within=TOWN)
        line.clock.at += DAY
        await urge(line.province, one, TOWN)
        await line.settle()

        assert same_day == [TOWN]
        assert {(line.item_id, line.urge_count) for line in digest} == {
            (str(one), 2),
            (str(other), 1),
        }
        assert {tuple(line.by_divisions) for line in digest} == {("53",), ("5301",)}
        assert {line.day for line in digest} == {"2026-11-23"}
        assert all(line.title and line.message == MESSAGE for line in digest)
        assert await alerts(line) == [TOWN, TOWN]


async def test_what_is_red_is_told_each_time(an_app: AnApp) -> None:
    """Past its deadline an assignment is alerted again on the same day."""
    async with a_line(an_app) as line:
        item_id = await issued(line, TOWN)
        line.clock.at += 11 * DAY
        for _ in range(3):
            await urge(line.province, item_id, TOWN)
            await line.settle()
            line.clock.at += HOUR
        notices = await told(line.township, Kind.URGE_DIGEST)

        assert [light for *_, light in notices] == [3, 3, 3]
        assert [details["count"] for _, details, _ in notices] == ["1", "2", "3"]


async def test_the_day_is_that_of_who_lives_there(an_app: AnApp) -> None:
    """Seven in the morning of the 24th in China is the 23rd still in UTC."""
    async with a_line(an_app) as line:
        item_id = await issued(line, TOWN)
        line.clock.at += 13 * HOUR  # 23:00 in China
        await urge(line.province, item_id, TOWN)
        line.clock.at += 8 * HOUR  # 07:00 in China, 23:00 in UTC
        await urge(line.province, item_id, TOWN)
        await line.settle()
        days = [one.day for one in await lines(line.township)]

        assert days == ["2026-11-24", "2026-11-23"]
        assert await alerts(line) == [TOWN, TOWN]
        found = await lines(line.township, from_day="2026-11-24")
        assert [one.day for one in found] == ["2026-11-24"]
        found = await lines(line.township, to_day="2026-11-23")
        assert [one.day for one in found] == ["2026-11-23"]


async def test_an_urge_that_crosses_a_report_alerts_nobody(an_app: AnApp) -> None:
    """The report was on its way: the urge is kept, the unit is not bothered."""
    async with a_line(an_app) as line:
        item_id = await issued(line, TOWN)
        await report_on(line, item_id, TOWN)
        await urge(line.province, item_id, TOWN)
        await line.settle()
        held = [await rows(app) for app in line.apps]

        assert all(one == held[0] and len(one) == 1 for one in held)
        assert await alerts(line) == []


async def test_urges_that_come_late_and_twice_count_once(an_app: AnApp) -> None:
    """Two days without a link: each day's digest, one alert a day, no doubles."""
    async with a_line(an_app) as line:
        item_id = await issued(line, TOWN)
        for _ in range(2):
            await urge(line.province, item_id, TOWN)
            await urge(line.province, item_id, TOWN)
            line.clock.at += DAY
        await line.settle()
        await line.settle()
        counts = [one.urge_count for one in await lines(line.township)]

        assert counts == [2, 2]
        assert await alerts(line) == [TOWN, TOWN]
        assert await carry(line.county, line.township, DOORS) == 0


async def test_a_rule_urges_once_a_working_day(an_app: AnApp) -> None:
    """Friday, Saturday and Sunday are one; Monday is another. By hand is always possible."""
    async with a_line(an_app) as line:
        item_id = await issued(line, TOWN, OTHER)
        line.clock.at += 11 * DAY  # Friday, 4 December
        made = []
        for _ in range(4):
            made.append(await rule(line.province, item_id, TOWN, OTHER))
            made.append(await rule(line.province, item_id, TOWN, OTHER))
            line.clock.at += DAY
        await urge(line.province, item_id, TOWN)
        await line.settle()
        found = await lines(line.township, within=TOWN)

        assert made == [1, 0, 0, 0, 0, 0, 1, 0]
        assert [(one.urge_count, one.by_rule_count) for one in found] == [
            (1, 0),
            (1, 1),
            (1, 1),
        ]


async def test_a_rule_urges_nobody_who_is_done(an_app: AnApp) -> None:
    """Reported, assigned by another, or withdrawn: no fact at all."""
    async with a_line(an_app) as line:
        item_id = await issued(line, TOWN, OTHER)
        await report_on(line, item_id, TOWN)
        await line.climb()
        reported = await rule(line.province, item_id, TOWN)
        foreign = await rule(line.county, item_id, OTHER, by=COUNTY)
        await withdraw(line, item_id)
        ended = await rule(line.province, item_id, OTHER)
        unknown = await rule(line.province, UUID(int=7), OTHER)

        assert (reported, foreign, ended, unknown) == (0, 0, 0, 0)


async def test_urges_are_listed_newest_first(an_app: AnApp) -> None:
    """Of an item, of an area; page by page as in one."""
    async with a_line(an_app) as line:
        item_id = await issued(line, TOWN, AWAY)
        other = await issued(line, TOWN)
        await urge(line.province, item_id)
        await urge(line.province, other)
        await urge(line.province, item_id, AWAY)

        async def listed(size: int = 0, **asked: str) -> list[tuple[str, str]]:
            request = pb.ListUrgesRequest(page_size=size, **asked)
            found: list[tuple[str, str]] = []
            while True:
                page = await queries.list_urges(line.province, request)
                found += [(one.item_id, one.division) for one in page.urges]
                request.page_token = page.next_page_token
                if not page.next_page_token:
                    return found

        whole = await listed()

        assert whole == [
            (str(item_id), AWAY),
            (str(other), TOWN),
            (str(item_id), TOWN),
            (str(item_id), AWAY),
        ]
        assert await listed(1) == whole
        assert await listed(item_id=str(other)) == [(str(other), TOWN)]
        assert len(await listed(within="530103")) == 2


async def test_a_fact_of_an_urge_that_is_not_its_senders_is_set_aside(
    an_app: AnApp,
) -> None:
    """Of what the county did not assign, in its province's name, of an item nobody knows."""
    async with a_line(an_app) as line:
        item_id = await issued(line, TOWN)
        await _forge(line, item_id, by=COUNTY)
        await _forge(line, item_id, by=PROVINCE)
        await _forge(line, UUID(int=9), by=COUNTY)
        await carry(line.county, line.city, DOORS)

        assert await quarantined(line.city) == [
            "WRONG_JURISDICTION",
            "WRONG_JURISDICTION",
            "UNKNOWN_ITEM",
        ]
        assert await rows(line.city) == []


async def _forge(line: Line, item_id: UUID, *, by: Code) -> None:
    """Have the county's node tell its city of an urge that nobody made."""
    payload = facts.AssignmentsUrged(
        urge_id=str(UUID(int=1)),
        item_id=str(item_id),
        divisions=divisions.set_to([TOWN]),
        by_division=by,
    )
    payload.urge_time.FromDatetime(line.clock())
    app = line.county
    author = ledger.Author.at(app.now(), app.node.name, "甲", "")
    entry = ledger.record(
        author,
        payload,
        division=COUNTY,
        subject=str(item_id),
        onward=app.node.upward,
    )
    async with app.db.transaction() as tx:
        await ledger.append(tx, app.feed, [entry], app.now())
