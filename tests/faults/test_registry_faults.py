"""Data is asked and answered while tiers die, are away, lose messages or their memory."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from functools import partial
from uuid import uuid4

import pytest

from deploy.embedded.line import Line, Options
from ducha.collection.v1 import collection_pb2
from ducha.collection.v1 import collection_service_pb2 as collection_api
from ducha.registry.v1 import registry_pb2
from ducha.registry.v1 import registry_service_pb2 as registry_api
from tests.faults.collecting import (
    AREAS,
    TOWNS,
    Collecting,
    a_task,
    opened,
    problems,
)
from tests.faults.flow import interrupted
from tests.faults.lossy import LossyWire
from tests.faults.test_kills import kill_and_heal
from tests.journeys.bureau import COMPLETE, ELEMENTS, PERIODS, WORKER, Bureau
from tests.journeys.office import eventually
from tests.journeys.running import SMALL, Running

FIRST_OPERATIONS = 8
ROADS, WELLS, FARMS, SCHOOLS = ELEMENTS
COUNTY = AREAS[0]
HERE = [code for code in TOWNS if code.startswith(COUNTY)]


@pytest.fixture(scope="module")
def data_line(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """One node a tier for a city of two counties; what is killed stays down."""
    options = Options(environment={}, postgres_settings=SMALL, auto_restart=False)
    with Line(tmp_path_factory.mktemp("data"), options=options) as line:
        yield Running(line)


@pytest.fixture
async def bureau(data_line: Running) -> AsyncIterator[Bureau]:
    """Those who ask and answer; what a test left dead lives again."""
    for name, component in data_line.line.components().items():
        if not component.is_running:
            await data_line.revive(name)
    async with opened(data_line) as bureau:
        yield bureau


async def take_rival(bureau: Bureau, town: str, conflict_id: str) -> None:
    """Decide a conflict as an officer of its township, who alone may."""
    decision = collection_api.ResolveConflictRequest(
        request_id=str(uuid4()),
        actor="乡镇干部（模拟）",
        conflict_id=conflict_id,
        take_rival=True,
        reason="现场核实",
    )
    office = bureau.office
    decide = partial(
        office.desks["township"].collection.ResolveConflict,
        metadata=office.places["township"].bearing(town),
    )
    await office.insist("township", decide, decision)


async def knock(bureau: Bureau, node: str) -> None:
    """Call a node until it answers: whoever calls while it is down sees an error."""
    method = bureau.office.desks[node].registry.ListDataRequests
    await bureau.office.insist(node, method, registry_api.ListDataRequestsRequest())


@pytest.mark.parametrize("name", ["province", "city", "county", "township"])
async def test_a_killed_tier_loses_nothing_and_asks_nobody_twice(
    data_line: Running, bureau: Bureau, name: str
) -> None:
    """kill -9 in mid-flow: every request completes, each cell was given once, all tiers agree."""
    pids: list[int] = []
    flow = Collecting(bureau)

    async def killed_while_somebody_calls() -> None:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(kill_and_heal(data_line, name, pids))
            tasks.create_task(knock(bureau, name))

    await interrupted(flow, FIRST_OPERATIONS, killed_while_somebody_calls)
    found = await problems(data_line, bureau)
    errors = bureau.office.errors

    assert found == []
    assert pids[0] != pids[1]
    assert sum(times for (node, _), times in errors.items() if node == name) > 0
    assert len(bureau.collected.times) == len(bureau.collected.cells)


@pytest.mark.parametrize("away", ["city", "county"])
async def test_while_a_tier_is_away_others_work_and_then_nobody_is_asked_in_vain(
    data_line: Running, bureau: Bureau, away: str
) -> None:
    """The province asks for what a township gives meanwhile: once joined, it is served.

    The gate of the township knows best: what the province thought must be collected was
    held already, and its count says so.
    """
    period = next(PERIODS)
    await asyncio.to_thread(data_line.line.stop_node, away)
    made = await bureau.ask("53", [ROADS, WELLS], period, HERE)
    answers = [bureau.an_answer(a_task(town, period, ROADS)) for town in HERE]
    await bureau.submit(*answers)
    bureau.collected.unasked |= {(period, town, ROADS) for town in HERE}
    if away == "city":  # the county works on as well
        theirs = await bureau.ask(COUNTY, [WELLS], period, HERE)
        assert theirs.outcomes.collect == len(HERE)
    before = await bureau.is_complete("province", [made.data_request_id])
    await asyncio.to_thread(data_line.line.start_node, away)
    await bureau.answer_until_complete(COUNTY, period)
    found = await problems(data_line, bureau)
    asked = registry_api.GetDataRequestRequest(data_request_id=made.data_request_id)
    after = await bureau.office.desks["province"].registry.GetDataRequest(asked)
    outcomes = after.data_request.outcomes

    assert not before
    assert (made.outcomes.collect, made.outcomes.served) == (2 * len(HERE), 0)
    assert found == []
    assert after.data_request.state == COMPLETE
    assert outcomes.served >= len(HERE)
    assert outcomes.collect == (0 if away == "city" else len(HERE))
    assert outcomes.served + outcomes.joined + outcomes.collect == 2 * len(HERE)


async def test_two_who_worked_offline_replay_and_what_they_differ_in_is_a_conflict(
    data_line: Running, bureau: Bureau
) -> None:
    """Both filled in the same form, and send it again and again through a restart.

    Two answers, one conflict; the province sees both sides until it is decided.
    """
    period, town = next(PERIODS), HERE[0]
    made = await bureau.ask("53", [ROADS, WELLS], period, [town])
    await eventually(lambda: is_asked(bureau, town, period), "the task at the township")
    (task,) = await bureau.tasks(town, period)
    first, second = bureau.an_answer(task), bureau.an_answer(task)
    del second.values[1]
    ids = [str(uuid4()), str(uuid4())]
    told = [
        await bureau.submit(one, request_id=request_id)
        for one, request_id in zip((first, second), ids, strict=True)
    ]
    pids: list[int] = []
    await kill_and_heal(data_line, "township", pids)
    replays = [
        await send_again(bureau, one, request_id)
        for _ in range(3)
        for one, request_id in zip((first, second), ids, strict=True)
    ]
    await bureau.until_complete("province", made.data_request_id)
    (conflict_id,) = told[1].remarks[0].conflict_ids
    open_ = await conflict_at_the_top(bureau, town, registry_pb2.CONFLICT_STATE_OPEN)
    await take_rival(bureau, town, conflict_id)
    closed = await conflict_at_the_top(
        bureau, town, registry_pb2.CONFLICT_STATE_RIVAL_TAKEN
    )
    bureau.collected.times[period, town, first.values[0].element] -= 1  # the rival's
    found = await problems(data_line, bureau)

    assert replays == told * 3
    assert pids[0] != pids[1]
    assert not told[0].remarks
    assert (open_.conflict_id, closed.conflict_id) == (conflict_id, conflict_id)
    assert [open_.standing.device, open_.rival.device] == [first.device, second.device]
    assert closed.resolver == "乡镇干部（模拟）"
    assert found == []


async def is_asked(bureau: Bureau, town: str, period: str) -> bool:
    """Whether a township has a task."""
    return bool(await bureau.tasks(town, period))


async def send_again(
    bureau: Bureau, answer: collection_pb2.Answer, request_id: str
) -> collection_api.SubmitAnswersResponse:
    """Send what was sent, unnoted."""
    request = collection_api.SubmitAnswersRequest(
        request_id=request_id, actor=WORKER, answers=[answer]
    )
    desk = bureau.office.desks["township"].collection
    told: collection_api.SubmitAnswersResponse
    told = await bureau.office.insist("township", desk.SubmitAnswers, request)
    return told


async def conflict_at_the_top(
    bureau: Bureau, town: str, state: registry_pb2.ConflictState.ValueType
) -> registry_pb2.Conflict:
    """Wait until the province shows the conflict of a township in a state."""
    asked = registry_api.ListConflictsRequest(within=town, state=state)
    shown: list[registry_pb2.Conflict] = []

    async def is_shown() -> bool:
        found = await bureau.office.desks["province"].registry.ListConflicts(asked)
        shown[:] = found.conflicts
        return bool(shown)

    await eventually(is_shown, f"a conflict in {state} at the province")
    return shown[-1]


async def test_a_lossy_road_loses_nothing_and_asks_nobody_twice(
    lossy_line: Running, wire: LossyWire
) -> None:
    """30% of the messages vanish, 10% come twice: the same figures at every tier."""
    async with opened(lossy_line) as bureau:
        await Collecting(bureau).run()
        found = await problems(lossy_line, bureau)
    fates = dict(wire.fates)

    assert found == []
    assert wire.count("dropped") > 0, fates
    assert wire.count("repeated") > 0, fates
