"""Decisions about items and assignments. Pure: values in, a decision out.

Who may move what from which state stands in the table of `moves`; what is asked besides
stands here.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from tier.assignment.model import (
    Assignment,
    ClosingKind,
    ClosingRule,
    Draft,
    Flaw,
    ItemState,
    Light,
    Loaded,
    Mode,
    No,
    State,
)
from tier.assignment.moves import ITEM_LAWS, LAWS, ItemMove, Move, Party
from tier.jurisdiction import Code, Level, contains, level_of

ALL_PERCENT = 100


def refusal(move: Move, loaded: Loaded, acting: Code) -> No | None:
    """Say why `acting` cannot make `move` by the table: ended, not its move, or not now."""
    assignment = loaded.assignment
    law = LAWS[move]
    if loaded.item_ended:
        return No.ENDED
    if law.party is Party.ASSIGNER and assignment.assigner != acting:
        return No.NOT_ASSIGNER
    return None if assignment.state in law.states else No.STATE


def may_receive(loaded: Loaded) -> No | None:
    """Say why receipt cannot be confirmed; receiving again is no error."""
    return refusal(Move.RECEIVE, loaded, loaded.assignment.key.division)


def may_report(loaded: Loaded, epoch: int) -> No | None:
    """Say why a report under `epoch` (0: whatever stands) cannot be taken."""
    assignment = loaded.assignment
    if loaded.item_ended:
        return No.ENDED
    if epoch and epoch != assignment.epoch:
        return No.STALE_EPOCH
    no = refusal(Move.REPORT, loaded, assignment.key.division)
    if no is not None:
        return no
    return No.CHILDREN_OPEN if loaded.open_children else None


def may_return(loaded: Loaded, acting: Code) -> No | None:
    """Say why `acting` cannot send a report back, or take a verification back."""
    no = refusal(Move.RETURN, loaded, acting)
    if no is None and loaded.assignment.state is State.VERIFIED:
        return None if loaded.above_open else No.STATE
    return no


def may_split(loaded: Loaded, mode: Mode) -> No | None:
    """Say why an assignment cannot be passed on."""
    if loaded.item_ended:
        return No.ENDED
    if mode is not Mode.CASCADE:
        return No.NOT_CASCADE
    return refusal(Move.SPLIT, loaded, loaded.assignment.key.division)


def may_end(move: ItemMove, state: ItemState) -> bool:
    """Whether an item may be moved so from where it stands."""
    return state in ITEM_LAWS[move].states


def light(assignment: Assignment, near_percent: int, now: datetime) -> Light | None:
    """Return how an assignment stands against its deadline; a stopped clock keeps its light.

    Yellow from `near_percent` of the time on, and while receipt is overdue. None where
    nothing is to be done any more for another reason than having been done.
    """
    if assignment.withdrawn:
        return None
    if assignment.reported_at or assignment.verified_at or assignment.closed:
        return Light.GREEN
    at = min(now, assignment.clock.suspended_at or now)
    if at > assignment.deadline:
        return Light.RED
    if assignment.received_at is None and at > assignment.receive_by:
        return Light.YELLOW
    whole = assignment.deadline - assignment.clock.assigned_at
    near = assignment.clock.assigned_at + whole * near_percent / ALL_PERCENT
    return Light.YELLOW if at >= near else Light.GREEN


def resumed(
    assignment: Assignment, now: datetime
) -> tuple[datetime, datetime, timedelta]:
    """Return (receive by, deadline, time stopped) of a clock that runs again."""
    since = assignment.clock.suspended_at or now
    stopped = max(timedelta(), now - since)
    receive_by = assignment.receive_by
    if assignment.received_at is None and receive_by > since:
        receive_by += stopped
    return receive_by, assignment.deadline + stopped, stopped


def latest_for_children(
    deadline: datetime, buffer: timedelta, now: datetime
) -> datetime:
    """Return until when children must report: their assigner keeps `buffer` to review.

    With less than two buffers left it keeps half of the time instead.
    """
    return deadline - min(buffer, max(timedelta(), (deadline - now) / 2))


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
        found = reach_flaw(draft.issuer, draft.mode, draft.skip_level_reason, targets)
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


def reach_flaw(
    assigner: Code, mode: Mode, reason: str, targets: Sequence[Code]
) -> tuple[Flaw, str] | None:
    """Passing over a tier needs a reason, and is no cascade (law 1)."""
    found = cascade_flaw(assigner, targets)
    if found is None or mode is Mode.CASCADE:
        return found
    return None if reason.strip() else (Flaw.SKIP_LEVEL, found[1])


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
    latest = latest_for_children(parent.deadline, buffer, now)
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
