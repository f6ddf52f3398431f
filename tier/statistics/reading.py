"""Facts of the ledger, read as events that count.

A fact that is recorded again for one branch says less than the whole that stands before it,
and nothing else: its events fold into what is there already. Facts from before the life of an
assignment was kept are read as the rows of that time were filled: a split as of the issue of
its item, a return as one whose moment nobody knows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from ducha.assignment.v1 import assignment_facts_pb2 as assignment
from ducha.link.v1 import link_pb2
from ducha.petition.v1 import petition_facts_pb2 as petition
from ducha.petition.v1 import petition_pb2
from ducha.timing.v1 import timing_facts_pb2 as timing
from ducha.urging.v1 import urging_facts_pb2 as urging
from tier import division
from tier.jurisdiction import Code, parse
from tier.runtime import moments
from tier.statistics.retelling import (
    Assigned,
    Clocked,
    Escalated,
    Event,
    Filed,
    Granted,
    Introduced,
    Petitioned,
    Received,
    Reported,
    Returned,
    Urged,
    Withdrawn,
)

PETITIONED = {
    petition_pb2.PETITION_KIND_EXTENSION: Petitioned.EXTENSION,
    petition_pb2.PETITION_KIND_SUSPENSION: Petitioned.SUSPENSION,
    petition_pb2.PETITION_KIND_DISPUTE: Petitioned.DISPUTE,
    petition_pb2.PETITION_KIND_REVIEW: Petitioned.REVIEW,
}


def events(fact: link_pb2.Fact) -> Iterator[Event]:
    """Yield what a fact says that counts; nothing of most kinds."""
    reader = READERS.get(fact.kind)
    if reader is not None:
        kind, read = reader
        yield from read(kind.FromString(fact.payload))


def _issued(payload: assignment.ItemIssued) -> Iterator[Event]:
    item = payload.item
    issuer = parse(item.issuer_division)
    issued_at = moments.moment(item.issue_time)
    yield Introduced(
        issuer, item.lead_unit.name, item.source_type, item.urgency, issued_at
    )
    yield Assigned(
        division.set_from(payload.targets),
        issuer,
        issued_at,
        moments.moment(item.receive_by_time),
        moments.moment(item.deadline_time),
    )


def _split(payload: assignment.AssignmentSplit) -> Iterator[Event]:
    yield Assigned(
        division.set_from(payload.targets),
        parse(payload.assigner_division),
        moments.optional_moment(
            payload.split_time, there=payload.HasField("split_time")
        ),
        moments.moment(payload.receive_by_time),
        moments.moment(payload.deadline_time),
    )


def _received(payload: assignment.AssignmentsReceived) -> Iterator[Event]:
    divisions = division.set_from(payload.divisions)
    yield Received(divisions, moments.moment(payload.receive_time))


def _reported(payload: assignment.AssignmentReported) -> Iterator[Event]:
    at = moments.moment(payload.report_time)
    yield Reported(parse(payload.division), payload.epoch, at)


def _returned(payload: assignment.AssignmentsReturned) -> Iterator[Event]:
    codes = division.set_from(payload.divisions)
    epochs = dict(zip(codes, payload.epochs, strict=True))
    there = payload.HasField("return_time")
    yield Returned(epochs, moments.optional_moment(payload.return_time, there=there))


def _moved(payload: assignment.DeadlinesMoved) -> Iterator[Event]:
    yield Clocked(
        _terms(payload),
        moments.moment(payload.receive_by_time),
        moments.moment(payload.deadline_time),
    )


def _resumed(payload: assignment.AssignmentsResumed) -> Iterator[Event]:
    yield Clocked(
        _terms(payload),
        moments.moment(payload.receive_by_time),
        moments.moment(payload.deadline_time),
        moments.moment(payload.resume_time),
        payload.stopped.ToTimedelta(),
    )


def _terms(
    payload: assignment.DeadlinesMoved | assignment.AssignmentsResumed,
) -> dict[Code, int]:
    codes = division.set_from(payload.divisions)
    return dict(zip(codes, payload.terms, strict=True))


def _withdrawn(_: assignment.ItemWithdrawn) -> Iterator[Event]:
    yield Withdrawn(None)


def _taken_back(payload: assignment.AssignmentsWithdrawn) -> Iterator[Event]:
    yield Withdrawn(division.set_from(payload.divisions))


def _filed(payload: petition.PetitionsFiled) -> Iterator[Event]:
    for one in payload.petitions:
        if one.kind in PETITIONED:
            yield Filed(
                one.petition_id,
                parse(one.division),
                PETITIONED[one.kind],
                moments.moment(one.file_time),
            )


def _decided(payload: petition.PetitionsDecided) -> Iterator[Event]:
    for one in payload.decisions:
        if one.outcome == petition_pb2.OUTCOME_GRANTED:
            yield Granted(one.petition_id, moments.moment(one.decide_time))


def _urged(payload: urging.AssignmentsUrged) -> Iterator[Event]:
    divisions = division.set_from(payload.divisions)
    yield Urged(payload.urge_id, divisions, moments.moment(payload.urge_time))


def _escalated(payload: timing.AssignmentsEscalated) -> Iterator[Event]:
    yield Escalated(
        division.set_from(payload.divisions),
        payload.term,
        payload.rung,
        moments.moment(payload.raise_time),
    )


Reader = tuple[Any, Callable[[Any], Iterator[Event]]]

READERS: Mapping[str, Reader] = {
    kind.DESCRIPTOR.full_name: (kind, read)
    for kind, read in (
        (assignment.ItemIssued, _issued),
        (assignment.AssignmentSplit, _split),
        (assignment.AssignmentsReceived, _received),
        (assignment.AssignmentReported, _reported),
        (assignment.AssignmentsReturned, _returned),
        (assignment.DeadlinesMoved, _moved),
        (assignment.AssignmentsResumed, _resumed),
        (assignment.ItemWithdrawn, _withdrawn),
        (assignment.AssignmentsWithdrawn, _taken_back),
        (petition.PetitionsFiled, _filed),
        (petition.PetitionsDecided, _decided),
        (urging.AssignmentsUrged, _urged),
        (timing.AssignmentsEscalated, _escalated),
    )
}
