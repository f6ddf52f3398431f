"""Decisions about items and assignments. Pure: values in, a decision out.

Up go receipts and reports, from the one executor; down go returns and verifications,
from the one assigner. Each sets fields of its own, so facts that cross on the links end
in the same row everywhere. Only a return begins a new epoch: it takes back what was
reported, and work done under the old epoch no longer counts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from tier.assignment.model import (
    Assignment,
    Change,
    ClosingKind,
    ClosingRule,
    Draft,
    Fenced,
    Flaw,
    Loaded,
    Mode,
    No,
    Received,
    Reported,
    Returned,
    State,
    Verified,
)
from tier.jurisdiction import Code, Level, contains, level_of

ALL_PERCENT = 100


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
        case Returned(epoch, reason):
            if epoch <= assignment.epoch:
                return assignment
            return replace(
                assignment,
                epoch=epoch,
                reported_at=None,
                returned=True,
                return_reason=reason,
                problems=0,
                report_fact=None,
            )
        case Verified(at):
            return replace(assignment, verified_at=assignment.verified_at or at)


def may_receive(loaded: Loaded) -> No | None:
    """Say why receipt cannot be confirmed; receiving again is no error."""
    return No.ENDED if loaded.item_ended else None


def may_report(loaded: Loaded, epoch: int) -> No | None:
    """Say why a report under `epoch` (0: whatever stands) cannot be taken."""
    assignment = loaded.assignment
    if loaded.item_ended:
        return No.ENDED
    if epoch and epoch != assignment.epoch:
        return No.STALE_EPOCH
    if assignment.state not in {State.ISSUED, State.RECEIVED, State.RETURNED}:
        return No.STATE
    return No.CHILDREN_OPEN if loaded.open_children else None


def may_judge(loaded: Loaded, acting: Code) -> No | None:
    """Say why `acting` cannot return or verify a report."""
    if loaded.item_ended:
        return No.ENDED
    if loaded.assignment.assigner != acting:
        return No.NOT_ASSIGNER
    return None if loaded.assignment.state is State.REPORTED else No.STATE


def may_split(loaded: Loaded, mode: Mode) -> No | None:
    """Say why an assignment cannot be passed on."""
    if loaded.item_ended:
        return No.ENDED
    if mode is not Mode.CASCADE:
        return No.NOT_CASCADE
    workable = {State.ISSUED, State.RECEIVED, State.RETURNED}
    return None if loaded.assignment.state in workable else No.STATE


def flaw(
    draft: Draft, targets: Sequence[Code], now: datetime
) -> tuple[Flaw, str] | None:
    """Return the first thing that forbids issuing `draft` to `targets`, and to which code."""
    if level_of(draft.issuer) >= Level.TOWNSHIP:
        return Flaw.LEVEL_MAY_NOT_ISSUE, draft.issuer
    if draft.urgent and not draft.justification.strip():
        return Flaw.URGENCY_UNJUSTIFIED, ""
    found = deadline_flaw(draft.receive_by, draft.deadline, now)
    if found is None:
        found = target_flaw(draft.issuer, targets)
    if found is None:
        found = _reach_flaw(draft, targets)
    return found or _closing_flaw(draft.closing, targets)


def deadline_flaw(
    receive_by: datetime, deadline: datetime, now: datetime
) -> tuple[Flaw, str] | None:
    """Receipt comes first, and neither lies in the past."""
    if receive_by <= now:
        return Flaw.RECEIVE_BY_PAST, receive_by.isoformat()
    if receive_by > deadline:
        return Flaw.RECEIVE_BY_AFTER_DEADLINE, deadline.isoformat()
    return None


def target_flaw(assigner: Code, targets: Sequence[Code]) -> tuple[Flaw, str] | None:
    """Targets lie below who assigns, inside it."""
    if not targets:
        return Flaw.NO_TARGETS, ""
    for target in targets:
        if not contains(assigner, target):
            return Flaw.TARGET_OUTSIDE, target
        if level_of(target) <= level_of(assigner):
            return Flaw.TARGET_LEVEL, target
    return None


def cascade_flaw(assigner: Code, targets: Sequence[Code]) -> tuple[Flaw, str] | None:
    """A cascade goes to the next tier."""
    following = Level(level_of(assigner) + 1)
    beyond = next((code for code in targets if level_of(code) != following), None)
    return None if beyond is None else (Flaw.CASCADE_NEXT_TIER, beyond)


def _reach_flaw(draft: Draft, targets: Sequence[Code]) -> tuple[Flaw, str] | None:
    """Passing over a tier needs a reason, and is no cascade (law 1)."""
    found = cascade_flaw(draft.issuer, targets)
    if found is None or draft.mode is Mode.CASCADE:
        return found
    return None if draft.skip_level_reason.strip() else (Flaw.SKIP_LEVEL, found[1])


def _closing_flaw(
    closing: ClosingRule, targets: Sequence[Code]
) -> tuple[Flaw, str] | None:
    """A quorum is a share; who leads must execute."""
    if (
        closing.kind is ClosingKind.QUORUM
        and not 1 <= closing.quorum_percent <= ALL_PERCENT
    ):
        return Flaw.QUORUM, str(closing.quorum_percent)
    if closing.kind is ClosingKind.LEAD and closing.lead_division not in targets:
        return Flaw.LEAD_NO_TARGET, closing.lead_division
    return None


def split_deadlines(
    parent: Assignment,
    asked: tuple[datetime | None, datetime | None],
    buffer: timedelta,
    now: datetime,
) -> tuple[datetime, datetime] | None:
    """Return (receive by, deadline) of children: the parent keeps `buffer` to review.

    None where what was `asked` leaves no room. A parent with less than two buffers left
    keeps half of the time instead.
    """
    left = parent.deadline - now
    latest = parent.deadline - min(buffer, left / 2)
    receive_by, deadline = asked
    deadline = deadline or latest
    receive_by = receive_by or min(
        deadline, max(parent.receive_by, now + (deadline - now) / 2)
    )
    if deadline > latest or deadline_flaw(receive_by, deadline, now) is not None:
        return None
    return receive_by, deadline


def lacking(
    closing: ClosingRule, targets: int, verified: int, *, lead_verified: bool
) -> int:
    """Return how many verified reports the closing rule still lacks."""
    match closing.kind:
        case ClosingKind.ALL:
            return max(0, targets - verified)
        case ClosingKind.QUORUM:
            needed = -(-targets * closing.quorum_percent // 100)
            return max(0, needed - verified)
        case ClosingKind.LEAD:
            return 0 if lead_verified else 1
