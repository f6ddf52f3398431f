"""What is done at one tier is told to whom it concerns at another, while they watch."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from ducha.inbox.v1 import inbox_pb2
from ducha.inbox.v1 import inbox_service_pb2 as inbox
from ducha.inbox.v1.inbox_service_pb2_grpc import InboxServiceStub
from tests.doors import letters
from tests.doors.letters import TOWNSHIPS
from tests.doors.tiers import SECONDS, Line

pytestmark = pytest.mark.asyncio(loop_scope="session")

TOWN = TOWNSHIPS[0]
WITHDRAWN = inbox_pb2.NOTICE_KIND_WITHDRAWN


async def about(call: Any, item_id: str) -> inbox_pb2.Notice:
    """Return what a watcher is told of an item, within a bound."""
    async with asyncio.timeout(SECONDS):
        while True:
            for notice in (await call.read()).notices:
                if notice.item_id == item_id:
                    assert isinstance(notice, inbox_pb2.Notice)
                    return notice


async def test_a_township_is_told_that_the_province_took_an_item_back(
    line: Line,
) -> None:
    """Over three links, while it watches, once; those above find nothing in their inboxes."""
    item_id = await letters.issued(line)
    await line.settled()
    stub = InboxServiceStub(line.township.channel)
    call = stub.WatchNotices(inbox.WatchNoticesRequest(division=TOWN))
    await call.read()
    await line.province.items.WithdrawItem(letters.withdraw(item_id))
    told = await about(call, item_id)
    call.cancel()
    await line.settled()
    asked = inbox.ListNoticesRequest(division=TOWN, item_id=item_id)
    kept = (await stub.ListNotices(asked)).notices
    above = await line.county.db.fetchval(
        "SELECT count(*) FROM inbox_notice WHERE division = $1", TOWN
    )

    assert (told.kind, told.division) == (WITHDRAWN, TOWN)
    assert told.details["reason"]
    assert [one.notice_id for one in kept] == [told.notice_id]
    assert above == 0
