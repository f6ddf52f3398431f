"""Whether a thing is not there or not theirs, a caller hears the same, byte for byte."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import grpc
import pytest
from google.protobuf.message import Message
from grpc_status import rpc_status

from ducha.assignment.v1 import assignment_service_pb2 as assignment
from ducha.registry.v1 import registry_service_pb2 as registry
from ducha.reporting.v1 import reporting_service_pb2 as reporting
from tests.doors import data_letters as data
from tests.doors import letters
from tests.identity.sites import Site
from tests.policy.calls import Rpc, rpcs
from tests.policy.walls import Fortress, fortress
from tests.policy.world import World, mount, world
from tests.servers import AnApp
from tier.identity.model import Role

US, THEM, OURS, THEIRS = "530102", "530103", "530102001", "530103001"
NAMED = "*" * 36


@dataclass(frozen=True, slots=True)
class Case:
    """A call about one thing, made by the id of it."""

    verb: str
    make: Callable[[str], Message]
    of: str = "items"
    caller: str = US
    whose: str = ""
    """The sibling's, if nobody is named."""


CASES = (
    Case("GetItem", lambda each: assignment.GetItemRequest(item_id=each)),
    Case("ConcludeItem", lambda each: letters.conclude(each, division=US)),
    Case("CloseItem", lambda each: letters.close(each, division=US)),
    Case("WithdrawItem", lambda each: letters.withdraw(each, division=US)),
    Case("VerifyAssignments", lambda each: letters.verify(each, division=US)),
    Case("VerifyAssignments", lambda each: letters.verify(each, OURS, division=US)),
    Case("VerifyAssignments", lambda each: letters.verify(each, THEIRS, division=US)),
    Case("ReturnAssignments", lambda each: letters.send_back(each, division=US)),
    Case(
        "ReturnAssignments",
        lambda each: letters.send_back(each, THEIRS, division=US),
    ),
    Case("SplitAssignment", lambda each: letters.split(each, US, OURS)),
    Case("ReceiveAssignments", lambda each: letters.receive(each, OURS), caller=OURS),
    Case("ReportAssignments", lambda each: letters.report(each, OURS), caller=OURS),
    Case(
        "GetAssignment",
        lambda each: assignment.GetAssignmentRequest(
            assignment=letters.ref(each, THEIRS)
        ),
    ),
    Case(
        "ListAssignments",
        lambda each: assignment.ListAssignmentsRequest(item_id=each),
    ),
    Case("ListFencedWork", lambda each: assignment.ListFencedWorkRequest(item_id=each)),
    Case("ListProgress", lambda each: reporting.ListProgressRequest(item_id=each)),
    Case("WatchItem", lambda each: reporting.WatchItemRequest(item_id=each)),
    Case(
        "GetDataRequest",
        lambda each: registry.GetDataRequestRequest(data_request_id=each),
        "requests",
    ),
    Case(
        "WatchDataRequest",
        lambda each: registry.WatchDataRequestRequest(data_request_id=each),
        "requests",
    ),
    Case(
        "ListNeeds",
        lambda each: registry.ListNeedsRequest(data_request_id=each),
        "requests",
    ),
    Case(
        "ListDataRequests",
        lambda each: registry.ListDataRequestsRequest(item_id=each),
    ),
    Case("WithdrawDataRequest", lambda each: data.take_back(each, US), "requests"),
    Case("ResolveConflict", data.decide, "conflicts", OURS),
    # Seen from above, and not theirs to decide.
    Case("ResolveConflict", data.decide, "conflicts", US, whose=OURS),
)


@pytest.fixture
def site(tmp_path: Path) -> Site:
    """One authority."""
    return Site(tmp_path)


async def answer(walls: Fortress, rpc: Rpc, caller: str, request: Message) -> Any:
    """Return what was answered, or the whole status of the refusal."""
    line, metadata = walls.as_person(caller, Role.OFFICER)
    try:
        return await rpc.call(line, request.SerializeToString(), metadata)
    except grpc.aio.AioRpcError as error:
        told: Any = error  # it has what is read
        return rpc_status.from_call(told).SerializeToString(deterministic=True)


def theirs(made: World, case: Case) -> str:
    """Return a thing of the sibling's that nobody else has to do with."""
    by_whom: dict[str, str] = getattr(made, case.of)
    return by_whom[case.whose or (THEIRS if case.of == "conflicts" else THEM)]


async def test_what_is_not_theirs_is_answered_as_what_is_not_there(
    an_app: AnApp, site: Site
) -> None:
    """Each call by id: once of a sibling's thing, once of nothing; ids apart, the same."""
    every = {rpc.verb: rpc for rpc in rpcs()}
    different, allowed = [], []
    async with (
        world(an_app) as made,
        fortress(site, made.app, mount(made.app)) as walls,
    ):
        for case in CASES:
            told = []
            for each in (theirs(made, case), str(uuid4())):
                rpc = every[case.verb]
                said = await answer(walls, rpc, case.caller, case.make(each))
                told.append(said.replace(each.encode(), NAMED.encode()))
            if told[0] != told[1]:
                different.append(f"{case.verb}: {told[0]!r} != {told[1]!r}")
            if b"NOT_ALLOWED" in told[0]:
                allowed.append(case.verb)

    assert different == []
    assert allowed == []  # the door let them in: it was the thing that was refused


async def test_the_refused_changed_nothing(an_app: AnApp, site: Site) -> None:
    """A sibling's item still goes on, its request is open, its conflict undecided."""
    every = {rpc.verb: rpc for rpc in rpcs()}
    async with (
        world(an_app) as made,
        fortress(site, made.app, mount(made.app)) as walls,
    ):
        before = await _facts(made)
        for case in CASES:
            request = case.make(theirs(made, case))
            await answer(walls, every[case.verb], case.caller, request)
        after = await _facts(made)

    assert after == before > 0


async def _facts(made: World) -> int:
    async with made.app.db.reading() as tx:
        count: int = await tx.fetchval("SELECT count(*) FROM ledger_fact")
    return count


async def test_somebody_else_in_the_same_item_is_no_ones_business(
    an_app: AnApp, site: Site
) -> None:
    """Of an item that both execute, whether a sibling's township has it is not told."""
    every = {rpc.verb: rpc for rpc in rpcs()}
    async with (
        world(an_app) as made,
        fortress(site, made.app, mount(made.app)) as walls,
    ):
        shared = made.items["53"]
        told = []
        for township in (THEIRS, "530103999"):
            request = letters.verify(shared, township, division=US)
            said = await answer(walls, every["VerifyAssignments"], US, request)
            told.append(said.replace(township.encode(), b"*"))

    assert told[0] == told[1]
    assert b"ASSIGNMENT_UNKNOWN" in told[0]
