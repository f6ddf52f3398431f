"""Petition model <-> protobuf."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from ducha.petition.v1 import petition_pb2 as pb
from ducha.petition.v1 import petition_service_pb2 as service
from tier import division
from tier.assignment.model import Key
from tier.jurisdiction import Code, parse
from tier.petition.model import (
    Decision,
    Draft,
    Evidence,
    Kind,
    Outcome,
    Petition,
    Wanted,
)
from tier.runtime import moments


def draft_from(message: service.PetitionDraft, asking: Code, field: str) -> Draft:
    """Read what is asked.

    Raises:
        InvalidInput: a code is none; `field` is named.
    """
    if message.transfer_to:
        division.code(message.transfer_to, f"{field}.transfer_to")
    return Draft(
        Key(UUID(message.item_id), asking),
        Kind(message.kind),
        message.reason,
        message.days,
        tuple(Evidence(one.text, one.sha256) for one in message.evidence),
        message.transfer_to,
        message.epoch,
    )


def wanted_from(message: service.DecisionDraft, field: str) -> Wanted:
    """Read what somebody wants to decide.

    Raises:
        InvalidInput: a code is none; `field` is named.
    """
    if message.transfer_to:
        division.code(message.transfer_to, f"{field}.transfer_to")
    return Wanted(
        UUID(message.petition_id),
        Outcome(message.outcome),
        message.reason,
        message.days,
        message.transfer_to,
    )


def filed_to(petition: Petition) -> pb.Petition:
    """Write a petition as it was filed: what its fact says, the same wherever it is told."""
    return pb.Petition(
        petition_id=str(petition.petition_id),
        item_id=str(petition.key.item_id),
        division=petition.key.division,
        kind=pb.PetitionKind.ValueType(petition.kind),
        decider_division=petition.decider,
        state=pb.PETITION_STATE_PENDING,
        reason=petition.reason,
        evidence=[
            pb.Evidence(text=one.text, sha256=one.sha256) for one in petition.evidence
        ],
        days=petition.days,
        transfer_to=petition.transfer_to,
        epoch=petition.epoch,
        deadline_time=moments.stamp_of(petition.deadline),
        begin_time=moments.stamp_of(petition.began_at),
        file_time=moments.stamp_of(petition.filed_at),
        actor=petition.actor,
        principal=petition.principal,
        conclusion_author=petition.author,
    )


def petition_to(petition: Petition) -> pb.Petition:
    """Write a petition as it stands here."""
    message = filed_to(petition)
    message.state = pb.PetitionState.ValueType(petition.state)
    message.record_time.CopyFrom(moments.stamp_of(petition.recorded_at))
    message.late_arrival = petition.late_arrival
    if petition.withdrawn_at is not None:
        message.withdraw_time.CopyFrom(moments.stamp_of(petition.withdrawn_at))
    if petition.decision is not None:
        message.decision.CopyFrom(decision_to(petition))
    return message


def petition_from(message: pb.Petition, recorded_at: datetime) -> Petition:
    """Read a petition that was filed somewhere.

    Raises:
        ValueError: an id, a code, or the kind is none.
    """
    return Petition(
        petition_id=UUID(message.petition_id),
        key=Key(UUID(message.item_id), parse(message.division)),
        kind=Kind(message.kind),
        decider=parse(message.decider_division),
        reason=message.reason,
        evidence=tuple(Evidence(one.text, one.sha256) for one in message.evidence),
        days=message.days,
        transfer_to=message.transfer_to,
        epoch=message.epoch,
        deadline=moments.moment(message.deadline_time),
        began_at=moments.moment(message.begin_time),
        filed_at=moments.moment(message.file_time),
        recorded_at=recorded_at,
        actor=message.actor,
        principal=message.principal,
        author=message.conclusion_author,
    )


def decision_to(petition: Petition) -> pb.Decision:
    """Write the decision on a petition.

    Raises:
        LookupError: nobody decided yet.
    """
    decision = petition.decision
    if decision is None:
        raise LookupError(petition.petition_id)
    return pb.Decision(
        petition_id=str(petition.petition_id),
        division=petition.key.division,
        outcome=pb.Outcome.ValueType(decision.outcome),
        reason=decision.reason,
        days=decision.days,
        deadline_time=moments.stamp(decision.deadline),
        provisional=decision.provisional,
        transfer_to=decision.transfer_to,
        rule=decision.rule,
        decide_time=moments.stamp_of(decision.at),
        actor=decision.actor,
        principal=decision.principal,
        late_arrival=petition.late_arrival,
    )


def decision_from(message: pb.Decision) -> Decision:
    """Read a decision.

    Raises:
        ValueError: the outcome is none.
    """
    return Decision(
        outcome=Outcome(message.outcome),
        reason=message.reason,
        at=moments.moment(message.decide_time),
        actor=message.actor,
        principal=message.principal,
        days=message.days,
        deadline=moments.optional_moment(
            message.deadline_time, there=message.HasField("deadline_time")
        ),
        provisional=message.provisional,
        transfer_to=message.transfer_to,
        rule=message.rule,
    )
