"""Approval through its gRPC door: answers, refusals and pages."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any
from uuid import uuid4

import grpc
import pytest

from ducha.approval.v1 import approval_service_pb2 as pb
from ducha.approval.v1 import approval_service_pb2_grpc as stubs
from ducha.collection.v1.collection_service_pb2_grpc import CollectionServiceStub
from services.township.collection.capability import CAPABILITY as COLLECTION
from tests.servers import AnApp, Refusal, recorded, refusal, served
from tests.stores.approval import (
    ACTOR,
    AWAY,
    CODES,
    COUNTY,
    NOW,
    PERIOD,
    SIBLING,
    TOWNSHIP,
    Line,
    a_running_line,
    answer,
    approve,
    stages,
    submission,
    unlock,
)
from tier.approval.capability import CAPABILITY
from tier.runtime import moments

DAY = timedelta(days=1)


@asynccontextmanager
async def a_door(
    an_app: AnApp,
) -> AsyncIterator[tuple[Line, stubs.ApprovalServiceAsyncStub]]:
    """Give a township and its county, values of the township, and the county's door."""
    async with a_running_line(an_app, 2) as line:
        await answer(line.township, TOWNSHIP)
        await line.settle()
        async with served(line.county, CAPABILITY.services) as channel:
            yield line, stubs.ApprovalServiceStub(channel)


def approving(**over: Any) -> pb.ApprovePeriodRequest:
    """Return the county's approval, or another."""
    fields: dict[str, Any] = {
        "request_id": str(uuid4()),
        "division": COUNTY,
        "actor": ACTOR,
        "period": PERIOD,
    }
    return pb.ApprovePeriodRequest(**fields | over)


def unlocking(**over: Any) -> pb.UnlockPeriodRequest:
    """Return the county's unlocking for a day, or another."""
    fields: dict[str, Any] = {
        "request_id": str(uuid4()),
        "division": COUNTY,
        "actor": ACTOR,
        "within": TOWNSHIP,
        "period": PERIOD,
        "reason": "更正（模拟）",
        "expire_time": moments.stamp_of(NOW + DAY),
    }
    return pb.UnlockPeriodRequest(**fields | over)


async def refused(call: Awaitable[object]) -> Refusal:
    """Return what a caller was told."""
    with pytest.raises(grpc.aio.AioRpcError) as error:
        await call
    return refusal(error.value)


async def test_a_retried_approval_has_the_answer_of_the_first(an_app: AnApp) -> None:
    """Approved once, told once; the id with other content is refused."""
    async with a_door(an_app) as (line, door):
        await approve(line.township, TOWNSHIP)
        await line.settle()
        request = approving()
        first = await door.ApprovePeriod(request)
        ledger = await recorded(line.county)
        again = await door.ApprovePeriod(request)
        request.actor = "别人（模拟）"
        told = await refused(door.ApprovePeriod(request))

        assert first == again
        assert first.approved_count == first.approval.approved_count == len(CODES)
        assert first.approval.approve_time == moments.stamp_of(NOW)
        assert await recorded(line.county) == ledger
        assert told.reason == "REQUEST_ID_REUSED"


async def test_an_approval_is_refused_with_what_to_do(an_app: AnApp) -> None:
    """Too early, of nothing, elsewhere, no period; nothing is recorded."""
    async with a_door(an_app) as (line, door):
        ledger = await recorded(line.county)
        early = await refused(door.ApprovePeriod(approving()))
        empty = await refused(door.ApprovePeriod(approving(period="2026-10")))
        elsewhere = await refused(door.ApprovePeriod(approving(division="5301")))
        no_period = await refused(door.ApprovePeriod(approving(period="2026-13")))
        no_code = await refused(door.ApprovePeriod(approving(division="53010")))

        assert early.reason == "NOT_APPROVED_BELOW"
        assert early.code is grpc.StatusCode.FAILED_PRECONDITION
        assert early.fields == ["division"]
        assert TOWNSHIP in early.texts["en"]
        assert TOWNSHIP in early.texts["zh-CN"]
        assert (empty.reason, empty.code) == (
            "PERIOD_EMPTY",
            grpc.StatusCode.NOT_FOUND,
        )
        assert elsewhere.reason == "DIVISION_NOT_HOSTED"
        assert (no_period.reason, no_period.fields) == ("INVALID_INPUT", ["period"])
        assert (no_code.reason, no_code.fields) == ("INVALID_INPUT", ["division"])
        assert await recorded(line.county) == ledger


async def test_what_is_in_conflict_is_not_approved(an_app: AnApp) -> None:
    """Somebody who had not seen the value in force gave another: decide first."""
    async with a_door(an_app) as (line, door):
        await answer(line.township, TOWNSHIP, {CODES[0]: 9}, base=0)
        await line.settle()
        county = await refused(door.ApprovePeriod(approving()))
        elsewhere = await refused(door.ApprovePeriod(approving(division="530103")))

        assert county.reason == "CONFLICTS_OPEN"
        assert county.code is grpc.StatusCode.FAILED_PRECONDITION
        assert elsewhere.reason == "PERIOD_EMPTY"
        assert await stages(line.county) == {TOWNSHIP: [0] * 3}


async def test_an_unlocking_is_refused_with_what_to_do(an_app: AnApp) -> None:
    """Not approved, too long, over already, outside, or approved above."""
    async with a_door(an_app) as (line, door):
        unapproved = await refused(door.UnlockPeriod(unlocking()))
        await approve(line.township, TOWNSHIP)
        await line.settle()
        await approve(line.county, COUNTY)
        await line.settle()
        ends = [NOW, NOW + 30 * DAY + timedelta(seconds=1)]
        wrong = [
            await refused(door.UnlockPeriod(unlocking(expire_time=moments.stamp_of(end))))
            for end in ends
        ]  # fmt: skip
        outside = await refused(door.UnlockPeriod(unlocking(within=str(AWAY))))
        async with served(line.township, CAPABILITY.services) as channel:
            call = stubs.ApprovalServiceStub(channel).UnlockPeriod
            lower = await refused(call(unlocking(division=TOWNSHIP)))

        assert unapproved.reason == "PERIOD_NOT_LOCKED"
        assert [one.reason for one in wrong] == ["EXPIRY_INVALID"] * 2
        assert {one.code for one in wrong} == {grpc.StatusCode.INVALID_ARGUMENT}
        assert (outside.reason, outside.fields) == ("INVALID_INPUT", ["within"])
        assert lower.reason == "NOT_UNLOCKING_AUTHORITY"
        assert lower.code is grpc.StatusCode.PERMISSION_DENIED
        assert COUNTY in lower.texts["en"]


async def test_a_locked_period_is_answered_only_while_it_is_unlocked(
    an_app: AnApp,
) -> None:
    """Refused, taken, refused again, as its clock goes on."""
    async with a_running_line(an_app, 1) as line:
        app = line.township
        services = (*CAPABILITY.services, *COLLECTION.services)
        async with served(app, services) as channel:
            door, collect = (
                stubs.ApprovalServiceStub(channel),
                CollectionServiceStub(channel),
            )
            await collect.SubmitAnswers(submission(TOWNSHIP, dict.fromkeys(CODES, 5)))
            await door.ApprovePeriod(approving(division=TOWNSHIP))
            correction = submission(TOWNSHIP, {CODES[0]: 6}, "更正")
            before = await refused(collect.SubmitAnswers(correction))
            await door.UnlockPeriod(unlocking(division=TOWNSHIP))
            taken = await collect.SubmitAnswers(correction)
            line.clock.at = NOW + DAY
            again = submission(TOWNSHIP, {CODES[0]: 7}, "更正")
            after = await refused(collect.SubmitAnswers(again))

        assert before.reason == after.reason == "PERIOD_LOCKED"
        assert TOWNSHIP in before.texts["zh-CN"]
        assert taken.recorded_count == 1


async def test_approvals_are_paged_by_division(an_app: AnApp) -> None:
    """Of one period, within an area; a token of another list is refused."""
    async with a_door(an_app) as (line, door):
        for division in (SIBLING, AWAY):
            await answer(line.township, division)
        for division in (TOWNSHIP, SIBLING, AWAY):
            await approve(line.township, division)
        await line.settle()
        request = pb.ListApprovalsRequest(period=PERIOD, page_size=2)
        first = await door.ListApprovals(request)
        request.page_token = first.next_page_token
        second = await door.ListApprovals(request)
        inside = await door.ListApprovals(
            pb.ListApprovalsRequest(period=PERIOD, within=COUNTY)
        )
        other = await door.ListApprovals(pb.ListApprovalsRequest(period="2026-10"))
        request.page_token = request.page_token[1:]
        broken = await refused(door.ListApprovals(request))

        shown = [[one.division for one in page.approvals] for page in (first, second)]
        assert shown == [[TOWNSHIP, SIBLING], [AWAY]]
        assert second.next_page_token == ""
        assert [one.division for one in inside.approvals] == [TOWNSHIP, SIBLING]
        assert list(other.approvals) == []
        assert broken.reason == "PAGE_TOKEN_INVALID"


async def test_unlockings_are_paged_newest_first(an_app: AnApp) -> None:
    """Those that touch an area: within it, or around it."""
    async with a_door(an_app) as (line, door):
        await answer(line.township, SIBLING)
        for division in (TOWNSHIP, SIBLING):
            await approve(line.township, division)
            await unlock(line.township, division, division)
        await line.settle()
        await unlock(line.county, COUNTY, COUNTY)
        request = pb.ListUnlockingsRequest(period=PERIOD, page_size=2)
        first = await door.ListUnlockings(request)
        request.page_token = first.next_page_token
        second = await door.ListUnlockings(request)
        touching = await door.ListUnlockings(pb.ListUnlockingsRequest(within=SIBLING))
        approvals = await door.ListApprovals(
            pb.ListApprovalsRequest(period=PERIOD, page_size=1)
        )
        request.page_token = approvals.next_page_token
        broken = await refused(door.ListUnlockings(request))

        shown = [[one.within for one in page.unlockings] for page in (first, second)]
        assert shown == [[COUNTY, SIBLING], [TOWNSHIP]]
        assert [one.within for one in touching.unlockings] == [COUNTY, SIBLING]
        assert broken.reason == "PAGE_TOKEN_INVALID"
