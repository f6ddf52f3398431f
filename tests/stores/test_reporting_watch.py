"""Watches over gRPC on a real PostgreSQL: nothing lost, nothing repeated, nobody in the way."""

from __future__ import annotations

import asyncio
import contextlib
import random
from dataclasses import dataclass, replace
from typing import Any

import grpc
import pytest

from ducha.division.v1 import division_facts_pb2, division_pb2
from ducha.reporting.v1 import reporting_service_pb2 as pb
from ducha.reporting.v1 import reporting_service_pb2_grpc as stubs
from tests.servers import AnApp
from tests.stores.reporting import (
    PROVINCE,
    TOWNS,
    a_door,
    answer,
    issue,
    reason,
    refusal,
    report,
)
from tier import ledger
from tier.app import App
from tier.reporting import actions, rules, wakeups
from tier.reporting.model import Token
from tier.reporting.wakeups import Shared, Wakeups
from tier.runtime.errors import Overloaded

REPORTED = "ducha.assignment.v1.AssignmentReported"


@dataclass(frozen=True, slots=True)
class Told:
    """What a watcher was told: the divisions of the changes, the last counts, a token."""

    divisions: list[str]
    reported: dict[str, int]
    token: str


async def listen(
    door: stubs.ReportingServiceAsyncStub,
    request: pb.WatchItemRequest,
    until: int,
    patience: float = 10.0,
) -> Told:
    """Watch until `until` changes came, or none for so many seconds; then hang up."""
    told = Told([], {}, request.resume_token)
    call: Any = door.WatchItem(request)
    with contextlib.suppress(TimeoutError):
        while True:
            async with asyncio.timeout(patience):
                response = await call.read()
            told.divisions.extend(change.division for change in response.changes)
            told.reported.update(
                {row.division: row.reported_count for row in response.progress}
            )
            told = replace(told, token=response.resume_token)
            if len(told.divisions) >= until:
                break
    call.cancel()
    return told


async def test_a_watch_begins_with_what_is_there_and_goes_on_with_what_comes(
    an_app: AnApp,
) -> None:
    """A supervision officer sees the present counts at once, then every change, live."""
    async with an_app(PROVINCE) as app, a_door(app) as door:
        item_id = await issue(app)
        await report(app, item_id, TOWNS[:2])
        request = pb.WatchItemRequest(
            item_id=str(item_id), division_level=division_pb2.LEVEL_CITY
        )
        call = door.WatchItem(request)
        first = await answer(call)
        await report(app, item_id, [TOWNS[12]])
        second = await answer(call)
        call.cancel()

    assert list(first.changes) == []
    assert [(row.division, row.reported_count) for row in first.progress] == [
        ("5301", 2),
        ("5303", 0),
    ]
    assert [
        (change.kind, change.division, change.actor) for change in second.changes
    ] == [(REPORTED, TOWNS[12], "王")]
    assert [(row.division, row.reported_count) for row in second.progress] == [
        ("5303", 1)
    ]


async def test_a_watch_of_no_level_shows_the_top(an_app: AnApp) -> None:
    """Whoever asks for nothing more gets one row."""
    async with an_app(PROVINCE) as app, a_door(app) as door:
        item_id = await issue(app)
        call = door.WatchItem(pb.WatchItemRequest(item_id=str(item_id)))
        first = await answer(call)
        call.cancel()

    assert [(row.division, row.expected_count) for row in first.progress] == [
        ("53", 15)
    ]


@pytest.mark.parametrize("seed", range(3))
async def test_a_watch_that_hangs_up_and_resumes_misses_and_repeats_nothing(
    an_app: AnApp, seed: int
) -> None:
    """A phone on a bad line: every change is told once, in order, over all calls."""
    chance = random.Random(seed)
    async with an_app(PROVINCE) as app, a_door(app) as door:
        item_id, other = await issue(app), await issue(app)
        start = await listen(door, pb.WatchItemRequest(item_id=str(item_id)), 0)
        done: list[str] = []

        async def work() -> None:
            for _ in range(40):
                batch = chance.choices(TOWNS, k=chance.choice((1, 2, 40)))
                done.extend(batch)
                await report(app, item_id, batch)
                await report(app, other, TOWNS[:1])

        working = asyncio.create_task(work())
        told: list[str] = []
        last = start
        while not working.done() or last.divisions:
            request = pb.WatchItemRequest(item_id=str(item_id), resume_token=last.token)
            last = await listen(door, request, chance.choice((1, 30)), patience=0.5)
            told.extend(last.divisions)
        await working

    assert told == done
    assert last.reported == {"53": len(set(done))}


async def test_a_backlog_comes_in_bounded_messages(an_app: AnApp) -> None:
    """After hours away, ten thousand changes do not come as one message."""
    async with an_app(PROVINCE) as app, a_door(app) as door:
        item_id = await issue(app)
        start = await listen(door, pb.WatchItemRequest(item_id=str(item_id)), 0)
        many = [random.Random(1).choice(TOWNS) for _ in range(1201)]
        await report(app, item_id, many)
        call = door.WatchItem(
            pb.WatchItemRequest(item_id=str(item_id), resume_token=start.token)
        )
        sizes = [len((await answer(call)).changes) for _ in range(3)]
        call.cancel()

    assert sizes == [500, 500, 201]


async def test_many_counts_come_in_bounded_messages_and_all_of_them_come(
    an_app: AnApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A watch of every township pages through the counts, while they move."""
    monkeypatch.setattr(actions, "ROWS", 4)
    async with an_app(PROVINCE) as app, a_door(app) as door:
        item_id = await issue(app)
        call = door.WatchItem(
            pb.WatchItemRequest(
                item_id=str(item_id), division_level=division_pb2.LEVEL_TOWNSHIP
            )
        )
        first = await answer(call)
        await report(app, item_id, [TOWNS[0], TOWNS[14]])
        seen = {row.division: row.reported_count for row in first.progress}
        while len(seen) < 15 or sum(seen.values()) < 2:
            response = await answer(call)
            assert len(response.progress) <= 4
            seen.update({row.division: row.reported_count for row in response.progress})
        call.cancel()

    assert [code for code, reported in seen.items() if reported] == [
        TOWNS[0],
        TOWNS[14],
    ]


async def test_many_watchers_all_hear_of_a_change(an_app: AnApp) -> None:
    """Forty officers look at one item; each of them sees every change, once."""
    async with an_app(PROVINCE) as app, a_door(app) as door:
        item_id = await issue(app)
        request = pb.WatchItemRequest(item_id=str(item_id))
        start = await listen(door, request, 0)
        request.resume_token = start.token
        async with asyncio.TaskGroup() as tasks:
            watchers = [tasks.create_task(listen(door, request, 15)) for _ in range(40)]
            for town in TOWNS:
                await report(app, item_id, [town])

    assert all(watcher.result().divisions == TOWNS for watcher in watchers)


async def test_what_another_process_commits_is_heard_too(an_app: AnApp) -> None:
    """A replica of the service on the same database wakes nobody here, yet is seen."""
    async with an_app(PROVINCE) as app, a_door(app) as door:
        item_id = await issue(app)
        start = await listen(door, pb.WatchItemRequest(item_id=str(item_id)), 0)
        request = pb.WatchItemRequest(item_id=str(item_id), resume_token=start.token)
        watching = asyncio.create_task(listen(door, request, 1))
        await asyncio.sleep(0.2)
        await report(replace(app, feed=ledger.Feed()), item_id, TOWNS[:1])
        told = await watching

    assert told.divisions == TOWNS[:1]


async def test_a_watch_ends_when_the_node_drains(an_app: AnApp) -> None:
    """A restart does not wait for watchers; they come back with their token."""
    async with an_app(PROVINCE) as app, a_door(app) as door:
        item_id = await issue(app)
        calls = [
            door.WatchItem(pb.WatchItemRequest(item_id=str(item_id))),
            door.WatchDivision(pb.WatchDivisionRequest(division="53")),
        ]
        for call in calls:
            await answer(call)
        app.draining.set()
        for call in calls:
            with pytest.raises(grpc.aio.AioRpcError) as refused:
                await answer(call)

            assert refused.value.code() is grpc.StatusCode.UNAVAILABLE
            assert reason(refused.value) == "DRAINING"


async def test_a_token_of_another_node_is_refused(an_app: AnApp) -> None:
    """Its position would skip facts here, or repeat them: begin again instead."""
    twin = replace(PROVINCE, name="twin")
    async with an_app(PROVINCE) as app, a_door(app) as door, an_app(twin) as other:
        item_id = await issue(app)
        async with other.db.reading() as tx:
            origin, _ = await actions.begin(tx, twin, "")
        foreign = rules.write_token(Token(origin, 0))
        for token in (foreign, "no token"):
            item = pb.WatchItemRequest(item_id=str(item_id), resume_token=token)
            area = pb.WatchDivisionRequest(division="53", resume_token=token)

            assert await refusal(door.WatchItem(item)) == "RESUME_TOKEN_INVALID"
            assert await refusal(door.WatchDivision(area)) == "RESUME_TOKEN_INVALID"


async def test_a_token_from_after_the_backup_is_refused(an_app: AnApp) -> None:
    """The restored ledger is shorter than what the watcher was told of."""
    async with an_app(PROVINCE) as app, a_door(app) as door:
        item_id = await issue(app)
        async with app.db.reading() as tx:
            origin, place = await actions.begin(tx, PROVINCE, "")
        ahead = rules.write_token(Token(origin, place.position + 1))
        request = pb.WatchItemRequest(item_id=str(item_id), resume_token=ahead)

        assert await refusal(door.WatchItem(request)) == "RESUME_TOKEN_INVALID"


async def test_a_division_is_watched_over_all_items_and_nothing_else(
    an_app: AnApp,
) -> None:
    """A city sees its own townships, whoever asked; other cities' work stays theirs."""
    async with an_app(PROVINCE) as app, a_door(app) as door:
        one, other = await issue(app), await issue(app)
        call = door.WatchDivision(pb.WatchDivisionRequest(division="5301"))
        first = await answer(call)
        await report(app, one, [TOWNS[14]])
        await reform(app, "530102")
        await report(app, one, [TOWNS[0]])
        second = await answer(call)
        call.cancel()
        await report(app, other, TOWNS)
        request = pb.WatchDivisionRequest(
            division="5301", resume_token=second.resume_token
        )
        call = door.WatchDivision(request)
        third = await answer(call)
        call.cancel()

    assert list(first.changes) == []
    assert seen(second) == [(str(one), TOWNS[0])]
    assert seen(third) == [(str(other), town) for town in TOWNS[:10]]


def seen(response: pb.WatchDivisionResponse) -> list[tuple[str, str]]:
    return [(change.item_id, change.division) for change in response.changes]


async def reform(app: App, division: str) -> None:
    """Record a fact about a division that is about no item."""
    entry = ledger.record(
        ledger.Author.at(app.now(), app.node.name, "王", ""),
        division_facts_pb2.DivisionsImported(),
        division=division,
        subject=division,
        onward=(),
    )
    async with app.db.transaction() as tx:
        await ledger.append(tx, app.feed, [entry], app.now())


async def test_a_long_ledger_is_searched_for_a_division_step_by_step(
    an_app: AnApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A county that was away long finds its few facts among all others, none missing."""
    monkeypatch.setattr(actions, "POSITIONS", 7)
    async with an_app(PROVINCE) as app, a_door(app) as door:
        item_id = await issue(app)
        start = await answer(
            door.WatchDivision(pb.WatchDivisionRequest(division="530302"))
        )
        for town in TOWNS * 4:
            await report(app, item_id, [town])
        call = door.WatchDivision(
            pb.WatchDivisionRequest(division="530302", resume_token=start.resume_token)
        )
        told: list[str] = []
        while len(told) < 20:
            response = await answer(call)
            told.extend(change.division for change in response.changes)
        call.cancel()

    assert told == TOWNS[10:] * 4


async def test_watchers_of_one_thing_look_together() -> None:
    """A hundred watchers cost one read; one who hangs up in it costs the others nothing."""
    shared: Shared[str, int] = Shared()
    reads: list[int] = []
    gate = asyncio.Event()

    async def read() -> int:
        reads.append(len(reads))
        await gate.wait()
        return reads[-1]

    first = asyncio.create_task(shared.get("item", read))
    await asyncio.sleep(0)
    others = [asyncio.create_task(shared.get("item", read)) for _ in range(99)]
    await asyncio.sleep(0)
    assert reads == [0]
    first.cancel()
    await asyncio.sleep(0.01)
    gate.set()

    assert await asyncio.gather(*others) == [1] * 99
    assert await shared.get("item", read) == 2


async def test_a_node_carries_a_limited_number_of_watchers(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """One more is told to come back, and the place of one who left is free (I9)."""
    monkeypatch.setattr(wakeups, "WATCHERS", 1)
    waiting = Wakeups(ledger.Feed())

    with waiting.waiting("53"), pytest.raises(Overloaded), waiting.waiting("5301"):
        pass
    with waiting.waiting("5301") as woken:
        assert not woken.is_set()
