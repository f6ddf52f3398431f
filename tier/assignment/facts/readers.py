"""What facts change of single assignments: one reader a kind."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp

from ducha.assignment.v1 import assignment_facts_pb2 as pb
from tier import division
from tier.app import Arrived
from tier.assignment import wire
from tier.assignment.model import (
    Cause,
    Change,
    Clocking,
    Key,
    Moved,
    Received,
    Reported,
    Resumed,
    Returned,
    Suspended,
    Verified,
)
from tier.jurisdiction import Code, parse
from tier.runtime import moments

Changes = Iterator[tuple[Key, Change]]


def _received(one: Arrived) -> tuple[Message, Changes]:
    payload = pb.AssignmentsReceived.FromString(one.fact.payload)
    at = moments.moment(payload.receive_time)
    return payload, _each(
        payload.item_id, division.set_from(payload.divisions), Received(at)
    )


def _reported(one: Arrived) -> tuple[Message, Changes]:
    payload = pb.AssignmentReported.FromString(one.fact.payload)
    at: datetime = moments.moment(payload.report_time)
    change = Reported(at, payload.epoch, len(payload.report.problems), one.fact_id)
    return payload, _each(payload.item_id, [parse(payload.division)], change)


def _returned(one: Arrived) -> tuple[Message, Changes]:
    payload = pb.AssignmentsReturned.FromString(one.fact.payload)
    item_id = wire.item_id(payload.item_id)
    divisions = division.set_from(payload.divisions)
    pairs = zip(divisions, payload.epochs, strict=True)
    at = _when(one, payload.return_time if payload.HasField("return_time") else None)
    changes = (
        (Key(item_id, code), Returned(epoch, payload.reason, at))
        for code, epoch in pairs
    )
    return payload, changes


def _verified(one: Arrived) -> tuple[Message, Changes]:
    payload = pb.AssignmentsVerified.FromString(one.fact.payload)
    at, item_id = moments.moment(payload.verify_time), wire.item_id(payload.item_id)
    divisions = division.set_from(payload.divisions)
    if not payload.epochs:  # from before they were told
        payload.epochs.extend([0] * len(divisions))
    pairs = zip(divisions, payload.epochs, strict=True)
    return payload, ((Key(item_id, code), Verified(at, epoch)) for code, epoch in pairs)


def _each(item_id: str, divisions: Sequence[Code], change: Change) -> Changes:
    owner = wire.item_id(item_id)
    return ((Key(owner, division), change) for division in divisions)


def _moved(one: Arrived) -> tuple[Message, Changes]:
    payload = pb.DeadlinesMoved.FromString(one.fact.payload)
    change = Moved(
        0,
        moments.moment(payload.receive_by_time),
        moments.moment(payload.deadline_time),
        Cause(payload.cause),
        payload.reason,
        moments.moment(payload.move_time),
        moments.optional_moment(
            payload.counted_from_time, there=payload.HasField("counted_from_time")
        ),
        payload.work_days,
        payload.provisional,
        payload.calendar_version,
    )
    return payload, _each_term(payload, change)


def _suspended(one: Arrived) -> tuple[Message, Changes]:
    payload = pb.AssignmentsSuspended.FromString(one.fact.payload)
    at = moments.moment(payload.suspend_time)
    return payload, _each_term(payload, Suspended(0, at, payload.reason))


def _resumed(one: Arrived) -> tuple[Message, Changes]:
    payload = pb.AssignmentsResumed.FromString(one.fact.payload)
    change = Resumed(
        0,
        moments.moment(payload.receive_by_time),
        moments.moment(payload.deadline_time),
        payload.stopped.ToTimedelta(),
        moments.moment(payload.resume_time),
        payload.reason,
    )
    return payload, _each_term(payload, change)


def _each_term(
    payload: pb.DeadlinesMoved | pb.AssignmentsSuspended | pb.AssignmentsResumed,
    change: Clocking,
) -> Changes:
    """Give the change to each division, under its own new term."""
    item_id = wire.item_id(payload.item_id)
    divisions = division.set_from(payload.divisions)
    pairs = zip(divisions, payload.terms, strict=True)
    return ((Key(item_id, code), replace(change, term=term)) for code, term in pairs)


def _when(one: Arrived, stamp: Timestamp | None) -> datetime:
    """Return when a move was made; facts from before it was told: when they were recorded."""
    return moments.moment(one.fact.record_time if stamp is None else stamp)


CHANGES: Mapping[str, Callable[[Arrived], tuple[Message, Changes]]] = {
    pb.AssignmentsReceived.DESCRIPTOR.full_name: _received,
    pb.AssignmentReported.DESCRIPTOR.full_name: _reported,
    pb.AssignmentsReturned.DESCRIPTOR.full_name: _returned,
    pb.AssignmentsVerified.DESCRIPTOR.full_name: _verified,
    pb.DeadlinesMoved.DESCRIPTOR.full_name: _moved,
    pb.AssignmentsSuspended.DESCRIPTOR.full_name: _suspended,
    pb.AssignmentsResumed.DESCRIPTOR.full_name: _resumed,
}
