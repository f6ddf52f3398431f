"""When an item and its parts are due, by its terms; and who is verified after whom."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from google.protobuf.timestamp_pb2 import Timestamp

from ducha.assignment.v1 import assignment_pb2 as nouns
from ducha.assignment.v1 import assignment_service_pb2 as pb
from ducha.calendar.v1 import calendar_pb2
from ducha.calendar.v1 import calendar_service_pb2 as calendar
from ducha.calendar.v1.calendar_service_pb2_grpc import CalendarServiceStub
from ducha.inbox.v1 import inbox_pb2
from tests.doors import letters
from tests.doors.letters import TOWNSHIPS, seen
from tests.doors.life_refusals import ASSIST, LEAD, led
from tests.doors.test_life_moves import TOWN, at, everywhere, items, told
from tests.doors.tiers import Line, Tier, refused

pytestmark = pytest.mark.asyncio(loop_scope="session")


# --- Moments, and terms ----------------------------------------------------------------


def undated(**terms: calendar_pb2.Term) -> pb.IssueItemRequest:
    """Issue an item whose moments are left to terms."""
    request = letters.issue(*TOWNSHIPS)
    request.item.ClearField("receive_by_time")
    request.item.ClearField("deadline_time")
    for name, term in terms.items():
        getattr(request.item, name).CopyFrom(term)
    return request


async def ends(tier: Tier, start: Timestamp, term: calendar_pb2.Term) -> Timestamp:
    """Return when a term ends, by the calendar of a tier."""
    asked = calendar.ComputeDueRequest(start_time=start, term=term)
    due = await CalendarServiceStub(tier.channel).ComputeDue(asked)
    return due.due_time


async def test_what_is_not_said_is_what_the_terms_of_its_type_say(line: Line) -> None:
    """Receipt and report of a plan line; every tier goes by the same terms."""
    request = undated()
    checked = pb.IssueItemRequest()
    checked.CopyFrom(request)
    checked.validate_only = True
    told_before = (await line.province.items.IssueItem(checked)).item
    item = (await line.province.items.IssueItem(request)).item
    await line.settled()
    found = await items(line, item.item_id)
    town = await everywhere(line, item.item_id, TOWN)

    assert item.terms.HasField("receive")
    assert item.terms.work.working_days == 20  # as shipped
    for moment, term in (
        (item.receive_by_time, item.terms.receive),
        (item.deadline_time, item.terms.work),
    ):
        assert moment == await ends(line.township, item.issue_time, term)
    assert told_before.terms == item.terms
    assert told_before.HasField("deadline_time")
    assert found == [item] * 4
    assert town == [town[0]] * 4
    assert town[0].deadline_time == item.deadline_time
    assert town[0].assign_time == item.issue_time


async def test_moments_may_be_given_as_terms(line: Line) -> None:
    """Working days end at the close of work; hours run through the night."""
    days, hours = calendar_pb2.Term(working_days=3), calendar_pb2.Term(hours=5)
    request = undated(receive_within=hours, work_within=days)
    item = (await line.province.items.IssueItem(request)).item

    assert at(item.receive_by_time) - at(item.issue_time) == timedelta(hours=5)
    assert item.deadline_time == await ends(line.city, item.issue_time, days)


def both_receipts(request: pb.IssueItemRequest) -> None:
    request.item.receive_within.hours = 5


def both_deadlines(request: pb.IssueItemRequest) -> None:
    request.item.work_within.working_days = 5


@pytest.mark.parametrize("spoil", [both_receipts, both_deadlines])
async def test_a_moment_and_a_term_for_the_same_are_refused(
    line: Line, spoil: Callable[[pb.IssueItemRequest], None]
) -> None:
    """Nobody guesses which was meant."""
    request = letters.issue(*TOWNSHIPS)
    spoil(request)

    assert (await refused(line.province.items.IssueItem(request))).refusal.reason == (
        "DEADLINE_INVALID"
    )


async def test_a_split_may_be_given_in_terms_that_leave_time_to_review(
    line: Line,
) -> None:
    """Too long a term is refused with the moment it may be at the latest; so are both."""
    item = letters.an_item(mode=nouns.MODE_CASCADE, days=20)
    item_id = await letters.issued(line, letters.issue("5301", item=item))

    def a_split(hours: int) -> pb.SplitAssignmentRequest:
        request = letters.split(item_id, "5301", "530102")
        request.work_within.hours = hours
        return request

    both = a_split(48)
    both.deadline_time.FromDatetime(letters.soon(2))
    twice = await refused(line.city.items.SplitAssignment(both))
    long = await refused(line.city.items.SplitAssignment(a_split(20 * 24 - 1)))
    done = await line.city.items.SplitAssignment(a_split(48))
    await line.settled()
    held = [await seen(tier, item_id, "530102") for tier in (line.city, line.county)]

    assert twice.refusal.reason == long.refusal.reason == "DEADLINE_INVALID"
    assert held == [held[0]] * 2
    assert held[0].deadline_time == done.deadline_time
    assert at(done.deadline_time) - at(held[0].assign_time) == timedelta(hours=48)


# --- Lead and assist -------------------------------------------------------------------


async def test_who_assists_comes_first_and_the_lead_is_told_what_it_found(
    line: Line,
) -> None:
    """Verified, its report is handed to the lead; the lead is verified last and ends it."""
    request = letters.issue(LEAD, ASSIST, item=led())
    item_id = await letters.issued(line, request)
    content = letters.a_report("协办部分已核实", problems=2)
    for division in (LEAD, ASSIST):
        filed = letters.report(item_id, division, content=content)
        await line.township.items.ReportAssignments(filed)
    await line.settled()
    early = await refused(
        line.province.items.VerifyAssignments(letters.verify(item_id, LEAD))
    )
    await line.province.items.VerifyAssignments(letters.verify(item_id, ASSIST))
    await line.settled()
    [notice] = await told(line.township, item_id, LEAD)
    await line.province.items.VerifyAssignments(letters.verify(item_id, LEAD))
    done = await line.province.items.ConcludeItem(letters.conclude(item_id))
    parts = [(await seen(line.county, item_id, one)).part for one in (LEAD, ASSIST)]

    assert early.refusal.reason == "ASSISTS_OPEN"
    assert early.details["open_assists"] == ASSIST
    assert notice.kind == inbox_pb2.NOTICE_KIND_ASSIST_CONTRIBUTED
    assert dict(notice.details) == {
        "by_division": ASSIST,
        "summary": "协办部分已核实",
        "problems": "2",
    }
    assert await told(line.township, item_id, ASSIST) == []
    assert done.item.state == nouns.ITEM_STATE_CONCLUDED
    assert parts == [nouns.PART_LEAD, nouns.PART_ASSIST]


async def test_lead_and_assists_may_be_verified_together(line: Line) -> None:
    """In one call; or those that assist were taken back."""
    units = (LEAD, ASSIST, TOWNSHIPS[2])
    both = await letters.issued(line, letters.issue(*units[:2], item=led()))
    item = led(LEAD, *units[1:])
    alone = await letters.issued(line, letters.issue(*units, item=item))
    for item_id in (both, alone):
        reports = letters.report(item_id, LEAD, ASSIST)
        await line.township.items.ReportAssignments(reports)
    await line.settled()
    together = await line.province.items.VerifyAssignments(letters.verify(both))
    await line.province.items.VerifyAssignments(letters.verify(alone, ASSIST))
    back = letters.withdraw_from(alone, TOWNSHIPS[2])
    await line.province.items.WithdrawAssignments(back)
    last = await line.province.items.VerifyAssignments(letters.verify(alone, LEAD))

    assert together.verified_count == 2
    assert last.verified_count == 1
