"""Page by page, every listing shows each of its rows exactly once."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

import pytest

from ducha.assignment.v1 import assignment_pb2 as nouns
from ducha.assignment.v1 import assignment_service_pb2 as pb
from ducha.division.v1 import division_pb2
from ducha.division.v1 import division_service_pb2 as division
from ducha.inbox.v1 import inbox_service_pb2 as inbox
from ducha.inbox.v1.inbox_service_pb2_grpc import InboxServiceStub
from ducha.link.v1 import link_service_pb2 as link
from ducha.reporting.v1 import reporting_service_pb2 as reporting
from tests.doors import inbox_rpcs, letters
from tests.doors.letters import CITIES, COUNTIES, TOWNSHIPS
from tests.doors.paging import MOST, every_way, pages
from tests.doors.refusals import QUARANTINE
from tests.doors.rpcs import RPCS
from tests.doors.tiers import Line

pytestmark = pytest.mark.asyncio(loop_scope="session")

# Each of these has a test in test_data_pages.py.
DATA = {
    "ListElements",
    "ListIndicators",
    "ListDataRequests",
    "ListNeeds",
    "ListObservations",
    "ListConflicts",
    "ListTasks",
    "ListApprovals",
    "ListUnlockings",
    "ListIndicatorValues",
    "ListSavings",
}
SUPERVISION = {"ListUrges", "ListDigests", "ListRectifications"}  # test_supervision.py
FENCE = """
    INSERT INTO assignment_fenced
           (item_id, division, epoch, current_epoch, fact_id, fact, fenced_at)
    VALUES ($1, $2, 1, 2, $3, '', now())
"""
DEADLINE_MOVE = """
    INSERT INTO assignment_deadline_move
           (item_id, division, term, old_deadline_at, new_deadline_at, cause, reason,
            moved_at, provisional, calendar_version)
    VALUES ($1, $2, $3 + 1000, now(), now(), $4, '', now() - $3 / 3 * interval '1 second',
            false, $5)
"""


async def test_every_listing_is_paged_here() -> None:
    """A new paged RPC without a test here fails."""
    paged = {
        rpc.name for rpc in RPCS if "page_token" in rpc.method.input_type.fields_by_name
    }

    assert paged == {
        "ListItems",
        "ListAssignments",
        "ListFencedWork",
        "ListDeadlineMoves",
        "ListDivisions",
        "ListProgress",
        "ListQuarantine",
        "ListNotices",
        "ListEvents",  # test_timeline.py
        "ListPetitions",  # test_petition.py
        "ListTimers",  # test_timing_shown.py
        "ListEscalations",
        "ListStatistics",  # tests/stores/test_statistics_store.py
        *SUPERVISION,
        *DATA,
    }


async def test_deadline_moves_newest_first(line: Line) -> None:
    """All of them, those of an item, of an area, of a cause, of a calendar."""
    item_id, other = [UUID(await letters.issued(line)) for _ in range(2)]
    for place, town in enumerate(TOWNSHIPS * 2):
        cause, version = place % 3 + 1, place // len(TOWNSHIPS)
        facts = (item_id, town, place, cause, version)
        await line.county.db.execute(DEADLINE_MOVE, *facts)
    await line.county.db.execute(DEADLINE_MOVE, other, TOWNSHIPS[0], 2, 1, 0)

    async def listed(**asked: Any) -> list[tuple[str, str, int, int]]:
        request = pb.ListDeadlineMovesRequest(**asked)
        found = await every_way(line.county.items.ListDeadlineMoves, request, "moves")
        moments = [one.move_time.ToNanoseconds() for one in found]
        assert moments == sorted(moments, reverse=True)
        return [
            (one.item_id, one.division, one.cause, one.calendar_version)
            for one in found
        ]

    whole = await listed(item_id=str(item_id))
    assert len(whole) == len(set(whole)) == 2 * len(TOWNSHIPS)
    for asked, place, value in (
        ({"within": "5301"}, 1, TOWNSHIPS[:4]),
        ({"cause": nouns.CAUSE_CALENDAR}, 2, (3,)),
        ({"calendar_version": 1}, 3, (1,)),
    ):
        some = await listed(item_id=str(item_id), **asked)
        assert some == [one for one in whole if one[place] in value]
    assert len(await listed(item_id=str(other))) == 1
    assert {*whole} < {*await listed()}


async def test_items_newest_first(line: Line) -> None:
    """All of them, and those of one issuer in one state."""
    request = letters.issue("530102", division="5301")
    own = (await line.city.items.IssueItem(request)).item.item_id
    new = [await letters.issued(line) for _ in range(3)]
    await line.province.items.WithdrawItem(letters.withdraw(new[0]))
    shown = await every_way(
        line.province.items.ListItems, pb.ListItemsRequest(), "items"
    )
    issuer = pb.ListItemsRequest(issuer_division="5301")
    city = await every_way(line.province.items.ListItems, issuer, "items")
    withdrawn = pb.ListItemsRequest(
        issuer_division="53", state=nouns.ITEM_STATE_WITHDRAWN
    )
    ended = await every_way(line.province.items.ListItems, withdrawn, "items")

    assert [item.item_id for item in shown[:4]] == [*reversed(new), own]
    assert len({item.item_id for item in shown}) == len(shown)
    assert len(shown) == await line.province.count("assignment_item")
    assert own in {item.item_id for item in city}
    assert ended[0].item_id == new[0]
    assert {item.state for item in ended} == {4}


async def test_assignments_by_division_then_item(line: Line) -> None:
    """An item's executors, a county's inbox, and what is still open in it."""
    items = [await letters.issued(line) for _ in range(2)]
    await line.township.items.ReceiveAssignments(
        letters.receive(items[0], TOWNSHIPS[0])
    )
    list_ = line.township.items.ListAssignments
    of_item = pb.ListAssignmentsRequest(item_id=items[0])
    executors = await every_way(list_, of_item, "assignments")
    inbox = await every_way(
        list_, pb.ListAssignmentsRequest(within="530102"), "assignments"
    )
    received = pb.ListAssignmentsRequest(
        item_id=items[0], states=[nouns.ASSIGNMENT_STATE_RECEIVED]
    )
    done = await every_way(list_, received, "assignments")
    keys = [(one.division, one.item_id) for one in inbox]

    assert [one.division for one in executors] == list(TOWNSHIPS)
    assert keys == sorted(set(keys))
    assert {(code, item_id) for code in TOWNSHIPS[:2] for item_id in items} <= set(keys)
    assert [one.division for one in done] == [TOWNSHIPS[0]]


async def test_divisions_by_code(line: Line) -> None:
    """Each tier knows its tree; an area, a level."""
    list_ = line.county.divisions.ListDivisions
    asked = division.ListDivisionsRequest(as_of="2023-07-01")
    shown = await every_way(list_, asked, "divisions")
    asked = division.ListDivisionsRequest(
        as_of="2023-07-01", within="5301", level=division_pb2.LEVEL_TOWNSHIP
    )
    towns = await every_way(list_, asked, "divisions")

    assert [one.code for one in shown] == sorted(code for code, _ in letters.ROWS)
    assert [one.code for one in towns] == [
        one for one in TOWNSHIPS if one.startswith("5301")
    ]


async def test_progress_by_division(line: Line) -> None:
    """Every division on the way from the province to the townships, once."""
    item_id = await letters.reported(line)
    asked = reporting.ListProgressRequest(item_id=item_id)
    shown = await every_way(line.province.progress.ListProgress, asked, "progress")

    assert [one.division for one in shown] == sorted(
        ["53", *CITIES, *COUNTIES, *TOWNSHIPS]
    )
    assert {one.division: one.reported_count for one in shown}["5301"] == 4


async def test_fenced_work_oldest_first(line: Line) -> None:
    """Of one item, and of all."""
    item_id, other = uuid4(), uuid4()
    for code in TOWNSHIPS:
        await line.county.db.execute(FENCE, item_id, code, uuid4())
    await line.county.db.execute(FENCE, other, TOWNSHIPS[0], uuid4())
    list_ = line.county.items.ListFencedWork
    mine = await every_way(
        list_, pb.ListFencedWorkRequest(item_id=str(item_id)), "work"
    )
    shown = await every_way(list_, pb.ListFencedWorkRequest(), "work")

    assert [one.assignment.division for one in mine] == list(TOWNSHIPS)
    assert len({one.fact_id for one in shown}) == await line.county.count(
        "assignment_fenced"
    )


async def test_notices_newest_first(line: Line) -> None:
    """Of a township with what lies within, and of itself; read ones and unread ones."""
    town = TOWNSHIPS[0]
    new = [await inbox_rpcs.told(line, town + below) for below in ("", "001", "") * 2]
    list_ = InboxServiceStub(line.township.channel).ListNotices
    own = await every_way(list_, inbox.ListNoticesRequest(division=town), "notices")
    asked = inbox.ListNoticesRequest(division=town, include_below=True)
    whole = await every_way(list_, asked, "notices")

    assert [one.notice_id for one in own][:4] == [new[5], new[3], new[2], new[0]]
    assert [one.notice_id for one in whole][:6] == [*reversed(new)]


async def test_quarantine_oldest_first_until_it_is_settled(line: Line) -> None:
    """What is dropped is shown no more, and stays on record."""
    new = [
        await line.county.db.fetchval(QUARANTINE, uuid4().int % 2**40, b"\xff")
        for _ in range(4)
    ]
    list_ = line.county.operation.ListQuarantine
    shown = await every_way(list_, link.ListQuarantineRequest(), "facts")
    await line.county.operation.DropQuarantine(
        link.DropQuarantineRequest(quarantine_id=new[1], actor="甲", reason="误报")
    )
    left = await every_way(list_, link.ListQuarantineRequest(), "facts")

    assert [one.quarantine_id for one in shown][-4:] == new
    assert [one.quarantine_id for one in left][-3:] == [new[0], *new[2:]]
    assert await line.county.count("link_quarantine") >= len(new)


@pytest.mark.parametrize("size", [1, 4])
async def test_a_page_is_not_disturbed_by_what_comes_meanwhile(
    line: Line, size: int
) -> None:
    """Items issued between two pages neither repeat nor hide an older one."""
    before = [await letters.issued(line) for _ in range(3)]
    first = await line.province.items.ListItems(pb.ListItemsRequest(page_size=size))
    await letters.issued(line)
    asked = pb.ListItemsRequest(page_token=first.next_page_token)
    rest = await pages(line.province.items.ListItems, asked, "items", MOST)
    shown = [UUID(item.item_id) for item in (*first.items, *rest)]

    assert shown[:3] == [UUID(item_id) for item_id in reversed(before)]
    assert len(set(shown)) == len(shown)
