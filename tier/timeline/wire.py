"""Timeline model <-> protobuf."""

from __future__ import annotations

from datetime import datetime

from ducha.assignment.v1 import assignment_pb2
from ducha.link.v1 import link_pb2
from ducha.timeline.v1 import timeline_pb2 as pb
from tier.jurisdiction import parse
from tier.runtime import moments
from tier.timeline.model import Event, Recorded

SHOWN = 20
"""Divisions of an event that are named; all are counted."""


def recorded_from(position: int, recorded_at: datetime, body: bytes) -> Recorded:
    """Read a fact as the ledger holds it."""
    fact = link_pb2.Fact.FromString(body)
    return Recorded(
        position=position,
        recorded_at=recorded_at,
        fact_id=fact.fact_id,
        kind=fact.kind,
        division=parse(fact.division),
        actor=fact.actor,
        origin=fact.origin,
        occurred_at=moments.moment(fact.occur_time),
        payload=fact.payload,
    )


def event_to(event: Event) -> pb.Event:
    """Write an event."""
    fact, said = event.fact, event.said
    return pb.Event(
        position=fact.position,
        fact_id=fact.fact_id,
        kind=fact.kind.rpartition(".")[2],
        fact_kind=fact.kind,
        occur_time=moments.stamp_of(said.at),
        record_time=moments.stamp_of(fact.recorded_at),
        division=said.acting or fact.division,
        actor=fact.actor,
        direction=pb.Event.Direction.ValueType(event.direction),
        divisions=said.divisions[:SHOWN],
        division_count=len(said.divisions),
        details=said.details,
        arrived_late=event.arrived_late,
        overdue=said.is_overdue,
        unknown=said.is_unknown,
        light=assignment_pb2.Light.ValueType(said.light),
    )
