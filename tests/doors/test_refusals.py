"""Every refusal is met once through gRPC: it says what, why and what next, and changes nothing."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path

import grpc
import pytest

from ducha.assignment.v1.assignment_service_pb2_grpc import AssignmentServiceStub
from ducha.registry.v1.registry_service_pb2_grpc import RegistryServiceStub
from ducha.reporting.v1 import reporting_service_pb2 as reporting
from ducha.reporting.v1.reporting_service_pb2_grpc import ReportingServiceStub
from tests import catalogue
from tests.divisions import PROVINCE, an_entry
from tests.doors import letters
from tests.doors.data_letters import ELEMENTS, ask
from tests.doors.data_refusals import UNKNOWN
from tests.doors.letters import TOWNSHIPS
from tests.doors.refusals import CASES
from tests.doors.tiers import Line, Told, eventually, read, refused
from tests.servers import AnApp, served
from tier.assignment import rpc as assignment_rpc
from tier.division.store import upsert
from tier.registry import asking
from tier.registry.capability import CAPABILITY as REGISTRY
from tier.registry.errors import RequestTooLarge
from tier.reporting.capability import CAPABILITY as REPORTING
from tier.runtime.errors import Draining, Overloaded, TierError
from tools.reasons import family

pytestmark = pytest.mark.asyncio(loop_scope="session")

OURS = ("tier.", "services.", "deploy.")
TESTS = Path(__file__).parents[1]
OTHER_ROOMS = [
    file for file in TESTS.rglob("test_*.py") if file.parent != Path(__file__).parent
]
# Those that a line at work cannot be brought to: each has a test of its own below.
APART: set[type[TierError]] = {Draining, Overloaded, RequestTooLarge}


def well_told(told: Told, kind: type[TierError]) -> bool:
    """Whether a refusal says all that its class promises."""
    details = dict(told.details)
    return (
        told.refusal.code is kind.code
        and told.refusal.reason == kind.reason
        and told.domain == "ducha"
        and told.refusal.texts
        == {"en": kind.en.format_map(details), "zh-CN": kind.zh.format_map(details)}
    )


async def test_no_refusal_is_without_a_case() -> None:
    """Whoever declares one shows how it is met: here, or by a test of its own room."""
    declared = {each for each in family() if each.__module__.startswith(OURS)}
    here = {*CASES, *APART}
    told = "\n".join(file.read_text() for file in OTHER_ROOMS)
    met = {
        each
        for each in declared - here
        if re.search(rf"\b({each.reason}|{each.__name__})\b", told)
    }

    assert here <= declared
    assert sorted(str(each.reason) for each in declared - here - met) == []


@pytest.mark.parametrize("kind", CASES, ids=lambda kind: str(kind.reason))
async def test_a_refusal_says_what_it_promises_and_changes_nothing(
    line: Line, kind: type[TierError]
) -> None:
    """Code, reason, domain, both languages; the node's tables and ledger as before."""
    met = await CASES[kind](line)
    await line.settled()
    before = await met.tier.footprint()
    told = await refused(met.call())

    assert well_told(told, kind), told
    assert await met.tier.footprint() == before


async def test_a_node_that_stops_sends_its_watchers_away(an_app: AnApp) -> None:
    """DRAINING: they come back to it, or to a replica, with their last token."""
    async with an_app(PROVINCE) as app, served(app, REPORTING.services) as channel:
        watch = ReportingServiceStub(channel).WatchDivision(
            reporting.WatchDivisionRequest(division="53")
        )
        await watch.read()
        app.draining.set()
        with pytest.raises(grpc.aio.AioRpcError) as error:
            await watch.read()

        assert well_told(read(error.value), Draining)


async def test_a_full_queue_refuses_and_says_when_to_come_back(
    an_app: AnApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    """OVERLOADED: at once, with RetryInfo; those who wait are answered."""
    limit, calls = 2, 8
    monkeypatch.setattr(assignment_rpc, "WAITING_CALLS", limit)
    async with (
        an_app(PROVINCE) as app,
        served(app, [assignment_rpc.add_assignment_service]) as channel,
    ):
        stub = AssignmentServiceStub(channel)
        refusals: list[Told] = []

        async def call() -> None:
            refusals.append(
                await refused(stub.ReceiveAssignments(letters.receive(UNKNOWN, "5301")))
            )

        async def only_those_with_a_place_wait() -> bool:
            return len(refusals) >= calls - 2 * limit

        # The writer is held: of those who call, one batch is taken and one waits.
        async with asyncio.TaskGroup() as callers, app.db.transaction():
            for _ in range(calls):
                callers.create_task(call())
            await eventually(only_those_with_a_place_wait)
        overloaded = [one for one in refusals if well_told(one, Overloaded)]

        assert calls - 2 * limit <= len(overloaded) < calls
        assert all(one.retry_seconds > 0 for one in overloaded)
        assert len(refusals) == calls


async def test_too_much_at_once_is_refused(
    an_app: AnApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    """REQUEST_TOO_LARGE: it is counted before anything is judged, and nothing is kept."""
    monkeypatch.setattr(asking, "MOST_CELLS", 3)
    async with (
        an_app(PROVINCE) as app,
        served(app, REGISTRY.services) as channel,
    ):
        async with app.db.transaction() as tx:
            await upsert(tx, [an_entry(code) for code in ("53", *TOWNSHIPS)])
        await catalogue.publish(app, *ELEMENTS)
        stub = RegistryServiceStub(channel)
        told = await refused(stub.RequestData(ask("2026-11", *TOWNSHIPS[:2])))
        async with app.db.reading() as tx:
            kept = await tx.fetchval("SELECT count(*) FROM registry_request")

        assert well_told(told, RequestTooLarge)
        assert (told.details["cells"], kept) == ("4", 0)
