"""One item's whole life: issue, report in a batch, verify, conclude, close."""

from __future__ import annotations

import asyncio
import uuid
from datetime import UTC, datetime, timedelta

from clients.runtime import Client, Endpoints
from ducha.assignment.v1 import assignment_pb2 as pb
from ducha.assignment.v1 import assignment_service_pb2 as api
from ducha.division.v1 import division_pb2
from ducha.division.v1.division_service_pb2 import ListDivisionsRequest
from examples.place import endpoints

ACTOR = "example officer (simulated)"
WAIT_SECONDS = 30


def new_id() -> str:
    """Make the id of one request; keep it when you send the request again."""
    return str(uuid.uuid4())


async def issue(county: Client, code: str) -> api.IssueItemResponse:
    """Issue an item from a county to all of its townships."""
    now = datetime.now(UTC)
    item = pb.Item(
        title="Example: winter road safety (simulated)",
        basis="Annual plan, line 12 (simulated)",
        scheme=pb.Scheme(content="Look at every bridge."),
        source_type=pb.SOURCE_TYPE_PLAN_LINE,
        urgency=pb.URGENCY_ROUTINE,
        lead_unit=pb.Unit(division=code, name="督查室"),
        mode=pb.MODE_DIRECT,
        closing_rule=pb.ClosingRule(kind=pb.ClosingRule.KIND_ALL),
    )
    item.receive_by_time.FromDatetime(now + timedelta(days=1))
    item.deadline_time.FromDatetime(now + timedelta(days=3))
    request = api.IssueItemRequest(
        request_id=new_id(),
        division=code,
        actor=ACTOR,
        item=item,
        targets=pb.TargetSelection(level=division_pb2.LEVEL_TOWNSHIP),
    )
    return await county.call(county.assignments.IssueItem, request)


async def report(township: Client, item: str, count: int) -> None:
    """Wait until the item has come down, then report for every township at once."""
    request = api.ListAssignmentsRequest(item_id=item, page_size=2000)
    while True:
        inbox = await township.call(township.assignments.ListAssignments, request)
        if len(inbox.assignments) == count:
            break
        await asyncio.sleep(0.05)
    reports = [
        api.AssignmentReport(
            assignment=pb.AssignmentRef(item_id=item, division=one.division),
            epoch=one.epoch,
            report=pb.Report(
                summary="All bridges looked at (simulated)",
                values=[pb.ReportedValue(element="road.bridges_checked", number=3)],
            ),
        )
        for one in inbox.assignments
    ]
    await township.call(
        township.assignments.ReportAssignments,
        api.ReportAssignmentsRequest(request_id=new_id(), actor=ACTOR, reports=reports),
    )


async def finish(county: Client, code: str, item: str, count: int) -> None:
    """Verify what arrives until all is verified, then conclude and close."""
    verified = 0
    while verified < count:
        response = await county.call(
            county.assignments.VerifyAssignments,
            api.VerifyAssignmentsRequest(
                request_id=new_id(), division=code, actor=ACTOR, item_id=item
            ),
        )
        verified += response.verified_count
        await asyncio.sleep(0.05)
    conclusion = pb.Conclusion(
        summary="Settled.", outcome=pb.Conclusion.OUTCOME_SATISFIED
    )
    await county.call(
        county.assignments.ConcludeItem,
        api.ConcludeItemRequest(
            request_id=new_id(),
            division=code,
            actor=ACTOR,
            item_id=item,
            conclusion=conclusion,
        ),
    )
    await county.call(
        county.assignments.CloseItem,
        api.CloseItemRequest(
            request_id=new_id(), division=code, actor=ACTOR, item_id=item
        ),
    )


async def main(nodes: Endpoints) -> None:
    """Take the first county that has townships through one item."""
    async with nodes.client() as province:
        found = await province.call(
            province.divisions.ListDivisions,
            ListDivisionsRequest(level=division_pb2.LEVEL_TOWNSHIP, page_size=1),
        )
    code = found.divisions[0].parent_code
    async with (
        asyncio.timeout(WAIT_SECONDS),
        nodes.client(code) as county,
        nodes.client(found.divisions[0].code) as township,
    ):
        issued = await issue(county, code)
        item = issued.item.item_id
        print(f"{code} issued {item} to {issued.target_count} townships")
        await report(township, item, issued.target_count)
        await finish(county, code, item, issued.target_count)
        print(f"{item} is closed; {issued.target_count} reports verified")


if __name__ == "__main__":
    asyncio.run(main(endpoints("Take one item through its whole life.")))
