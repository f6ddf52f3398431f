"""One node that hosts everything, with something in every division, and in another province.

Items, data requests, answers, conflicts, approvals: of a county and its township, of what
lies above them, of a sibling, of a cousin. Rows of another province are put there by hand,
as no road brings them.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import grpc

from ducha.approval.v1.approval_service_pb2_grpc import ApprovalServiceStub
from ducha.assignment.v1 import assignment_pb2
from ducha.assignment.v1.assignment_service_pb2_grpc import AssignmentServiceStub
from ducha.catalogue.v1.catalogue_service_pb2_grpc import CatalogueKeepingServiceStub
from ducha.collection.v1.collection_service_pb2_grpc import CollectionServiceStub
from ducha.division.v1 import division_pb2
from ducha.division.v1 import division_service_pb2 as division
from ducha.division.v1.division_service_pb2_grpc import DivisionKeepingServiceStub
from ducha.rectification.v1.rectification_service_pb2_grpc import (
    RectificationServiceStub,
)
from ducha.registry.v1.registry_service_pb2_grpc import RegistryServiceStub
from ducha.urging.v1.urging_service_pb2_grpc import UrgingServiceStub
from services.province.calendar import rpc as calendar_keeping
from services.province.catalogue import rpc as catalogue_keeping
from services.township.collection import rpc as collection
from tests.doors import data_letters as data
from tests.doors import letters
from tests.doors import supervision_rpcs as supervision
from tests.doors.data_letters import COUNT, TOTAL
from tests.servers import AnApp, served
from tier.app import AddService, App
from tier.approval import rpc as approval
from tier.assignment.rpc import add_assignment_service
from tier.calendar.rpc import add_calendar_service
from tier.catalogue.rpc import add_catalogue_service
from tier.division import rpc as divisions
from tier.inbox import rpc as inbox
from tier.indicator import rpc as indicator
from tier.info import add_info_service
from tier.jurisdiction import Code, Level, level_of, parent_of, parse
from tier.node import Node
from tier.petition import rpc as petition
from tier.policy import rpc as access
from tier.rectification import rpc as rectification
from tier.registry import rpc as registry
from tier.relief import rpc as relief
from tier.reporting import rpc as reporting
from tier.statistics import rpc as statistics
from tier.timeline import rpc as timeline
from tier.timing import rpc as timing
from tier.urging import rpc as urging

ALL = Node("all", Level.PROVINCE, (Code("53"),))
MONTH, LATER = "2021-03", "2021-04"
SERVICES: tuple[AddService, ...] = (
    add_assignment_service,
    add_calendar_service,
    add_catalogue_service,
    divisions.add_division_service,
    divisions.add_keeping_service,
    calendar_keeping.add_keeping_service,
    catalogue_keeping.add_keeping_service,
    rectification.add_service,
    urging.add_service,
    registry.add_service,
    collection.add_service,
    approval.add_service,
    inbox.add_service,
    indicator.add_service,
    petition.add_service,
    relief.add_service,
    reporting.add_service,
    statistics.add_service,
    timeline.add_service,
    timing.add_service,
    access.add_service,
)
ISSUERS: Mapping[str, tuple[str, ...]] = {
    "53": letters.TOWNSHIPS,
    "5301": ("530102001", "530103001"),
    "530102": ("530102001", "530102002"),
    "530103": ("530103001",),
    "530302": ("530302001",),
}
"""Whose items go to whom."""


@dataclass(slots=True)
class World:
    """The node, and the ids of what is there, by whose it is."""

    app: App
    items: dict[str, str] = field(default_factory=dict)
    requests: dict[str, str] = field(default_factory=dict)
    conflicts: dict[str, str] = field(default_factory=dict)


def mount(app: App) -> Callable[[grpc.aio.Server], None]:
    """Return what adds every service to a server."""

    def add_all(server: grpc.aio.Server) -> None:
        for add in SERVICES:
            add(app, server)
        add_info_service(app.node, [], server)

    return add_all


@asynccontextmanager
async def world(an_app: AnApp) -> AsyncIterator[World]:
    """Make the node and all that is on it; without walls, as the node itself may."""
    async with an_app(ALL) as app:
        made = World(app)
        async with served(app, SERVICES) as channel:
            await _reference(channel)
            await _items(channel, made)
            await _supervision(channel, made)
            await _data(channel, made)
            await _approvals(channel)
        await _by_hand(app)
        yield made


async def _reference(channel: grpc.aio.Channel) -> None:
    rows = [
        division_pb2.Division(
            code=code,
            name=name,
            level=division_pb2.Level.ValueType(level_of(parse(code))),
            parent_code=parent_of(parse(code)) or "",
            valid_from="2020-01-01",
        )
        for code, name in letters.ROWS
    ]
    await DivisionKeepingServiceStub(channel).ImportDivisions(
        division.ImportDivisionsRequest(
            request_id=letters.request_id(), actor=letters.ACTOR, divisions=rows
        )
    )
    await CatalogueKeepingServiceStub(channel).PublishCatalogue(
        data.publish(*data.ELEMENTS, indicators=[data.SHARE])
    )


async def _items(channel: grpc.aio.Channel, made: World) -> None:
    stub = AssignmentServiceStub(channel)
    for issuer, targets in ISSUERS.items():
        item = letters.an_item(lead=issuer)
        item.title = f"canary {issuer}"
        done = await stub.IssueItem(letters.issue(*targets, division=issuer, item=item))
        made.items[issuer] = done.item.item_id
        await stub.ReceiveAssignments(letters.receive(done.item.item_id, *targets))
        told = assignment_pb2.Report(summary=f"canary report to {issuer}")
        for target in targets[:1]:
            await stub.ReportAssignments(
                letters.report(done.item.item_id, target, content=told)
            )


async def _data(channel: grpc.aio.Channel, made: World) -> None:
    asking, town = RegistryServiceStub(channel), CollectionServiceStub(channel)
    for requester, targets in ISSUERS.items():
        request = data.ask(
            MONTH, *targets, division=requester, title=f"for {requester}"
        )
        done = await asking.RequestData(request)
        made.requests[requester] = done.data_request.data_request_id
    given = [
        data.answer(code, MONTH, {COUNT: number, TOTAL: 10.0})
        for number, code in enumerate(letters.TOWNSHIPS, 1)
    ]
    # Together, as an integrator brings them, and one by one.
    await town.SubmitAnswers(data.submit(*given[:-1]))
    await town.SubmitAnswers(data.submit(given[-1]))
    for code in ("530102001", "530103001", "530302001"):
        rival = data.answer(code, MONTH, {COUNT: 99}, base_revision=0)
        told = await town.SubmitAnswers(data.submit(rival))
        made.conflicts[code] = told.remarks[0].conflict_ids[0]
    open_ones = data.ask(LATER, *letters.TOWNSHIPS)
    await asking.RequestData(open_ones)


async def _supervision(channel: grpc.aio.Channel, made: World) -> None:
    """Have each issuer urge who did not report, and open points at everybody."""
    urge = UrgingServiceStub(channel).UrgeAssignments
    opening = RectificationServiceStub(channel).OpenRectifications
    for issuer, targets in ISSUERS.items():
        item_id = made.items[issuer]
        if targets[1:]:
            await urge(supervision.urge(item_id, *targets[1:], division=issuer))
        await opening(supervision.open_points(item_id, *targets, division=issuer))


async def _approvals(channel: grpc.aio.Channel) -> None:
    town, stub = CollectionServiceStub(channel), ApprovalServiceStub(channel)
    past = "2021-02"
    answers = [data.answer(code, past, {COUNT: 1}) for code in letters.TOWNSHIPS]
    await town.SubmitAnswers(data.submit(*answers))
    for code in (*letters.TOWNSHIPS, *letters.COUNTIES, *letters.CITIES, "53"):
        await stub.ApprovePeriod(data.approve(code, past))
    for code in ("53", "5301", "530102", "530103", "530302"):
        await stub.UnlockPeriod(data.unlock("53", code, past))


OTHER_PROVINCE = (
    """INSERT INTO registry_sheet (period, division, period_start, elements, numbers, given,
              flags, answers, observed)
       SELECT '2019-01', '54' || substr(division, 3), period_start, elements, numbers, given,
              flags, answers, observed FROM registry_sheet WHERE period = '2021-02'""",
    """INSERT INTO approval SELECT period, '54' || substr(division, 3), approved_at, actor,
              approved_count FROM approval WHERE division <> '53'""",
    """INSERT INTO relief_saving SELECT '54' || substr(division, 3), requester_division,
              month, needed, served, joined, confirm, collect, confirmed, prefilled
         FROM relief_saving""",
    """INSERT INTO registry_total SELECT period, '54' || substr(area, 3), elements, expected,
              received, on_time, sums, observed, smallest, largest FROM registry_total""",
    """INSERT INTO assignment_fenced (item_id, division, epoch, current_epoch, fact_id, fact,
              fenced_at)
       SELECT item_id, division, 1, 2, gen_random_uuid(), '', now() FROM assignment""",
    """INSERT INTO assignment_fenced (item_id, division, epoch, current_epoch, fact_id, fact,
              fenced_at)
       SELECT gen_random_uuid(), '54' || substr(division, 3), 1, 2, gen_random_uuid(), '',
              now() FROM assignment""",
    """INSERT INTO assignment_return (item_id, division, epoch, returned_at, reason)
       SELECT item_id, province || substr(division, 3), 2, now(), 'x'
         FROM assignment, unnest(ARRAY['53', '54']) AS province""",
    """INSERT INTO assignment_deadline_move (item_id, division, term, old_deadline_at,
              new_deadline_at, cause, reason, moved_at, provisional, calendar_version)
       SELECT item_id, province || substr(division, 3), 2, now(), now(), 1, 'x', now(),
              false, 0
         FROM assignment, unnest(ARRAY['53', '54']) AS province""",
    """INSERT INTO timing_raised
       SELECT item_id, province || substr(division, 3), 1, 6, 1, now(), now(), false
         FROM assignment, unnest(ARRAY['53', '54']) AS province""",
    """INSERT INTO timing_clock (item_id, assigner_division, digits, assigned_at,
              receive_by_at, deadline_at, armed_in)
       SELECT item_id, '54' || substr(assigner_division, 3), digits, assigned_at,
              receive_by_at, deadline_at, armed_in
         FROM timing_clock""",
    """INSERT INTO inbox_notice (notice_id, division, kind, light, item_id, source,
              happened_at, delivered_at, details)
       SELECT gen_random_uuid(), province || substr(division, 3), 7, 3, item_id,
              gen_random_uuid(), now(), now(), '{}'
         FROM assignment, unnest(ARRAY['53', '54']) AS province""",
    """INSERT INTO petition (petition_id, item_id, division, kind, decider, reason, evidence,
              digests, days, transfer_to, epoch, deadline_at, began_at, filed_at, recorded_at,
              actor, principal, author, outcome, decided_at)
       SELECT gen_random_uuid(), item_id, province || substr(division, 3), 1, province, 'x',
              '{}', '{}', 1, '', 1, now(), now(), now(), now(), 'x', '', '', 2, now()
         FROM assignment, unnest(ARRAY['53', '54']) AS province""",
    """INSERT INTO urging_urge (urge_id, division, item_id, by_division, actor, message,
              urged_at, by_rule)
       SELECT urge_id, '54' || substr(division, 3), item_id, '54', actor, message, urged_at,
              by_rule FROM urging_urge""",
    """INSERT INTO urging_digest SELECT '54' || substr(division, 3), day, alerted_at
         FROM urging_digest""",
    """INSERT INTO rectification (rectification_id, item_id, division, opener_division, problem,
              requirement, opened_at, deadline_at, provisional, withdrawn)
       SELECT gen_random_uuid(), item_id, '54' || substr(division, 3), '54', problem,
              requirement, opened_at, deadline_at, provisional, withdrawn FROM rectification""",
    """INSERT INTO ledger_fact
       SELECT position + 100000, gen_random_uuid(), kind, '54' || substr(division, 3),
              subject, actor, recorded_at, digest, body FROM ledger_fact
        WHERE subject <> 'divisions' AND division <> '53'""",
)


async def _by_hand(app: App) -> None:
    """Put rows of another province there, and work that was fenced."""
    async with app.db.transaction() as tx:
        for statement in OTHER_PROVINCE:
            await tx.execute(statement)


async def rows_of(app: App, table: str) -> list[Mapping[str, Any]]:
    """Return all rows of a table, as whoever reads sees them."""
    async with app.db.reading() as tx:
        return [dict(row) for row in await tx.fetch(f"SELECT * FROM {table}")]  # noqa: S608
