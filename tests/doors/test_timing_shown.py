"""What is shown of timers: the next step of each clock, and what was escalated."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import grpc
import pytest

from ducha.timing.v1 import timing_pb2
from ducha.timing.v1 import timing_service_pb2 as pb
from ducha.timing.v1.timing_service_pb2_grpc import TimingServiceStub
from tests.servers import AnApp, refusal, served
from tests.stores.timing import (
    ALL,
    DEADLINE,
    HOUR,
    RECEIVE_BY,
    START,
    TERMS,
    TOWNS,
    Assigned,
    At,
    issue,
    move,
    raised,
    sweep,
)
from tier.jurisdiction import Code
from tier.runtime import moments
from tier.timing import rpc

SECONDS = 60.0
OTHERS = [Code("530103001"), Code("530103002")]


async def test_the_next_step_of_each_clock_is_shown(an_app: AnApp) -> None:
    """Soon to receive; all received, soon to report; then the ladder; then nothing."""
    clock = At()
    async with an_app(ALL, clock) as app:
        item_id = await issue(app, TOWNS[:3])
        await issue(app, OTHERS, Assigned(deadline=DEADLINE + HOUR))
        async with served(app, [rpc.add_service]) as channel:
            stub = TimingServiceStub(channel)
            asked = pb.ListTimersRequest(within="530102")
            shown = []
            for hours, name in (
                (1, ""),
                (9, "receive"),
                (82, ""),
                (105, ""),
                (113, ""),
            ):
                clock.now = START + hours * HOUR
                if name:
                    await move(app, name, item_id, TOWNS[:3])
                shown.append((await stub.ListTimers(asked)).timers)
            found = [
                [(one.step, one.rung, one.open_count) for one in one] for one in shown
            ]
            first = shown[0][0]
            clock.now = START
            pages: list[str] = []
            token = ""
            while True:
                page = await stub.ListTimers(
                    pb.ListTimersRequest(page_size=1, page_token=token)
                )
                pages += [one.assigner_division for one in page.timers]
                token = page.next_page_token
                if not token:
                    break
            one = await stub.ListTimers(pb.ListTimersRequest(item_id=str(item_id)))

    assert found == [[(1, 0, 3)], [(3, 0, 3)], [(4, 0, 3)], [(6, 2, 3)], []]
    assert moments.moment(first.due_time) == START + 8 * HOUR
    assert moments.moment(first.receive_by_time) == RECEIVE_BY
    assert (first.title, first.assigner_division) == ("基层减负", "53")
    assert pages == ["53", "53"]
    assert [timer.item_id for timer in one.timers] == [str(item_id)]


async def test_escalations_are_paged_newest_first(an_app: AnApp) -> None:
    """All pages together are the whole list, each row once; filters narrow it."""
    clock = At()
    async with an_app(ALL, clock) as app:
        item_id = await issue(app, TOWNS)
        for hours in (4, 8):
            clock.now = DEADLINE + hours * HOUR
            await sweep(app)
        async with served(app, [rpc.add_service]) as channel:
            stub = TimingServiceStub(channel)
            whole = (
                await stub.ListEscalations(pb.ListEscalationsRequest())
            ).escalations
            pages: list[timing_pb2.Escalation] = []
            token = ""
            while True:
                page = await stub.ListEscalations(
                    pb.ListEscalationsRequest(page_size=3, page_token=token)
                )
                pages += page.escalations
                token = page.next_page_token
                if not token:
                    break
            since = pb.ListEscalationsRequest(within=TOWNS[0], item_id=str(item_id))
            since.since_time.FromDatetime(DEADLINE + 5 * HOUR)
            (late,) = (await stub.ListEscalations(since)).escalations

    assert pages == list(whole)
    assert [(one.rung, one.division) for one in whole] == [
        (rung, town) for rung in (2, 1) for town in reversed(TOWNS)
    ]
    assert (late.division, late.rung, late.notified_division) == (TOWNS[0], 2, "5301")


@pytest.mark.parametrize("name", ["ListTimers", "ListEscalations"])
async def test_a_made_up_token_or_item_is_refused(an_app: AnApp, name: str) -> None:
    """Typed, whatever it says; and the node goes on."""
    clock = At()
    wrong = ["!", "WyJ4IiwgIngiXQ==", "WyIxIiwiMiIsIjMiLCI0IiwiNSJd"]
    async with an_app(ALL, clock) as app, served(app, [rpc.add_service]) as channel:
        method = getattr(TimingServiceStub(channel), name)
        request = getattr(pb, f"{name}Request")
        seen = []
        for made in (
            *(request(page_token=token) for token in wrong),
            request(item_id="0" * 36),
            request(within="123"),
        ):
            with pytest.raises(grpc.aio.AioRpcError) as refused:
                await method(made)
            seen.append(refusal(refused.value).reason)

    assert seen == ["PAGE_TOKEN_INVALID"] * 3 + ["INVALID_INPUT"] * 2


async def test_timers_run_with_their_service(an_app: AnApp) -> None:
    """Mounted is running: what is due is raised without anybody asking."""
    clock = At()
    async with an_app(ALL, clock) as app, served(app, [rpc.add_service]):
        item_id = await issue(app, TOWNS[:1], terms=TERMS)
        clock.now = RECEIVE_BY + timedelta(minutes=1)
        async with asyncio.timeout(SECONDS):
            while len(await raised(app, item_id)) < 2:
                await asyncio.sleep(0.1)

        assert [row[2] for row in await raised(app, item_id)] == [1, 2]
