"""Watches of data requests over gRPC: at once, whenever it changed, to its end."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace
from itertools import pairwise
from typing import Any
from uuid import UUID, uuid4

import grpc
import pytest

from ducha.registry.v1 import registry_pb2
from ducha.registry.v1 import registry_service_pb2 as pb
from ducha.registry.v1 import registry_service_pb2_grpc as stubs
from tests.servers import AnApp, refusal
from tests.stores.holding import (
    PEOPLE,
    PRICE,
    TOWNS,
    Clock,
    a_door,
    ask,
    give,
    two_tiers,
    withdraw,
)
from tier import ledger
from tier.registry import request_store, watch
from tier.registry.model import Counted, Outcome
from tier.registry.watch import Watcher
from tier.runtime.errors import Draining

COMPLETE = registry_pb2.DATA_REQUEST_STATE_COMPLETE
WITHDRAWN = registry_pb2.DATA_REQUEST_STATE_WITHDRAWN


def watching(door: stubs.RegistryServiceAsyncStub, request_id: UUID) -> Any:
    request = pb.WatchDataRequestRequest(data_request_id=str(request_id))
    return door.WatchDataRequest(request)


async def told(call: Any) -> registry_pb2.DataRequest:
    """Return what a watcher is told next, within a bound."""
    async with asyncio.timeout(20):
        response = await call.read()
    assert response is not grpc.aio.EOF
    request: registry_pb2.DataRequest = response.data_request
    return request


async def rest(call: Any) -> list[registry_pb2.DataRequest]:
    """Return all that a watcher is told until the watch ends, within a bound."""
    shown = []
    async with asyncio.timeout(60):
        while (response := await call.read()) is not grpc.aio.EOF:
            shown.append(response.data_request)
    return shown


async def refused(call: Any) -> str:
    with pytest.raises(grpc.aio.AioRpcError) as error:
        await told(call)
    return refusal(error.value).reason


async def test_a_watch_begins_at_once_and_ends_when_nothing_is_missing(
    an_app: AnApp,
) -> None:
    """The officer sees how far it is, then each step, and hangs up by himself."""
    async with two_tiers(an_app, Clock()) as (province, _), a_door(province) as door:
        request_id = await ask(province, PEOPLE, divisions=TOWNS[:2])
        call = watching(door, request_id)
        first = await told(call)
        await give_here(province, TOWNS[0])
        second = await told(call)
        await give_here(province, TOWNS[1])
        last = await rest(call)
        again = await rest(watching(door, request_id))

    assert [first.waiting_count, second.waiting_count] == [2, 1]
    assert [(one.waiting_count, one.state) for one in last] == [(0, COMPLETE)]
    assert again == last


async def give_here(app: Any, town: str, people: int = 7) -> None:
    """Give a value at any tier's node, as if it were its home."""
    await give(replace(app, node=replace(app.node, children=())), town, people)


async def test_a_watch_ends_when_the_request_is_taken_back(an_app: AnApp) -> None:
    """Nobody waits for what nobody needs any more."""
    async with two_tiers(an_app, Clock()) as (province, _), a_door(province) as door:
        request_id = await ask(province, PEOPLE)
        call = watching(door, request_id)
        await told(call)
        await withdraw(province, request_id)
        last = await rest(call)

    assert [one.state for one in last] == [WITHDRAWN]


async def test_answers_of_other_requests_are_not_told(an_app: AnApp) -> None:
    """A watcher hears of his own request only."""
    async with two_tiers(an_app, Clock()) as (province, _), a_door(province) as door:
        request_id = await ask(province, PRICE, divisions=TOWNS[:1])
        call = watching(door, request_id)
        await told(call)
        for town in TOWNS:
            await give_here(province, town)
        await withdraw(province, request_id)
        last = await rest(call)

    assert [one.state for one in last] == [WITHDRAWN]


async def test_a_rush_is_told_a_few_times_a_second_and_to_its_end(
    an_app: AnApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Forty officers watch forty answers: one look for all of them, and the last is right."""
    looks = []
    several = request_store.several

    async def counted(tx: Any, request_ids: list[UUID]) -> dict[UUID, Counted]:
        looks.append(time.monotonic())
        return await several(tx, request_ids)

    towns = [f"530102{number:03}" for number in range(1, 41)]
    async with (
        two_tiers(an_app, Clock(), towns) as (province, _),
        a_door(province) as door,
    ):
        request_id = await ask(province, PEOPLE)
        calls = [watching(door, request_id) for _ in range(40)]
        for call in calls:
            await told(call)
        monkeypatch.setattr(request_store, "several", counted)
        async with asyncio.TaskGroup() as tasks:
            ends = [tasks.create_task(rest(call)) for call in calls]
            for town in towns:
                await give_here(province, town)

    gaps = [later - look for look, later in pairwise(looks)]
    assert all(gap > watch.REST_SECONDS * 0.9 for gap in gaps)
    for end in ends:
        waiting = [one.waiting_count for one in end.result()]
        assert waiting == sorted(set(waiting), reverse=True)
        assert waiting[-1] == 0
        assert len(waiting) <= len(looks)


async def test_what_another_process_commits_is_told_too(an_app: AnApp) -> None:
    """A replica of the service on the same database wakes nobody here, yet is seen."""
    async with two_tiers(an_app, Clock()) as (province, _), a_door(province) as door:
        request_id = await ask(province, PEOPLE, divisions=TOWNS[:1])
        call = watching(door, request_id)
        await told(call)
        await give_here(replace(province, feed=ledger.Feed()), TOWNS[0])
        last = await rest(call)

    assert [one.state for one in last] == [COMPLETE]


async def test_a_request_that_is_not_here_cannot_be_watched(an_app: AnApp) -> None:
    """Check the id, or wait for the link."""
    async with two_tiers(an_app, Clock()) as (province, _), a_door(province) as door:
        reason = await refused(watching(door, uuid4()))

    assert reason == "DATA_REQUEST_UNKNOWN"


async def test_a_node_carries_a_limited_number_of_watchers(
    an_app: AnApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One more is told to come back, and the place of one whose watch ended is free (I9)."""
    monkeypatch.setattr(watch, "WATCHERS", 1)
    async with two_tiers(an_app, Clock()) as (province, _), a_door(province) as door:
        request_id = await ask(province, PEOPLE, divisions=TOWNS[:1])
        call = watching(door, request_id)
        await told(call)
        reason = await refused(watching(door, request_id))
        await give_here(province, TOWNS[0])
        await rest(call)
        again = await rest(watching(door, request_id))

    assert reason == "OVERLOADED"
    assert [one.state for one in again] == [COMPLETE]


async def test_a_watch_ends_when_the_node_drains(an_app: AnApp) -> None:
    """A restart does not wait for watchers, old or new."""
    async with two_tiers(an_app, Clock()) as (province, _), a_door(province) as door:
        request_id = await ask(province, PEOPLE)
        call = watching(door, request_id)
        await told(call)
        province.draining.set()
        reasons = [await refused(call), await refused(watching(door, request_id))]

    assert reasons == ["DRAINING", "DRAINING"]


def a_state(waiting: int) -> Counted:
    """Return a request as a watcher may be told of it; what it asks does not matter."""
    nobody: Any = None
    return Counted(
        nobody, {Outcome.COLLECT: 9}, waiting, withdrawn=False, completed_at=None
    )


async def test_a_watcher_is_told_the_newest_state_and_never_an_older_one() -> None:
    """Looks may end in another order than they began; a slow watcher skips what passed."""
    watcher = Watcher()
    watcher.tell(5, a_state(7))
    watcher.tell(4, a_state(8))
    first = await watcher.next()
    watcher.tell(6, a_state(7))
    watcher.tell(7, a_state(3))
    watcher.tell(9, a_state(2))
    second = await watcher.next()
    watcher.fail(Draining())

    assert (first.waiting, second.waiting) == (7, 2)
    with pytest.raises(Draining):
        await watcher.next()
