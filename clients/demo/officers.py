"""Simulated officers (模拟干部): they read their inbox and answer, county by county."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import Iterator, Sequence

from clients.demo import plan
from clients.runtime import Client
from ducha.assignment.v1 import assignment_pb2 as pb
from ducha.assignment.v1 import assignment_service_pb2 as api

PAGE = 2000
AT_ONCE = 8
"""County offices that answer at the same time."""

POLL_SECONDS = 0.02


async def inbox(
    client: Client, item: str, states: Sequence[pb.AssignmentState.ValueType]
) -> list[pb.Assignment]:
    """Return all assignments of the item in these states at the node."""
    request = api.ListAssignmentsRequest(item_id=item, states=states, page_size=PAGE)
    found: list[pb.Assignment] = []
    while True:
        page = await client.call(client.assignments.ListAssignments, request)
        found += page.assignments
        request.page_token = page.next_page_token
        if not page.next_page_token:
            return found


async def answer(
    client: Client, assignments: Sequence[pb.Assignment], pace: float
) -> None:
    """Receive and report all of them, a batch for each county.

    `pace` spreads the answers over so many seconds, for who wants to look on.
    """
    groups = plan.by_county(assignments)
    gate = asyncio.Semaphore(AT_ONCE)
    begin = time.monotonic()
    async with asyncio.TaskGroup() as offices:
        for place, county in enumerate(sorted(groups)):
            due = begin + pace * place / len(groups)
            offices.create_task(_office(client, county, groups[county], gate, due))


async def _office(
    client: Client,
    county: str,
    assignments: list[pb.Assignment],
    gate: asyncio.Semaphore,
    due: float,
) -> None:
    await asyncio.sleep(max(0.0, due - time.monotonic()))
    actor = f"{plan.OFFICER} {county}"
    async with gate:
        await client.call(
            client.assignments.ReceiveAssignments,
            api.ReceiveAssignmentsRequest(
                request_id=str(uuid.uuid4()),
                actor=actor,
                assignments=plan.refs(assignments),
            ),
        )
        await report(client, actor, assignments)


async def report(
    client: Client, actor: str, assignments: Sequence[pb.Assignment]
) -> None:
    """Report on assignments of one node."""
    for some in _pages(assignments):
        request = api.ReportAssignmentsRequest(
            request_id=str(uuid.uuid4()),
            actor=actor,
            reports=[plan.report(assignment) for assignment in some],
        )
        await client.call(client.assignments.ReportAssignments, request)


def _pages(assignments: Sequence[pb.Assignment]) -> Iterator[Sequence[pb.Assignment]]:
    for start in range(0, len(assignments), PAGE):
        yield assignments[start : start + PAGE]


async def report_returned(client: Client, item: str, count: int) -> None:
    """Wait until `count` returned reports have come down, then report them again.

    The caller bounds the wait.
    """
    while True:
        found = await inbox(client, item, [pb.ASSIGNMENT_STATE_RETURNED])
        if len(found) >= count:
            break
        await asyncio.sleep(POLL_SECONDS)
    await report(client, plan.OFFICER, found)
