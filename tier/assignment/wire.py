"""Assignment model <-> protobuf."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from uuid import UUID

from google.protobuf.timestamp_pb2 import Timestamp

from ducha.assignment.v1 import assignment_pb2 as pb
from ducha.division.v1 import division_pb2
from tier.assignment.model import (
    Assignment,
    ClosingKind,
    ClosingRule,
    Draft,
    Item,
    ItemState,
    Mode,
)
from tier.jurisdiction import Code, pack, parse, unpack
from tier.runtime import fields
from tier.runtime.errors import InvalidInput


def moment(stamp: Timestamp) -> datetime:
    """Read a moment.

    Raises:
        InvalidInput: it is outside of what a calendar holds.
    """
    try:
        return _moment(stamp.seconds, stamp.nanos)
    except (ValueError, OverflowError) as wrong:
        raise InvalidInput(problem=f"timestamp: {wrong}") from wrong


@lru_cache(maxsize=256)
def _moment(seconds: int, nanos: int) -> datetime:
    """Read a moment; those of one batch are the same."""
    return Timestamp(seconds=seconds, nanos=nanos).ToDatetime(tzinfo=UTC)


@lru_cache(maxsize=1024)
def item_id(text: str) -> UUID:
    """Read an item's id; facts of one batch are mostly about one item.

    Raises:
        ValueError: it is none.
    """
    return UUID(text)


def optional_moment(stamp: Timestamp, *, there: bool) -> datetime | None:
    """Read a moment that may be left out."""
    return moment(stamp) if there else None


def stamp_of(at: datetime) -> Timestamp:
    """Write a moment."""
    written = Timestamp()
    written.FromDatetime(at)
    return written


def stamp(at: datetime | None) -> Timestamp | None:
    """Write a moment, or nothing."""
    return None if at is None else stamp_of(at)


def code(text: str, field: str) -> Code:
    """Read a division code.

    Raises:
        InvalidInput: it is none; `field` is named.
    """
    return fields.read(field, parse, text)


def codes(texts: Iterable[str], field: str) -> list[Code]:
    """Read division codes.

    Raises:
        InvalidInput: one is none; its place is named.
    """
    return [code(text, f"{field}[{index}]") for index, text in enumerate(texts)]


def set_to(divisions: Iterable[Code]) -> division_pb2.DivisionSet:
    """Write a set of divisions."""
    return division_pb2.DivisionSet(
        runs=[
            division_pb2.DivisionSet.Run(digits=digits, deltas=deltas)
            for digits, deltas in pack(divisions)
        ]
    )


def set_from(message: division_pb2.DivisionSet) -> list[Code]:
    """Read a set of divisions, in its order."""
    return unpack((run.digits, run.deltas) for run in message.runs)


def closing_from(message: pb.Item) -> ClosingRule:
    """Read the closing rule."""
    return ClosingRule(
        ClosingKind(message.closing_rule.kind),
        message.closing_rule.quorum_percent,
        code(message.lead_unit.division, "item.lead_unit.division"),
    )


def draft_from(message: pb.Item, issuer: Code) -> Draft:
    """Read what the rules look at before an item is issued."""
    for index, unit in enumerate(message.assist_units):
        code(unit.division, f"item.assist_units[{index}].division")
    return Draft(
        issuer,
        Mode(message.mode),
        message.urgency != pb.URGENCY_ROUTINE,
        message.urgency_justification,
        message.skip_level_reason,
        moment(message.receive_by_time),
        moment(message.deadline_time),
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
        moment(message.receive_by_time),
        moment(message.deadline_time),
        moment(message.issue_time),
        traceparent,
        message.SerializeToString(),
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
        receive_by_time=stamp(assignment.receive_by),
        deadline_time=stamp(assignment.deadline),
        receive_time=stamp(assignment.received_at),
        report_time=stamp(assignment.reported_at),
        verify_time=stamp(assignment.verified_at),
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
