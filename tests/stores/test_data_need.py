"""Items that need data: through the gate when issued, reported once all of it is held."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

import pytest

from ducha.assignment.v1 import assignment_pb2 as pb
from ducha.assignment.v1 import assignment_service_pb2 as service
from ducha.registry.v1 import registry_pb2
from tests.catalogue import element
from tests.registry import ACTOR, DOORS, PERIOD, TOWN, WEST, Line, a_line, a_request
from tests.servers import AnApp, carry
from tests.stores.cascading import move
from tier.acting import Call
from tier.assignment import queries, settling
from tier.assignment.actions import end, issue
from tier.assignment.capability import CAPABILITY as ASSIGNMENT
from tier.assignment.model import Key
from tier.jurisdiction import Code
from tier.registry import asking
from tier.runtime import moments
from tier.runtime.errors import TierError

ALL_DOORS = {**DOORS, **ASSIGNMENT.kinds}
PROVINCE = Code("53")


def an_item(line: Line, *elements: str, period: str = PERIOD) -> pb.Item:
    """Return an item whose data is its report."""
    now = line.clock.now()
    return pb.Item(
        title="模拟事项",
        basis="模拟依据",
        scheme=pb.Scheme(content="模拟内容"),
        source_type=pb.SOURCE_TYPE_PLAN_LINE,
        urgency=pb.URGENCY_ROUTINE,
        lead_unit=pb.Unit(division=PROVINCE, name="模拟部门"),
        mode=pb.MODE_DIRECT,
        receive_by_time=moments.stamp_of(now + timedelta(days=1)),
        deadline_time=moments.stamp_of(now + timedelta(days=3)),
        closing_rule=pb.ClosingRule(kind=pb.ClosingRule.KIND_ALL),
        skip_level_reason="模拟理由",
        data_need=pb.DataNeed(
            elements=elements, period=period, use="planning", is_the_report=True
        ),
    )


async def issued(line: Line, *elements: str) -> service.IssueItemResponse:
    """Issue an item to one township, and let it travel."""
    call = Call(a_request(), PROVINCE, ACTOR)
    selection = pb.TargetSelection(divisions=[TOWN])
    response = await issue.issue(
        line.apps["province"], call, an_item(line, *elements), selection
    )
    await settled(line)
    return response


async def settled(line: Line) -> None:
    """Let every node report what is complete, and carry until all is quiet."""
    moved = 1
    while moved:
        moved = sum([await carry(*lane, ALL_DOORS) for lane in line.links()])
        moved += sum([await settling.settle(app) for app in line.apps.values()])


async def state_at(line: Line, node: str, item_id: str) -> pb.AssignmentState.ValueType:
    """Return where the township's assignment stands, as a node knows it."""
    key = Key(UUID(item_id), TOWN)
    found = await queries.get_assignment(line.apps[node], key)
    return found.assignment.state


async def test_an_item_is_reported_once_its_last_value_is_there(an_app: AnApp) -> None:
    """Half an answer is no report; the other half makes it one, at every tier."""
    async with a_line(an_app, [element("a.one"), element("a.two")], WEST) as line:
        response = await issued(line, "a.one", "a.two")
        item_id = response.item.item_id
        await line.answer(TOWN, {"a.one": 1})
        await settled(line)
        half = await state_at(line, "streets", item_id)
        await line.answer(TOWN, {"a.two": 2})
        await settled(line)

        assert response.data_request.outcomes.collect == 2
        assert half == pb.ASSIGNMENT_STATE_ISSUED
        for node in line.apps:
            assert await state_at(line, node, item_id) == pb.ASSIGNMENT_STATE_REPORTED
        asked = (
            await queries.get_item(line.apps["province"], UUID(item_id))
        ).data_request
        assert asked.state == registry_pb2.DATA_REQUEST_STATE_COMPLETE
        assert asked.item_id == item_id


async def test_an_item_whose_data_is_held_asks_nobody_and_reports_itself(
    an_app: AnApp,
) -> None:
    """What another department collected serves the item: the township does nothing."""
    async with a_line(an_app, [element("a.one")], WEST) as line:
        await line.ask("53", ["a.one"], TOWN)
        await settled(line)
        await line.answer(TOWN, {"a.one": 7})
        await settled(line)
        response = await issued(line, "a.one")

        assert response.data_request.outcomes.served == 1
        assert response.data_request.outcomes.collect == 0
        item_id = response.item.item_id
        assert await state_at(line, "province", item_id) == pb.ASSIGNMENT_STATE_REPORTED


async def test_looking_again_reports_nothing_again(an_app: AnApp) -> None:
    """A node that looks twice, as after a restart, files one report."""
    async with a_line(an_app, [element("a.one")], WEST) as line:
        await issued(line, "a.one")
        await line.answer(TOWN, {"a.one": 7})
        first = await settling.settle(line.apps["streets"])
        second = await settling.settle(line.apps["streets"])

        assert (first, second) == (1, 0)


async def test_a_stopped_clock_reports_nothing_until_it_runs_again(
    an_app: AnApp,
) -> None:
    """The last value comes while it stands: the report follows when it goes on."""
    async with a_line(an_app, [element("a.one")], WEST) as line:
        item_id = (await issued(line, "a.one")).item.item_id
        province = line.apps["province"]
        await move(province, PROVINCE, "suspend", UUID(item_id), [TOWN])
        await settled(line)
        await line.answer(TOWN, {"a.one": 7})
        await settled(line)
        stood = {node: await state_at(line, node, item_id) for node in line.apps}
        await move(province, PROVINCE, "resume", UUID(item_id), [TOWN])
        await settled(line)
        runs = {node: await state_at(line, node, item_id) for node in line.apps}

        assert stood == dict.fromkeys(line.apps, pb.ASSIGNMENT_STATE_SUSPENDED)
        assert runs == dict.fromkeys(line.apps, pb.ASSIGNMENT_STATE_REPORTED)


async def test_an_item_that_is_withdrawn_asks_no_more(an_app: AnApp) -> None:
    """The township's task goes away with the item that needed it."""
    async with a_line(an_app, [element("a.one")], WEST) as line:
        response = await issued(line, "a.one")
        call = Call(a_request(), PROVINCE, ACTOR)
        item_id = UUID(response.item.item_id)
        await end.withdraw(line.apps["province"], call, item_id, "不再需要")
        await settled(line)

        for app in line.apps.values():
            async with app.db.reading() as tx:
                open_tasks = await tx.fetchval(
                    "SELECT count(*) FROM registry_sheet WHERE asked <> '{}'"
                )
                (counted,) = await asking.of_item(tx, item_id)
            assert open_tasks == 0
            assert counted.withdrawn


async def test_a_wrong_data_need_refuses_the_item(an_app: AnApp) -> None:
    """Nothing is issued whose data nobody knows; the field is named."""
    async with a_line(an_app, [element("a.one")], WEST) as line:
        with pytest.raises(TierError) as unknown:
            await issued(line, "a.none")
        wrong = an_item(line, "a.one", period="2026-13")
        call = Call(a_request(), PROVINCE, ACTOR)
        selection = pb.TargetSelection(divisions=[TOWN])
        with pytest.raises(TierError) as no_period:
            await issue.issue(line.apps["province"], call, wrong, selection)

        assert unknown.value.reason == "ELEMENT_UNKNOWN"
        assert no_period.value.violations[0].field == "item.data_need.period"
        async with line.apps["province"].db.reading() as tx:
            assert await tx.fetchval("SELECT count(*) FROM assignment_item") == 0
