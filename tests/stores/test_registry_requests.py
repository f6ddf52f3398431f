"""Reading data requests and what they wait for, over gRPC, on real PostgreSQL."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

from ducha.registry.v1 import registry_pb2
from ducha.registry.v1 import registry_service_pb2 as pb
from tests.servers import AnApp
from tests.stores.holding import (
    DEADLINE,
    PEOPLE,
    PRICE,
    START,
    TOWNS,
    Clock,
    a_door,
    ask,
    carry_all,
    give,
    two_tiers,
    withdraw,
)


async def test_data_requests_newest_first_in_every_state(an_app: AnApp) -> None:
    """One that waits, one that is complete, one that was taken back."""
    clock = Clock()
    async with two_tiers(an_app, clock) as (province, below):
        whole = await ask(province, PEOPLE, divisions=["530102"])
        clock.pass_(hours=1)
        back = await ask(province, PRICE, divisions=["530103"])
        clock.pass_(hours=1)
        waits = await ask(province, PEOPLE, PRICE)
        await carry_all(province, below)
        for town in TOWNS[:2]:
            await give(below, town, 7)
        await withdraw(province, back)
        await carry_all(province, below)
        async with a_door(province) as door:
            shown = [await requests(door, size) for size in (0, 1, 2)]
            open_ = await requests(door, 1, state=registry_pb2.DATA_REQUEST_STATE_OPEN)
            others = await requests(door, 1, requester_division="5301")
            one = await door.GetDataRequest(
                pb.GetDataRequestRequest(data_request_id=str(whole))
            )

    assert [UUID(each.data_request_id) for each in shown[0]] == [waits, back, whole]
    assert shown[1:] == shown[:1] * 2
    assert [each.state for each in shown[0]] == [1, 3, 2]
    assert [each.waiting_count for each in shown[0]] == [10, 0, 0]
    assert (open_, others) == (shown[0][:1], [])
    assert one.data_request == shown[0][2]
    assert one.data_request.outcomes.collect == 2
    assert one.data_request.HasField("complete_time")


async def requests(door: Any, size: int, **over: Any) -> list[registry_pb2.DataRequest]:
    """Return the data requests of all pages."""
    request = pb.ListDataRequestsRequest(page_size=size, **over)
    shown: list[registry_pb2.DataRequest] = []
    while True:
        page = await door.ListDataRequests(request)
        shown.extend(page.data_requests)
        if not page.next_page_token:
            return shown
        request.page_token = page.next_page_token


async def test_needs_say_what_is_missing_where_and_by_when(an_app: AnApp) -> None:
    """What came is gone from the list; what is missing is due when the first who waits says."""
    earlier = DEADLINE - timedelta(days=1)
    async with two_tiers(an_app, Clock()) as (province, below):
        request_id = await ask(province, PEOPLE, PRICE)
        await ask(province, PRICE, divisions=[TOWNS[1]], deadline=earlier)
        await carry_all(province, below)
        both = [
            registry_pb2.Value(element=PEOPLE, number=7),
            registry_pb2.Value(element=PRICE, number=1),
        ]
        await give(below, TOWNS[0], values=both)
        await give(below, TOWNS[1], 7)
        await carry_all(province, below)
        async with a_door(province) as door:
            shown = [await needs(door, request_id, size) for size in (0, 1, 4)]
            missing = await needs(door, request_id, 1, waiting_only=True)
            county = await needs(door, request_id, 1, within="530102")

    assert shown[1:] == shown[:1] * 2
    assert [one.division for one in shown[0]] == TOWNS
    assert [list(one.waiting) for one in shown[0]] == [
        [],
        [PRICE],
        *[[PEOPLE, PRICE]] * 4,
    ]
    assert [
        one.due_time.ToDatetime(START.tzinfo) if one.HasField("due_time") else None
        for one in shown[0]
    ] == [None, earlier, *[DEADLINE] * 4]
    assert [one.outcomes.collect for one in shown[0]] == [2] * 6
    assert missing == shown[0][1:]
    assert county == shown[0][:2]


async def needs(
    door: Any, request_id: UUID, size: int, **over: Any
) -> list[registry_pb2.Need]:
    """Return the needs of all pages."""
    request = pb.ListNeedsRequest(
        data_request_id=str(request_id), page_size=size, **over
    )
    shown: list[registry_pb2.Need] = []
    while True:
        page = await door.ListNeeds(request)
        shown.extend(page.needs)
        if not page.next_page_token:
            return shown
        request.page_token = page.next_page_token
