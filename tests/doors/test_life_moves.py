"""The rarer moves of an item's life over four tiers: taken back, gone on, stood still, ended."""

from __future__ import annotations

from collections.abc import Awaitable
from datetime import UTC, datetime, timedelta

import pytest
from google.protobuf.timestamp_pb2 import Timestamp

from ducha.assignment.v1 import assignment_pb2 as nouns
from ducha.assignment.v1 import assignment_service_pb2 as pb
from ducha.inbox.v1 import inbox_pb2
from ducha.inbox.v1 import inbox_service_pb2 as inbox
from ducha.inbox.v1.inbox_service_pb2_grpc import InboxServiceStub
from tests.doors import letters, life_refusals
from tests.doors.letters import TOWNSHIPS, seen
from tests.doors.test_cascade import split_down
from tests.doors.tiers import Line, Tier, refused

pytestmark = pytest.mark.asyncio(loop_scope="session")

TOWN, OTHER = TOWNSHIPS[:2]
SUSPENDED = nouns.ASSIGNMENT_STATE_SUSPENDED
VERIFIED = nouns.ASSIGNMENT_STATE_VERIFIED
WITHDRAWN = nouns.ASSIGNMENT_STATE_WITHDRAWN
BELOW_KUNMING = ("5301", "530102", "530103", *TOWNSHIPS[:4])
BELOW_QUJING = ("5303", "530302", *TOWNSHIPS[4:])


async def told(tier: Tier, item_id: str, division: str) -> list[inbox_pb2.Notice]:
    """Return what a unit was told of an item, oldest first; timers apart."""
    asked = inbox.ListNoticesRequest(division=division, item_id=item_id)
    found = (await InboxServiceStub(tier.channel).ListNotices(asked)).notices
    return [one for one in reversed(found) if one.kind > inbox_pb2.NOTICE_KIND_VERDICT]


async def everywhere(line: Line, item_id: str, division: str) -> list[nouns.Assignment]:
    """Return an assignment as each tier holds it."""
    return [await seen(tier, item_id, division) for tier in line.by_name.values()]


async def items(line: Line, item_id: str) -> list[nouns.Item]:
    """Return an item as each tier holds it."""
    asked = pb.GetItemRequest(item_id=item_id)
    return [(await tier.items.GetItem(asked)).item for tier in line.by_name.values()]


def at(stamp: Timestamp) -> datetime:
    return stamp.ToDatetime(tzinfo=UTC)


# --- Taken back ------------------------------------------------------------------------


async def test_who_is_taken_back_takes_all_below_with_it(line: Line) -> None:
    """City, counties, townships at work: withdrawn at every tier, and each of them told."""
    item_id = await split_down(line)
    await line.township.items.ReceiveAssignments(letters.receive(item_id, TOWN))
    await line.settled()
    request = letters.withdraw_from(item_id, "5301")
    done = await line.province.items.WithdrawAssignments(request)
    await line.settled()
    held = [await letters.states(tier, item_id) for tier in line.by_name.values()]
    again = letters.withdraw_from(item_id, "5301")
    twice = await refused(line.province.items.WithdrawAssignments(again))
    late = letters.report(item_id, TOWN)
    ended = await refused(line.township.items.ReportAssignments(late))

    assert done.withdrawn_count == 1
    for states in held:
        gone = {code for code, state in states.items() if state == WITHDRAWN}
        assert gone == {*BELOW_KUNMING} & {*states}
        assert {*states} - gone == {*BELOW_QUJING} & {*states}
    assert {*held[0]} == {*BELOW_KUNMING, *BELOW_QUJING}
    assert {TOWN, OTHER} <= {*held[3]}
    assert twice.refusal.reason == ended.refusal.reason == "MOVE_NOT_ALLOWED"
    for tier, division in ((line.city, "5301"), (line.county, "530102")):
        [notice] = await told(tier, item_id, division)
        assert notice.kind == inbox_pb2.NOTICE_KIND_WITHDRAWN
    for division in TOWNSHIPS[:4]:
        [notice] = await told(line.township, item_id, division)
        assert notice.kind == inbox_pb2.NOTICE_KIND_WITHDRAWN
        assert notice.details["reason"] == request.reason
    assert await told(line.township, item_id, TOWNSHIPS[4]) == []


async def test_those_left_are_enough_to_conclude(line: Line) -> None:
    """A rule that asks for all asks for all that are still asked."""
    item_id = await letters.reported(line, *TOWNSHIPS[1:])
    await line.province.items.VerifyAssignments(letters.verify(item_id))
    short = await refused(line.province.items.ConcludeItem(letters.conclude(item_id)))
    await line.province.items.WithdrawAssignments(letters.withdraw_from(item_id, TOWN))
    done = await line.province.items.ConcludeItem(letters.conclude(item_id))
    await line.settled()

    assert short.refusal.reason == "CLOSING_RULE_UNMET"
    assert done.item.state == nouns.ITEM_STATE_CONCLUDED
    held = [await letters.states(tier, item_id) for tier in line.by_name.values()]
    expected = {TOWN: WITHDRAWN, **dict.fromkeys(TOWNSHIPS[1:], VERIFIED)}
    assert held == [expected] * 4


async def test_nobody_takes_back_what_another_assigned(line: Line) -> None:
    """Nor what is verified, nor what nobody has: and of a batch, nothing."""
    item_id = await letters.reported(line, TOWN)
    await line.province.items.VerifyAssignments(letters.verify(item_id, TOWN))
    await line.settled()
    county = letters.withdraw_from(item_id, OTHER, division="530102")
    by_county = await refused(line.county.items.WithdrawAssignments(county))
    both = letters.withdraw_from(item_id, OTHER, TOWN)
    verified = await refused(line.province.items.WithdrawAssignments(both))
    none = letters.withdraw_from(item_id, OTHER, "530102009")
    unknown = await refused(line.province.items.WithdrawAssignments(none))

    assert by_county.refusal.reason == "NOT_ASSIGNER"
    assert verified.refusal.reason == "MOVE_NOT_ALLOWED"
    assert unknown.refusal.reason == "ASSIGNMENT_UNKNOWN"
    assert (await seen(line.province, item_id, OTHER)).state != WITHDRAWN


# --- Gone on ---------------------------------------------------------------------------


async def test_an_item_that_is_reopened_goes_on_where_it_stood(line: Line) -> None:
    """Closed, reopened, one report sent back and done again, concluded and closed again."""
    item_id = await life_refusals.closed(line)
    reopened = await line.province.items.ReopenItem(letters.reopen(item_id))
    await line.settled()
    between = await everywhere(line, item_id, TOWN)
    standing = await items(line, item_id)
    await line.province.items.ReturnAssignments(letters.send_back(item_id, TOWN))
    await line.settled()
    again = letters.report(item_id, TOWN, epoch=2)
    await line.township.items.ReportAssignments(again)
    await line.settled()
    await line.province.items.VerifyAssignments(letters.verify(item_id, TOWN))
    await line.province.items.ConcludeItem(letters.conclude(item_id))
    await line.province.items.CloseItem(letters.close(item_id))
    await line.settled()

    assert reopened.item.reopen_count == 1
    assert standing == [standing[0]] * 4
    assert standing[0].state == nouns.ITEM_STATE_ISSUED
    assert standing[0].reopen_count == 1
    assert between == [between[0]] * 4
    assert between[0].state == VERIFIED
    [notice] = await told(line.township, item_id, TOWN)
    assert notice.kind == inbox_pb2.NOTICE_KIND_REOPENED
    ended = await items(line, item_id)
    assert ended == [ended[0]] * 4
    assert ended[0].state == nouns.ITEM_STATE_CLOSED
    assert ended[0].reopen_count == 1


async def test_only_the_issuer_reopens_and_only_what_is_concluded(line: Line) -> None:
    """What goes on anyway, what was withdrawn, what is another's."""
    going = await letters.issued(line)
    gone = await letters.issued(line)
    await line.province.items.WithdrawItem(letters.withdraw(gone))
    closed = await life_refusals.closed(line)
    reasons = [
        await refused(tier.items.ReopenItem(letters.reopen(item_id, division=acting)))
        for tier, item_id, acting in (
            (line.province, going, "53"),
            (line.province, gone, "53"),
            (line.city, closed, "5301"),
        )
    ]

    assert [one.refusal.reason for one in reasons] == [
        "NOT_CONCLUDED",
        "ITEM_ENDED",
        "NOT_ISSUER",
    ]


async def test_an_archived_item_is_at_its_end_everywhere(line: Line) -> None:
    """Nobody reopens, withdraws, returns or reports on it any more."""
    item_id = await life_refusals.reviewable_no_more(line)
    done = await line.province.items.ArchiveItem(letters.archive(item_id))
    await line.settled()
    province, township = line.province.items, line.township.items
    tries: list[Awaitable[object]] = [
        province.ReopenItem(letters.reopen(item_id)),
        province.WithdrawItem(letters.withdraw(item_id)),
        province.ArchiveItem(letters.archive(item_id)),
        province.ConcludeItem(letters.conclude(item_id)),
        province.ReturnAssignments(letters.send_back(item_id, TOWN)),
        province.WithdrawAssignments(letters.withdraw_from(item_id, TOWN)),
        township.ReportAssignments(letters.report(item_id, TOWN)),
        township.ReceiveAssignments(letters.receive(item_id, TOWN)),
    ]
    reasons = {(await refused(one)).refusal.reason for one in tries}

    assert done.item.state == nouns.ITEM_STATE_ARCHIVED
    assert reasons == {"ITEM_ENDED"}
    found = await items(line, item_id)
    assert {one.state for one in found} == {nouns.ITEM_STATE_ARCHIVED}


# --- Verified, and taken back ----------------------------------------------------------


async def test_a_verification_is_taken_back_until_something_stands_on_it(
    line: Line,
) -> None:
    """The assigner errs and mends it; once it reported itself, it asks for its own back."""
    item = letters.an_item(mode=nouns.MODE_CASCADE, days=40)
    item_id = await letters.issued(line, letters.issue("5301", item=item))
    await line.city.items.SplitAssignment(letters.split(item_id, "5301", "530102"))
    await line.settled()

    async def done_below(epoch: int) -> None:
        request = letters.report(item_id, "530102", epoch=epoch)
        await line.county.items.ReportAssignments(request)
        await line.settled()
        verifying = letters.verify(item_id, "530102", division="5301")
        await line.city.items.VerifyAssignments(verifying)
        await line.settled()

    def back() -> pb.ReturnAssignmentsRequest:
        return letters.send_back(item_id, "530102", division="5301")

    await done_below(1)
    await line.city.items.ReturnAssignments(back())
    await line.settled()
    returned = [
        await seen(tier, item_id, "530102") for tier in (line.city, line.county)
    ]
    await done_below(2)
    await line.city.items.ReportAssignments(letters.report(item_id, "5301"))
    await line.settled()
    on_top = await refused(line.city.items.ReturnAssignments(back()))
    await line.province.items.VerifyAssignments(letters.verify(item_id, "5301"))
    await line.province.items.ConcludeItem(letters.conclude(item_id))
    of_the_city = letters.send_back(item_id, "5301")
    concluded = await refused(line.province.items.ReturnAssignments(of_the_city))

    assert returned == [returned[0]] * 2
    assert returned[0].state == nouns.ASSIGNMENT_STATE_RETURNED
    assert not returned[0].HasField("verify_time")
    assert on_top.refusal.reason == concluded.refusal.reason == "MOVE_NOT_ALLOWED"


# --- Stood still -----------------------------------------------------------------------


async def test_a_stopped_clock_runs_again_later_by_what_it_stood(line: Line) -> None:
    """Meanwhile receipt may be confirmed, and nothing be reported; all tiers hold the same."""
    item_id = await life_refusals.suspended(line)
    stood = await everywhere(line, item_id, TOWN)
    await line.township.items.ReceiveAssignments(letters.receive(item_id, TOWN))
    still = letters.report(item_id, TOWN)
    told_so = await refused(line.township.items.ReportAssignments(still))
    wrong = letters.resume(item_id, OTHER)
    runs = await refused(line.province.items.ResumeAssignments(wrong))
    done = await line.province.items.ResumeAssignments(letters.resume(item_id))
    await line.settled()
    again = await everywhere(line, item_id, TOWN)
    nothing = await line.province.items.ResumeAssignments(letters.resume(item_id))
    stopped = again[0].stopped.ToTimedelta()

    assert stood == [stood[0]] * 4
    assert stood[0].state == SUSPENDED
    assert stood[0].HasField("suspend_time")
    assert told_so.refusal.reason == runs.refusal.reason == "MOVE_NOT_ALLOWED"
    assert (done.resumed_count, nothing.resumed_count) == (1, 0)
    assert again == [again[0]] * 4
    assert again[0].state == nouns.ASSIGNMENT_STATE_RECEIVED
    assert not again[0].HasField("suspend_time")
    assert stopped > timedelta()
    moved = at(again[0].deadline_time) - at(stood[0].deadline_time)
    assert moved == stopped
    assert again[0].original_deadline_time == stood[0].deadline_time
    kinds = [one.kind for one in await told(line.township, item_id, TOWN)]
    assert kinds[-1] == inbox_pb2.NOTICE_KIND_RESUMED
    listed = await line.county.items.ListDeadlineMoves(
        pb.ListDeadlineMovesRequest(item_id=item_id, within="530102")
    )
    [move] = listed.moves
    assert (move.division, move.cause) == (TOWN, nouns.CAUSE_RESUMPTION)
    assert move.new_deadline_time == again[0].deadline_time
