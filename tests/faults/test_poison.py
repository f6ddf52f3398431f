"""Facts that cannot be applied: set aside, told, decided by an operator; the link goes on."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from functools import partial
from uuid import uuid4

import grpc
import pytest
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp
from google.protobuf.wrappers_pb2 import StringValue

from ducha.assignment.v1 import assignment_facts_pb2 as facts
from ducha.assignment.v1 import assignment_pb2 as pb
from ducha.assignment.v1 import assignment_service_pb2 as api
from ducha.division.v1 import division_facts_pb2
from ducha.link.v1 import link_pb2
from ducha.link.v1 import link_service_pb2 as links
from tests.journeys.office import Office, eventually
from tests.journeys.papers import a_report
from tests.journeys.running import Running
from tests.servers import refusal
from tier import division, ledger
from tier.jurisdiction import parse
from tier.ledger import Author, Entry
from tier.runtime.db import open_database

TOWN = "530102001"
FOREVER = 10**15
"""Seconds; no calendar holds the moment."""


def told(payload: Message, division: str = TOWN, subject: str = "") -> Entry:
    """Return a fact as the township would record it for the county."""
    author = Author.at(datetime.now(UTC), "township", "测试", "")
    return ledger.record(
        author,
        payload,
        division=division,
        subject=subject or str(uuid4()),
        onward=("county",),
    )


async def append(office: Office, entries: Sequence[Entry]) -> None:
    """Append to the township's ledger as its service does."""
    url = office.places["township"].database_url
    database = await open_database(url, name="poisoner", readers=1)
    try:
        async with database.transaction() as tx:
            await ledger.append(tx, ledger.Feed(), entries, datetime.now(UTC))
    finally:
        await database.close()


def poisons() -> dict[str, Entry]:
    """Return facts nobody can apply, by the reason they are set aside for."""
    endless = facts.AssignmentsReceived(
        item_id=str(uuid4()),
        divisions=division.set_to([parse(TOWN)]),
        receive_time=Timestamp(seconds=FOREVER),
    )
    return {
        "UNKNOWN_KIND": told(StringValue(value="from a later release")),
        "WRONG_JURISDICTION": told(facts.ItemClosed(), division="5401"),
        "WRONG_DIRECTION": told(division_facts_pb2.DivisionsImported()),
        "UNKNOWN_ITEM": told(facts.ItemClosed()),
        "BROKEN": told(facts.ItemClosed(), subject="not an id"),
        "INVALID_INPUT": told(endless),
    }


async def quarantine(office: Office) -> list[link_pb2.QuarantinedFact]:
    """Return what the county set aside and nobody settled."""
    answer = await office.desks["county"].links.ListQuarantine(
        links.ListQuarantineRequest()
    )
    return list(answer.facts)


async def test_poison_is_set_aside_and_the_link_goes_on(
    yunnan_line: Running, office: Office
) -> None:
    """Six facts of six kinds of wrong, then a report: the report arrives, the six are told."""
    item = await office.issue("53", within=["530102"])
    towns = sorted(office.history.targets[item])
    await office.until("township", item, towns, pb.ASSIGNMENT_STATE_ISSUED)
    planted = poisons()
    await append(office, list(planted.values()))
    await office.report(item, towns)
    await office.until("province", item, towns, pb.ASSIGNMENT_STATE_REPORTED)
    aside = await quarantine(office)
    operator = office.desks["county"].links
    for entry in aside:
        with pytest.raises(grpc.aio.AioRpcError) as still:
            await operator.RetryQuarantine(
                links.RetryQuarantineRequest(quarantine_id=entry.quarantine_id)
            )
        assert refusal(still.value).reason == "QUARANTINE_STANDS"
        await operator.DropQuarantine(
            links.DropQuarantineRequest(
                quarantine_id=entry.quarantine_id, actor="运维", reason="测试数据"
            )
        )
    left = await quarantine(office)

    assert {one.fact_id: one.reason for one in aside} == {
        str(entry.fact_id): reason for reason, entry in planted.items()
    }
    assert all(one.detail for one in aside)
    assert left == []
    assert await yunnan_line.problems() == []


async def test_work_under_a_passed_epoch_is_fenced_and_listed(
    yunnan_line: Running, office: Office
) -> None:
    """A report of the first epoch comes after the return: judged, kept, without effect."""
    item = await office.issue("53", within=["530102"])
    towns = sorted(office.history.targets[item])
    await office.until("township", item, towns, pb.ASSIGNMENT_STATE_ISSUED)
    await office.report(item, towns)
    await office.until("province", item, towns, pb.ASSIGNMENT_STATE_REPORTED)
    await office.send_back("53", item, [TOWN])
    await office.until("township", item, [TOWN], pb.ASSIGNMENT_STATE_RETURNED)
    late = facts.AssignmentReported(
        item_id=item, division=TOWN, epoch=1, report=a_report("离线补报")
    )
    late.report_time.FromDatetime(datetime.now(UTC))
    office.history.stale.add(((item, TOWN), "离线补报"))
    entry = told(late, subject=item)
    await append(office, [entry])
    for tier in ("county", "city", "province"):
        await eventually(partial(fenced, office, tier, item), f"listed at {tier}")
    returned = await office.states("province", item, pb.ASSIGNMENT_STATE_RETURNED)

    assert returned == {TOWN}
    assert await refused_epoch(office, item) == "EPOCH_STALE"
    assert await yunnan_line.problems() == []


async def fenced(office: Office, tier: str, item: str) -> bool:
    """Whether a tier lists the late report, and says why it does not count."""
    answer = await office.desks[tier].assignments.ListFencedWork(
        api.ListFencedWorkRequest(item_id=item)
    )
    return [
        (one.assignment.division, one.epoch, one.current_epoch) for one in answer.work
    ] == [(TOWN, 1, 2)]


async def refused_epoch(office: Office, item: str) -> str:
    """Report under the first epoch at the township itself; return the reason it refuses."""
    request = api.ReportAssignmentsRequest(
        request_id=str(uuid4()),
        actor="乡镇干部",
        reports=[
            api.AssignmentReport(
                assignment=pb.AssignmentRef(item_id=item, division=TOWN),
                epoch=1,
                report=a_report("旧版本"),
            )
        ],
    )
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await office.desks["township"].assignments.ReportAssignments(request)
    return refusal(refused.value).reason
