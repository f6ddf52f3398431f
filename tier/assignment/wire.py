"""Assignment model <-> protobuf."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from functools import lru_cache
from uuid import UUID

from ducha.assignment.v1 import assignment_pb2 as pb
from tier import division
from tier.assignment import rules
from tier.assignment.model import (
    Assignment,
    ClosingKind,
    ClosingRule,
    Draft,
    Given,
    Item,
    ItemState,
    Mode,
    Part,
)
from tier.calendar import Terms, terms_from
from tier.jurisdiction import Code, parse
from tier.runtime import moments

NEAR_PERCENT = 80
"""For items from before there were terms."""


@lru_cache(maxsize=1024)
def item_id(text: str) -> UUID:
    """Read an item's id; facts of one batch are mostly about one item.

    Raises:
        ValueError: it is none.
    """
    return UUID(text)


def closing_from(message: pb.Item) -> ClosingRule:
    """Read the closing rule."""
    return ClosingRule(
        ClosingKind(message.closing_rule.kind),
        message.closing_rule.quorum_percent,
        division.code(message.lead_unit.division, "item.lead_unit.division"),
    )


def draft_from(message: pb.Item, issuer: Code) -> Draft:
    """Read what the rules look at before an item is issued."""
    for index, unit in enumerate(message.assist_units):
        division.code(unit.division, f"item.assist_units[{index}].division")
    return Draft(
        issuer,
        Mode(message.mode),
        message.urgency != pb.URGENCY_ROUTINE,
        message.urgency_justification,
        message.skip_level_reason,
        moments.moment(message.receive_by_time),
        moments.moment(message.deadline_time),
        closing_from(message),
    )


def item_from(message: pb.Item, traceparent: str) -> Item:
    """Read an item that was issued; `traceparent` is the work here that brought it."""
    return Item(
        UUID(message.item_id),
        parse(message.issuer_division),
        ItemState(message.state),
        Mode(message.mode),
        closing_from(message),
        moments.moment(message.receive_by_time),
        moments.moment(message.deadline_time),
        moments.moment(message.issue_time),
        traceparent,
        message.SerializeToString(),
        message.data_need.is_the_report,
        message.source_type,
        message.urgency,
        message.lead_unit.name,
        moments.optional_moment(
            message.conclusion.conclude_time,
            there=message.conclusion.HasField("conclude_time"),
        ),
        message.conclusion.author,
        message.reopen_count,
    )


def given_of(message: pb.Item) -> Given:
    """Return what an item gives to all its targets."""
    return Given(
        parse(message.issuer_division),
        moments.moment(message.issue_time),
        moments.moment(message.receive_by_time),
        moments.moment(message.deadline_time),
        message.work_within.working_days,
        message.receive_within.working_days,
        message.provisional,
    )


def terms_of(item: Item) -> Terms:
    """Return what the type of an item demanded when it was issued."""
    return terms_from(pb.Item.FromString(item.body).terms)


def concluded(item: Item, conclusion: pb.Conclusion) -> Item:
    """Return an item with its conclusion."""
    message = pb.Item.FromString(item.body)
    message.conclusion.CopyFrom(conclusion)
    return replace(
        item,
        state=ItemState.CONCLUDED,
        body=message.SerializeToString(),
        concluded_at=moments.moment(conclusion.conclude_time),
        concluded_by=conclusion.author,
    )


def item_to(item: Item) -> pb.Item:
    """Write an item as it stands."""
    message = pb.Item.FromString(item.body)
    message.state = pb.ItemState.ValueType(item.state)
    message.reopen_count = item.reopened
    return message


def assignment_to(assignment: Assignment, body: bytes, now: datetime) -> pb.Assignment:
    """Write an assignment of the item with these bytes, as it stands `now`."""
    item, clock = pb.Item.FromString(body), assignment.clock
    light = rules.light(assignment, item.terms.near_percent or NEAR_PERCENT, now)
    message = pb.Assignment(
        item_id=str(assignment.key.item_id),
        division=assignment.key.division,
        assigner_division=assignment.assigner,
        epoch=assignment.epoch,
        state=pb.AssignmentState.ValueType(assignment.state),
        receive_by_time=moments.stamp(assignment.receive_by),
        deadline_time=moments.stamp(assignment.deadline),
        receive_time=moments.stamp(assignment.received_at),
        report_time=moments.stamp(assignment.reported_at),
        verify_time=moments.stamp(assignment.verified_at),
        return_reason=assignment.return_reason,
        late=assignment.late,
        title=item.title,
        instructions=assignment.instructions,
        assign_time=moments.stamp(clock.assigned_at),
        original_deadline_time=moments.stamp(clock.original_deadline),
        light=pb.Light.ValueType(light or 0),
        suspend_time=moments.stamp(clock.suspended_at),
        extension_count=clock.extensions,
        transferred_to=assignment.transferred_to,
        part=pb.Part.ValueType(part_of(item, assignment.key.division)),
        provisional=clock.provisional,
        term=clock.term,
    )
    message.stopped.FromTimedelta(clock.stopped)
    return message


def part_of(item: pb.Item, division: Code) -> Part:
    """Return whether a division leads an item, assists it, or neither."""
    if any(unit.division == division for unit in item.assist_units):
        return Part.ASSISTS
    return Part.LEADS if item.lead_unit.division == division else Part.EXECUTES


def epochs_in_order(divisions: Sequence[Code], epochs: Sequence[int]) -> list[int]:
    """Order `epochs` as `set_to` orders their divisions: by length, then by code."""
    paired = sorted(
        zip(divisions, epochs, strict=True), key=lambda pair: (len(pair[0]), pair[0])
    )
    return [epoch for _, epoch in paired]
