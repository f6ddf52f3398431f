"""Down: issue an item, and split an assignment for the next tier."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

import uuid_utils

from ducha.assignment.v1 import assignment_facts_pb2 as facts
from ducha.assignment.v1 import assignment_pb2 as pb
from ducha.assignment.v1 import assignment_service_pb2 as service
from ducha.registry.v1 import registry_pb2
from tier import division, routes
from tier.acting import Call, Work, must_host, once
from tier.app import App
from tier.assignment import item_store, rules, store, wire
from tier.assignment.actions import terms
from tier.assignment.actions.calls import branches_of
from tier.assignment.errors import (
    AssignmentUnknown,
    DeadlineInvalid,
    TargetsInvalid,
    denied,
    flawed,
)
from tier.assignment.model import Given, Item, Key, Loaded
from tier.calendar import Term
from tier.jurisdiction import Code
from tier.registry import asking
from tier.runtime import moments
from tier.runtime.db import Tx
from tier.runtime.telemetry import current_traceparent

NAME = 100  # of a requester, at most
NONE = Term()


@dataclass(frozen=True, slots=True)
class Split:
    """How an assignment is passed on; moments left out follow from the parent's."""

    item_id: UUID
    targets: pb.TargetSelection
    receive_by: datetime | None
    deadline: datetime | None
    instructions: str
    receive_within: Term = NONE
    work_within: Term = NONE


async def validate(
    app: App, issuer: Code, message: pb.Item, selection: pb.TargetSelection
) -> service.IssueItemResponse:
    """Say what issuing would do, and change nothing.

    Raises:
        TierError: whatever would refuse it.
    """
    must_host(app, issuer)
    async with app.db.reading() as tx:
        dated = pb.Item()
        dated.CopyFrom(message)
        await terms.date(tx, dated, app.now())
        targets = await _checked(app, tx, issuer, dated, selection)
        response = service.IssueItemResponse(item=dated, target_count=len(targets))
        if dated.HasField("data_need"):
            asked = asking.Asked(_request_of(dated), selection, field="item.data_need")
            decided = await asking.judge(app, tx, issuer, asked)
            response.data_request.CopyFrom(decided.data_request)
            response.data_elements.extend(decided.elements)
    return response


async def issue(
    app: App, call: Call, message: pb.Item, selection: pb.TargetSelection
) -> service.IssueItemResponse:
    """Issue an item: its row, its assignments here, and one fact for each branch.

    Raises:
        TierError: LEVEL_MAY_NOT_ISSUE, URGENCY_UNJUSTIFIED, DEADLINE_INVALID,
            TARGETS_INVALID, SKIP_LEVEL_UNREASONED, CLOSING_RULE_INVALID,
            DIVISION_UNKNOWN; of its data need ELEMENT_UNKNOWN, PERIOD_MISMATCH,
            USE_FORBIDDEN, REQUEST_TOO_LARGE.
    """
    response = service.IssueItemResponse()
    async with once(app, call, response) as work:
        if work is not None:
            issued = _issued(work, message)
            await terms.date(work.tx, issued, moments.moment(issued.issue_time))
            targets = await _checked(app, work.tx, call.division, issued, selection)
            if message.HasField("data_need"):
                # Before the item: whoever has the item knows what is asked for it.
                await _need_data(work, issued, selection, response)
            item = await _write(work, issued, targets)
            response.target_count = len(targets)
            response.item.ParseFromString(item.body)
    return response


def _issued(work: Work, message: pb.Item) -> pb.Item:
    """Return the item as issued: what the server sets is set."""
    issued = pb.Item()
    issued.CopyFrom(message)
    issued.item_id = str(uuid_utils.uuid7())
    issued.issuer_division = work.call.division
    issued.issue_time.FromDatetime(work.app.now())
    issued.state = pb.ITEM_STATE_ISSUED
    for field in ("conclusion", "provisional", "reopen_count"):
        issued.ClearField(field)
    traceparent = current_traceparent()
    issued.trace_id = traceparent.split("-")[1] if traceparent else ""
    return issued


async def _need_data(
    work: Work,
    issued: pb.Item,
    selection: pb.TargetSelection,
    response: service.IssueItemResponse,
) -> None:
    """Pass the item's data need through the ask gate: only what is missing is asked."""
    asked = asking.Asked(_request_of(issued), selection, field="item.data_need")
    decided = await asking.ask(work, asked)
    response.data_request.CopyFrom(decided.data_request)
    response.data_elements.extend(decided.elements)


def _request_of(issued: pb.Item) -> registry_pb2.DataRequest:
    """Return the data request that an item's need is."""
    need = issued.data_need
    return registry_pb2.DataRequest(
        requester=issued.lead_unit.name[:NAME],
        title=issued.title,
        item_id=issued.item_id,
        elements=need.elements,
        period=need.period,
        use=need.use,
        deadline_time=issued.deadline_time,
    )


async def _write(work: Work, issued: pb.Item, targets: Sequence[Code]) -> Item:
    """Keep the item and its assignments, and record who must hear of it."""
    item = wire.item_from(issued, current_traceparent())
    await item_store.insert(work.tx, item)
    await store.insert(work.tx, item, targets, wire.given_of(issued))
    for onward, codes in routes.both_ways(work.app.node, targets):
        payload = facts.ItemIssued(
            item=issued, targets=division.set_to(codes), target_count=len(targets)
        )
        work.record(payload, subject=item.item_id, onward=onward)
    return item


async def _checked(
    app: App, tx: Tx, issuer: Code, message: pb.Item, selection: pb.TargetSelection
) -> list[Code]:
    """Return the targets, once everything about the item is right."""
    draft = wire.draft_from(message, issuer)
    targets = await division.resolve(tx, issuer, selection, app.now())
    found = rules.flaw(draft, targets, app.now())
    if found is not None:
        raise flawed(*found)
    await _units_stand(tx, message, division.today(app.now()))
    return targets


async def _units_stand(tx: Tx, message: pb.Item, on: date) -> None:
    """Refuse units that act for no standing division.

    Raises:
        DivisionUnknown: of the lead or an assist unit.
    """
    codes = [
        division.code(message.lead_unit.division, "item.lead_unit.division"),
        *(
            division.code(unit.division, f"item.assist_units[{index}].division")
            for index, unit in enumerate(message.assist_units)
        ),
    ]
    known = await division.known(tx, codes, on)
    for code in codes:
        if code not in known:
            raise division.DivisionUnknown(division=code, day=on.isoformat())


async def split(app: App, call: Call, asked: Split) -> service.SplitAssignmentResponse:
    """Pass the acting division's assignment on to divisions of the next tier.

    Raises:
        TierError: ASSIGNMENT_UNKNOWN, ITEM_ENDED, NOT_CASCADE, MOVE_NOT_ALLOWED,
            DEADLINE_INVALID, TARGETS_INVALID.
    """
    response = service.SplitAssignmentResponse()
    async with once(app, call, response) as work:
        if work is not None:
            item, loaded = await _splittable(work, asked.item_id)
            targets = await _next_tier(work, asked.item_id, asked.targets)
            given = await _given(work, loaded, asked)
            await pass_on(work, item, targets, given, asked.instructions)
            response.target_count = len(targets)
            response.deadline_time.FromDatetime(given.deadline)
    return response


async def _splittable(work: Work, item_id: UUID) -> tuple[Item, Loaded]:
    """Return the item and the acting division's assignment, if it may be split."""
    key = Key(item_id, work.call.division)
    loaded = (await store.load(work.tx, [key])).get(key)
    if loaded is None:
        raise AssignmentUnknown(division=key.division, item_id=item_id)
    item = (await item_store.items(work.tx, [item_id]))[item_id]
    no = rules.may_split(loaded, item.mode)
    if no is not None:
        raise denied(no, loaded, "split")
    return item, loaded


async def _next_tier(
    work: Work, item_id: UUID, selection: pb.TargetSelection
) -> list[Code]:
    """Return the targets of a split: divisions one level below, without the item yet."""
    assigner = work.call.division
    targets = await division.resolve(work.tx, assigner, selection, work.app.now())
    found = rules.target_flaw(assigner, targets)
    if found is None:
        found = rules.cascade_flaw(assigner, targets)
    if found is not None:
        raise flawed(*found)
    held = await store.load(work.tx, [Key(item_id, code) for code in targets])
    if held:
        again = min(key.division for key in held)
        raise TargetsInvalid(problem=f"has this item already: {again}", division=again)
    return targets


async def _given(work: Work, loaded: Loaded, asked: Split) -> Given:
    """Return when children must receive and report.

    Raises:
        DeadlineInvalid: that leaves no time to receive, or to review.
    """
    app, now, parent = work.app, work.app.now(), loaded.assignment
    receipt = await terms.counted(work.tx, asked.receive_within, asked.receive_by, now)
    report = await terms.counted(work.tx, asked.work_within, asked.deadline, now)
    wished = (receipt.at if receipt else None, report.at if report else None)
    found = rules.split_deadlines(parent, wished, app.review_buffer, now)
    if found is None:
        latest = rules.latest_for_children(parent.deadline, app.review_buffer, now)
        problem = f"children must report by {latest.isoformat()}, a review buffer before yours"
        raise DeadlineInvalid(problem=problem)
    return Given(
        work.call.division,
        now,
        *found,
        work_days=asked.work_within.working_days,
        receive_days=asked.receive_within.working_days,
        provisional=any(due.provisional for due in (receipt, report) if due),
    )


async def pass_on(
    work: Work,
    item: Item,
    targets: Sequence[Code],
    given: Given,
    instructions: str,
) -> None:
    """Write assignments below the acting division's, and record who must hear of them."""
    await _introduce(work, item, targets)
    await store.insert(work.tx, item, targets, given, instructions)
    await store.mark_split(work.tx, Key(item.item_id, work.call.division))
    for onward, codes in routes.both_ways(work.app.node, targets):
        payload = facts.AssignmentSplit(
            item_id=str(item.item_id),
            assigner_division=given.assigner,
            targets=division.set_to(codes),
            receive_by_time=moments.stamp(given.receive_by),
            deadline_time=moments.stamp(given.deadline),
            instructions=instructions,
            split_time=moments.stamp(given.assigned_at),
            work_days=given.work_days,
            receive_days=given.receive_days,
            provisional=given.provisional,
        )
        work.record(payload, subject=item.item_id, onward=onward)


async def _introduce(work: Work, item: Item, targets: Sequence[Code]) -> None:
    """Tell branches that hold nothing of the item yet what it is, before their part of it.

    An item in cascade mode reached the divisions of one tier only.
    """
    holding = await branches_of(work.app, work.tx, item.item_id)
    onward = tuple(
        name for name in work.app.node.branches(targets) if name not in holding
    )
    if onward:
        payload = facts.ItemIssued(item=wire.item_to(item))
        work.record(payload, subject=item.item_id, onward=onward)
