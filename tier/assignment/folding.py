"""What a change makes of an assignment. Pure.

Up go receipts and reports, from the one executor; down go returns, verifications and moves of
the clock, from the one assigner. Each sets fields of its own, so facts that cross on the links
end in the same row everywhere. A return begins a new epoch: it takes back what was reported,
and work done under the old epoch no longer counts. A move of the clock begins a new term.
"""

from __future__ import annotations

from dataclasses import replace

from tier.assignment.model import (
    Assignment,
    Cause,
    Change,
    Clocking,
    Fenced,
    Moved,
    Received,
    Reported,
    Resumed,
    Returned,
    Suspended,
    Verified,
)


def fold(assignment: Assignment, change: Change) -> Assignment | Fenced:
    """Return the assignment after `change`, or that the change comes from a passed epoch.

    Folding a change twice is folding it once.
    """
    match change:
        case Received(at):
            return (
                assignment
                if assignment.received_at
                else replace(assignment, received_at=at)
            )
        case Reported(at, epoch, problems, fact_id):
            if epoch < assignment.epoch:
                return Fenced.STALE
            return replace(
                assignment,
                received_at=assignment.received_at or at,
                reported_at=at,
                returned=False,
                problems=problems,
                report_fact=fact_id,
            )
        case Returned():
            return _returned(assignment, change)
        case Verified():
            return _verified(assignment, change)
        case _:
            return fold_clock(assignment, change)


def _returned(assignment: Assignment, change: Returned) -> Assignment:
    if change.epoch <= assignment.epoch:
        return assignment
    return replace(
        assignment,
        epoch=change.epoch,
        reported_at=None,
        verified_at=None,
        returned=True,
        return_reason=change.reason,
        problems=0,
        report_fact=None,
    )


def _verified(assignment: Assignment, change: Verified) -> Assignment:
    if change.epoch and change.epoch < assignment.epoch:
        return assignment  # taken back since
    return replace(assignment, verified_at=assignment.verified_at or change.at)


def fold_clock(assignment: Assignment, change: Clocking) -> Assignment:
    """Return the assignment after a change of its clock; one of a passed term changes nothing."""
    clock = assignment.clock
    if change.term <= clock.term:
        return assignment
    match change:
        case Suspended(term, at):
            return replace(assignment, clock=replace(clock, term=term, suspended_at=at))
        case Resumed(term, receive_by, deadline, stopped):
            after = replace(
                clock,
                term=term,
                suspended_at=None,
                stopped=clock.stopped + stopped,
                work_days=0,
                receive_days=0,
                provisional=False,
            )
            return replace(
                assignment, receive_by=receive_by, deadline=deadline, clock=after
            )
        case Moved(term, receive_by, deadline, cause):
            after = replace(
                clock,
                term=term,
                extensions=clock.extensions + (cause is Cause.EXTENSION),
                counted_from=change.counted_from,
                work_days=change.work_days,
                provisional=change.provisional,
            )
            return replace(
                assignment, receive_by=receive_by, deadline=deadline, clock=after
            )
