"""How long a healed line takes to carry new work: up to the province, down to a township."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass

import grpc

from ducha.assignment.v1 import assignment_pb2 as pb
from ducha.assignment.v1 import assignment_service_pb2 as api
from faults.flow import Flow
from tests.journeys.office import Office, eventually

POLL_SECONDS = 0.02
AHEAD = 1
"""Assignments that wait for a probe; each probe leaves a new one."""


@dataclass(frozen=True, slots=True)
class Recovery:
    """Seconds after the heal at which new work stood at each node, in its order.

    The first of each is the node that acknowledged it.
    """

    up: Mapping[str, float]
    """A report made after the heal."""
    down: Mapping[str, float]
    """An item issued after the heal."""

    @property
    def at_the_top(self) -> float:
        """Seconds until the first new result stood at the province."""
        return list(self.up.values())[-1]

    @property
    def at_the_bottom(self) -> float:
        """Seconds until the first new item stood at a township."""
        return list(self.down.values())[-1]

    @property
    def worst_hop(self) -> float:
        """Most seconds that either spent from one node to the next."""
        return max(*_hops(list(self.up.values())), *_hops(list(self.down.values())))


def _hops(times: Sequence[float]) -> list[float]:
    return [max(0.0, b - a) for a, b in itertools.pairwise(times)]


async def recovered(flow: Flow, healed: float) -> Recovery:
    """Do new work in both directions and time it, from `healed` on (monotonic).

    Raises:
        AssertionError: it did not come through within a minute.
    """
    if not flow.unreported:
        await prepare(flow)
    item, town = flow.unreported.pop(0)
    async with asyncio.TaskGroup() as tasks:
        up = tasks.create_task(_up(flow, item, town, healed))
        down = tasks.create_task(_down(flow, town, healed))
    return Recovery(up.result(), down.result())


async def prepare(flow: Flow, number: int = AHEAD) -> None:
    """Issue items to one township each, and wait until they are there."""
    office = flow.office
    for town in flow.towns[:number]:
        item = await office.issue(town[:2], within=[town])
        home = office.home(town)
        await eventually(_stands(office, home, item, town), f"a probe for {town}")
        flow.unreported.append((item, town))


async def _up(flow: Flow, item: str, town: str, healed: float) -> dict[str, float]:
    """Report at a township; return when each tier had it."""
    office = flow.office
    path = [office.home(code) for code in (town, town[:6], town[:4], town[:2])]
    await office.report(item, [town])
    times = {path[0]: time.monotonic() - healed}
    seen = await asyncio.gather(
        *(_seen(office, node, item, town, healed, reported=True) for node in path[1:])
    )
    return times | dict(zip(path[1:], seen, strict=True))


async def _down(flow: Flow, town: str, healed: float) -> dict[str, float]:
    """Issue at the top to one township; return when each tier had it."""
    office = flow.office
    path = [office.home(code) for code in (town[:2], town[:4], town[:6], town)]
    item = await office.issue(town[:2], within=[town])
    times = {path[0]: time.monotonic() - healed}
    seen = await asyncio.gather(
        *(_seen(office, node, item, town, healed) for node in path[1:])
    )
    flow.unreported.append((item, town))
    return times | dict(zip(path[1:], seen, strict=True))


async def _seen(
    office: Office,
    node: str,
    item: str,
    town: str,
    healed: float,
    *,
    reported: bool = False,
) -> float:
    """Return the seconds after the heal at which a node had it."""
    promise = _stands(office, node, item, town, reported=reported)
    end = time.monotonic() + 60.0
    while not await promise():
        assert time.monotonic() < end, f"{node} never saw new work on {item}"
        await asyncio.sleep(POLL_SECONDS)
    return time.monotonic() - healed


def _stands(
    office: Office, node: str, item: str, town: str, *, reported: bool = False
) -> Callable[[], Awaitable[bool]]:
    """Return a question: whether an assignment is at a node, or reported there."""
    method = office.desks[node].assignments.GetAssignment
    request = api.GetAssignmentRequest(
        assignment=pb.AssignmentRef(item_id=item, division=town)
    )

    async def stands() -> bool:
        try:
            answer: api.GetAssignmentResponse = await office.insist(
                node, method, request
            )
        except grpc.aio.AioRpcError as refused:
            if refused.code() is grpc.StatusCode.NOT_FOUND:
                return False
            raise
        state = answer.assignment.state
        return not reported or state == pb.ASSIGNMENT_STATE_REPORTED

    return stands
