"""Assignment model <-> protobuf."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from uuid import UUID

from ducha.assignment.v1 import assignment_pb2 as pb
from tier import division
from tier.assignment.model import (
    Assignment,
    ClosingKind,
    ClosingRule,
    Draft,
    Item,
    ItemState,
    Mode,
)
from tier.jurisdiction import Code, parse
from tier.runtime import moments


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
    )


def item_to(item: Item) -> pb.Item:
    """Write an item as it stands."""
    message = pb.Item.FromString(item.body)
    message.state = pb.ItemState.ValueType(item.state)
    return message


def assignment_to(assignment: Assignment, item: bytes) -> pb.Assignment:
    """Write an assignment of the item with these bytes."""
    return pb.Assignment(
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
        title=pb.Item.FromString(item).title,
        instructions=assignment.instructions,
    )


def epochs_in_order(divisions: Sequence[Code], epochs: Sequence[int]) -> list[int]:
    """Order `epochs` as `set_to` orders their divisions: by length, then by code."""
    paired = sorted(
        zip(divisions, epochs, strict=True), key=lambda pair: (len(pair[0]), pair[0])
    )
    return [epoch for _, epoch in paired]
