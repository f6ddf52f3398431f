"""Two departments need the same of the same townships: asked once, answered once, for both."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import grpc
import pytest

from ducha.approval.v1 import approval_service_pb2 as approval_api
from ducha.collection.v1 import collection_pb2
from ducha.registry.v1 import registry_pb2
from ducha.registry.v1 import registry_service_pb2 as registry_api
from tests.checkers import collected
from tests.journeys.bureau import COMPLETE, ELEMENTS, PERIODS, WORKER, Bureau
from tests.journeys.office import Office, eventually
from tests.journeys.running import Running
from tests.servers import refusal

AREA = "530101"
TOWNS = tuple(f"{AREA}{number:03}" for number in (1, 2, 3))
ROADS, WELLS, FARMS, SCHOOLS = ELEMENTS
CHAIN = (
    ("township", TOWNS),
    ("county", (AREA,)),
    ("city", ("5301",)),
    ("province", ("53",)),
)


@pytest.fixture
async def bureau(office: Office) -> Bureau:
    """Those who ask and answer on the line of four tiers, with a catalogue."""
    opened = Bureau(office)
    await opened.open()
    return opened


async def watched(bureau: Bureau, node: str, request_id: str) -> list[int]:
    """Watch a request to its end; return how many cells it waited for, each time."""
    asked = registry_api.WatchDataRequestRequest(data_request_id=request_id)
    stub = bureau.office.desks[node].registry
    states = [one.data_request async for one in stub.WatchDataRequest(asked)]
    assert states[-1].state == COMPLETE
    return [one.waiting_count for one in states]


async def shown(
    bureau: Bureau, node: str, period: str
) -> list[registry_pb2.Observation]:
    """Return the values of the area as a node shows them, township by township."""
    found: list[registry_pb2.Observation] = []
    for town in TOWNS:
        asked = registry_api.ListObservationsRequest(within=town, period=period)
        answer = await bureau.office.desks[node].registry.ListObservations(asked)
        found += answer.observations
    return found


async def until_known(bureau: Bureau, node: str, request_id: str) -> None:
    """Wait until a request has reached a node."""
    asked = registry_api.GetDataRequestRequest(data_request_id=request_id)

    async def is_known() -> bool:
        try:
            await bureau.office.desks[node].registry.GetDataRequest(asked)
        except grpc.aio.AioRpcError:
            return False
        return True

    await eventually(is_known, f"{request_id} at {node}")


async def test_two_who_ask_are_answered_by_one_act(
    four_tiers: Running, bureau: Bureau
) -> None:
    """The province asks first, a county joins; one form serves both, and a third at once."""
    period = next(PERIODS)
    first = await bureau.ask("53", [ROADS, WELLS], period, TOWNS)
    await until_known(bureau, "township", first.data_request_id)
    second = await bureau.ask(AREA, [WELLS, FARMS], period, TOWNS)
    await until_known(bureau, "province", second.data_request_id)
    await until_known(bureau, "township", second.data_request_id)
    async with asyncio.TaskGroup() as group:
        above = group.create_task(watched(bureau, "province", first.data_request_id))
        below = group.create_task(watched(bureau, "county", second.data_request_id))
        both = group.create_task(watched(bureau, "province", second.data_request_id))
        tasks = await bureau.tasks(AREA, period)
        for town in TOWNS:
            await bureau.work(town, period)
    third = await bureau.ask("5301", [ROADS, WELLS, FARMS], period, TOWNS)
    await until_known(bureau, "province", third.data_request_id)
    problems = await four_tiers.problems()
    problems += await collected.problems(four_tiers.places, bureau.collected)

    assert [one.division for one in tasks] == list(TOWNS)
    assert [len(one.fields) for one in tasks] == [3, 3, 3]
    assert {len(one.requesters) for one in tasks} == {2}
    assert (first.outcomes.collect, first.outcomes.joined) == (6, 0)
    assert (second.outcomes.collect, second.outcomes.joined) == (3, 3)
    assert (third.outcomes.served, third.state) == (9, COMPLETE)
    for waits in (above.result(), below.result(), both.result()):
        assert waits == sorted(waits, reverse=True)
        assert (waits[0], waits[-1]) == (6, 0)
    assert problems == []


async def test_every_value_says_where_it_comes_from(
    four_tiers: Running, bureau: Bureau
) -> None:
    """Who gave it, when, at which node, by what, for whom: the same at all tiers."""
    period = next(PERIODS)
    made = await bureau.ask("53", [ROADS], period, TOWNS)
    await until_known(bureau, "township", made.data_request_id)
    await bureau.work(AREA, period)
    await bureau.until_complete("province", made.data_request_id)
    values = {node: await shown(bureau, node, period) for node in four_tiers.places}
    top = values["province"]

    assert [one.division for one in top] == list(TOWNS)
    assert len({one.fact_id for one in top}) == 1  # what was given in one act
    for one in top:
        assert (one.author, one.author_division) == (WORKER, one.division)
        assert one.origin == "township"
        assert list(one.data_request_ids) == [made.data_request_id]
        assert len(one.trace_id) == 32
        assert bureau.collected.given[one.device] == (period, one.division)
        assert (one.revision, one.stage) == (1, registry_pb2.STAGE_UNSPECIFIED)
        assert one.record_time.ToDatetime() >= made.create_time.ToDatetime()
    for node in ("city", "county", "township"):
        assert values[node] == top


async def approve(bureau: Bureau, node: str, division: str, period: str) -> int:
    """Approve a period; return how many values that lifted."""
    request = approval_api.ApprovePeriodRequest(
        request_id=str(uuid4()),
        division=division,
        actor="审核员（模拟）",
        period=period,
    )
    method = bureau.office.desks[node].approval.ApprovePeriod
    done: approval_api.ApprovePeriodResponse
    done = await bureau.office.insist(node, method, request)
    return done.approved_count


async def until_stage(
    bureau: Bureau, node: str, period: str, stage: registry_pb2.Stage.ValueType
) -> None:
    """Wait until a node knows all values of the area as approved so far."""

    async def is_there() -> bool:
        found = await shown(bureau, node, period)
        return [one.stage for one in found] == [stage] * len(TOWNS)

    await eventually(is_there, f"stage {stage} at {node}")


def a_correction(period: str) -> collection_pb2.Answer:
    """Correct the first township's value."""
    return collection_pb2.Answer(
        division=TOWNS[0],
        period=period,
        values=[registry_pb2.Value(element=ROADS, number=77)],
        reason="数据有误（模拟）",
        device=f"更正（{uuid4().hex[:8]}）",
    )


async def unlock(bureau: Bureau, period: str) -> None:
    """Let the province unlock the first township, and wait until it knows."""
    office = bureau.office
    unlocking = approval_api.UnlockPeriodRequest(
        request_id=str(uuid4()),
        division="53",
        actor="审核员（模拟）",
        within=TOWNS[0],
        period=period,
        reason="经核实需更正（模拟）",
    )
    unlocking.expire_time.FromDatetime(datetime.now(UTC) + timedelta(days=3))
    method = office.desks["province"].approval.UnlockPeriod
    await office.insist("province", method, unlocking)

    async def is_unlocked() -> bool:
        asked = approval_api.ListUnlockingsRequest(within=TOWNS[0], period=period)
        found = await office.desks["township"].approval.ListUnlockings(asked)
        return bool(found.unlockings)

    await eventually(is_unlocked, "the unlocking at the township")


async def test_approved_up_the_line_it_is_locked_until_somebody_unlocks_it(
    four_tiers: Running, bureau: Bureau
) -> None:
    """Township, county, city, province; then refused below; unlocked, only what changed is open."""
    period = next(PERIODS)
    made = await bureau.ask("53", [ROADS], period, TOWNS)
    await until_known(bureau, "township", made.data_request_id)
    await bureau.work(AREA, period)
    await bureau.until_complete("province", made.data_request_id)
    lifted = []
    for stage, (node, divisions) in enumerate(CHAIN, start=1):
        lifted.append([await approve(bureau, node, code, period) for code in divisions])
        for other in four_tiers.places:
            await until_stage(
                bureau, other, period, registry_pb2.Stage.ValueType(stage)
            )
    with pytest.raises(grpc.aio.AioRpcError) as locked:
        await bureau.submit(a_correction(period))
    await unlock(bureau, period)
    await bureau.submit(a_correction(period))

    async def is_corrected() -> bool:
        return (await shown(bureau, "province", period))[0].revision == 2

    await eventually(is_corrected, "the correction at the province")
    top = await shown(bureau, "province", period)

    assert lifted == [[1, 1, 1], [3], [3], [3]]
    assert refusal(locked.value).reason == "PERIOD_LOCKED"
    assert top[0].value.number == 77
    assert [one.stage for one in top] == [
        registry_pb2.STAGE_UNSPECIFIED,
        registry_pb2.STAGE_PROVINCE,
        registry_pb2.STAGE_PROVINCE,
    ]
    assert await four_tiers.problems() == []
