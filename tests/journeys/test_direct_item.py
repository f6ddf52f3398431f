"""An item goes straight from the province to its townships, and everything comes back."""

from __future__ import annotations

from ducha.assignment.v1 import assignment_pb2 as pb
from ducha.assignment.v1 import assignment_service_pb2 as api
from ducha.reporting.v1 import reporting_service_pb2 as reporting
from tests.journeys.office import Office
from tests.journeys.running import Running
from tier.jurisdiction import Level

REPORTED, RETURNED = pb.ASSIGNMENT_STATE_REPORTED, pb.ASSIGNMENT_STATE_RETURNED
VERIFIED, CLOSED = pb.ASSIGNMENT_STATE_VERIFIED, pb.ASSIGNMENT_STATE_CLOSED
TIERS = ("province", "city", "county", "township")


async def test_an_item_runs_its_whole_life_and_every_tier_ends_the_same(
    four_tiers: Running, office: Office
) -> None:
    """Issued, received, reported, one returned and reported again, verified, closed."""
    item = await office.issue("53")
    towns = sorted(office.history.targets[item])
    await office.until("township", item, towns, pb.ASSIGNMENT_STATE_ISSUED)
    await office.receive(item, towns)
    await office.report(item, towns, problems=2)
    await office.until("province", item, towns, REPORTED)
    await office.send_back("53", item, towns[:1])
    await office.until("township", item, towns[:1], RETURNED)
    await office.report(item, towns[:1], problems=1)
    await office.until("province", item, towns, REPORTED)
    await office.verify("53", item, towns)
    await office.end("53", item)
    for tier in TIERS:
        await office.until(tier, item, towns, CLOSED)
    counted = await office.desks["province"].reporting.ListProgress(
        reporting.ListProgressRequest(item_id=item, within="53")
    )
    (top,) = (one for one in counted.progress if one.division == "53")

    assert (top.expected_count, top.verified_count) == (len(towns), len(towns))
    assert top.problem_count == 2 * len(towns) - 1
    assert top.completeness == 1.0
    assert await four_tiers.problems() == []


async def test_a_report_can_be_read_at_every_tier(
    four_tiers: Running, office: Office
) -> None:
    """What a township wrote, its problems and values, stands at the province word for word."""
    item = await office.issue("53", within=["530101"])
    towns = sorted(office.history.targets[item])
    await office.until("township", item, towns, pb.ASSIGNMENT_STATE_ISSUED)
    await office.report(item, towns, problems=1)
    read = []
    for tier in TIERS:
        await office.until(tier, item, towns, REPORTED)
        request = api.GetAssignmentRequest(
            assignment=pb.AssignmentRef(item_id=item, division=towns[0])
        )
        answer = await office.desks[tier].assignments.GetAssignment(request)
        read.append(answer.assignment.report)

    assert read[0].summary == office.history.reported[item, towns[0]][1]
    assert len(read[0].problems) == 1
    assert {one.element for one in read[0].values} == {
        "reports.monthly",
        "reports.merged",
    }
    assert all(one == read[0] for one in read)


async def test_villages_are_reached_through_their_townships(
    four_tiers: Running, office: Office
) -> None:
    """A township node acts for its villages; the tiers above count them the same way."""
    item = await office.issue("5301", level=Level.VILLAGE)
    villages = sorted(office.history.targets[item])
    await office.until("township", item, villages, pb.ASSIGNMENT_STATE_ISSUED)
    await office.report(item, villages)
    for tier in TIERS:
        await office.until(tier, item, villages, REPORTED)

    assert await four_tiers.problems() == []


async def test_a_withdrawn_item_is_withdrawn_everywhere(
    four_tiers: Running, office: Office
) -> None:
    """The issuer takes it back; what was reported before stays readable."""
    item = await office.issue("5302")
    towns = sorted(office.history.targets[item])
    await office.until("township", item, towns, pb.ASSIGNMENT_STATE_ISSUED)
    await office.report(item, towns[:2])
    await office.until("city", item, towns[:2], REPORTED)
    await office.withdraw("5302", item)
    for tier in TIERS:
        await office.until(tier, item, towns, pb.ASSIGNMENT_STATE_WITHDRAWN)

    assert (await office.states("province", item)) == set(towns)
