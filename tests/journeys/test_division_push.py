"""The tree of divisions is kept at the top and known at the bottom."""

from __future__ import annotations

from functools import partial
from uuid import uuid4

import grpc
import pytest

from ducha.assignment.v1 import assignment_pb2 as pb
from ducha.division.v1 import division_pb2
from ducha.division.v1 import division_service_pb2 as api
from tests.journeys.office import Office, eventually
from tests.journeys.papers import a_division
from tests.journeys.running import Running

TIERS = ("province", "city", "county", "township")
OLD, FIRST, SECOND = "530202003", "530202901", "530202902"


async def test_a_split_and_a_merger_are_pushed_down(
    four_tiers: Running, office: Office
) -> None:
    """A township splits in two: every tier knows the new ones and where the old one went."""
    keeping = office.desks["province"].keeping
    rows = [a_division(FIRST), a_division(SECOND)]
    for row in rows:
        row.valid_from = "2024-07-01"
    await keeping.ImportDivisions(
        api.ImportDivisionsRequest(
            request_id=str(uuid4()), actor="民政", divisions=rows
        )
    )
    await keeping.RetireDivision(
        api.RetireDivisionRequest(
            request_id=str(uuid4()),
            actor="民政",
            code=OLD,
            valid_to="2024-07-01",
            successor_codes=[FIRST, SECOND],
        )
    )
    for tier in TIERS:
        await eventually(partial(knows, office, tier), f"the split at {tier}")
    before = await office.desks["township"].divisions.GetDivision(
        api.GetDivisionRequest(code=OLD, as_of="2024-01-01")
    )

    assert before.division.code == OLD
    for tier in TIERS:
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await office.desks[tier].divisions.GetDivision(
                api.GetDivisionRequest(code=OLD)
            )
        assert refused.value.code() is grpc.StatusCode.NOT_FOUND


async def knows(office: Office, tier: str) -> bool:
    """Whether a tier knows both new townships, and that the old one ended."""
    request = api.ListDivisionsRequest(
        within="530202", level=division_pb2.LEVEL_TOWNSHIP, page_size=100
    )
    answer = await office.desks[tier].divisions.ListDivisions(request)
    codes = {one.code for one in answer.divisions}
    return {FIRST, SECOND} <= codes and OLD not in codes


async def test_an_item_reaches_the_divisions_that_stand_now(
    four_tiers: Running, office: Office
) -> None:
    """After a split a new item goes to the successors; the old township is asked no more."""
    office.codes = [code for code in office.codes if not code.startswith(OLD)]
    four_tiers.codes = office.codes = sorted({*office.codes, FIRST, SECOND})
    item = await office.issue("530202")
    towns = sorted(office.history.targets[item])
    await office.until("township", item, towns, pb.ASSIGNMENT_STATE_ISSUED)
    await office.report(item, towns)
    await office.until("province", item, towns, pb.ASSIGNMENT_STATE_REPORTED)

    assert {FIRST, SECOND} <= set(towns)
    assert OLD not in towns
    assert await four_tiers.problems() == []
