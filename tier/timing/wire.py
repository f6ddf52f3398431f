"""Timing model <-> protobuf."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from ducha.timing.v1 import timing_facts_pb2 as facts
from ducha.timing.v1 import timing_pb2 as pb
from tier import division
from tier.jurisdiction import Code
from tier.runtime import moments
from tier.timing import rules
from tier.timing.model import OF_RECEIPT, Escalation, Mark, Running, Step, Timer

Fact = facts.RemindersRaised | facts.AssignmentsEscalated
RUNGS = range(1, 10)


def fact_to(mark: Mark, divisions: Sequence[Code], raised_at: datetime) -> Fact:
    """Write what was raised as the fact of its kind."""
    timer = mark.timer
    if timer.step is Step.ESCALATION:
        return facts.AssignmentsEscalated(
            item_id=str(mark.item_id),
            divisions=division.set_to(divisions),
            term=mark.term,
            rung=timer.rung,
            due_time=moments.stamp_of(timer.at),
            raise_time=moments.stamp_of(raised_at),
        )
    return facts.RemindersRaised(
        item_id=str(mark.item_id),
        divisions=division.set_to(divisions),
        term=mark.term,
        step=pb.Step.ValueType(timer.step),
        due_time=moments.stamp_of(timer.at),
        raise_time=moments.stamp_of(raised_at),
        superseded=mark.superseded,
    )


def mark_from(fact: Fact, assigner: Code) -> Mark:
    """Read what a fact says was raised.

    Raises:
        ValueError: there is no such step.
        InvalidInput: its moment is none.
    """
    due = moments.moment(fact.due_time)
    if isinstance(fact, facts.RemindersRaised):
        timer, superseded = Timer(due, Step(fact.step)), fact.superseded
    else:
        if fact.rung not in RUNGS:
            raise ValueError(f"no rung {fact.rung}")
        timer, superseded = Timer(due, Step.ESCALATION, fact.rung), False
    return Mark(UUID(fact.item_id), assigner, fact.term, timer, superseded)


def timer_to(running: Running, timer: Timer, title: str) -> pb.Timer:
    """Write the next step of a clock."""
    group, window = running.group, running.group.window
    return pb.Timer(
        item_id=str(group.item_id),
        title=title,
        assigner_division=group.assigner,
        assign_time=moments.stamp_of(window.assigned_at),
        receive_by_time=moments.stamp_of(window.receive_by),
        deadline_time=moments.stamp_of(window.deadline),
        open_count=(
            running.unreceived if timer.step in OF_RECEIPT else running.unreported
        ),
        step=pb.Step.ValueType(timer.step),
        rung=timer.rung,
        due_time=moments.stamp_of(timer.at),
        provisional=timer.provisional,
    )


def escalation_to(escalation: Escalation, title: str) -> pb.Escalation:
    """Write an escalation."""
    place = escalation.place
    return pb.Escalation(
        item_id=str(place.item_id),
        title=title,
        division=place.division,
        rung=place.rung,
        notified_division=rules.notified(Code(place.division), place.rung),
        due_time=moments.stamp_of(escalation.due_at),
        raise_time=moments.stamp_of(place.raised_at),
        overtaken=escalation.overtaken,
        term=place.term,
    )
