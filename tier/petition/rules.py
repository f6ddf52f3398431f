"""Decisions about petitions. Pure: values in, even the clock, a decision out.

What is asked is judged three times: when it is filed, by what the executor's node knows;
when it comes to who decides, by what stands there; and when it is granted. A time limit
looks at the moment of filing, whenever the petition arrives: a link that was away takes
nobody's right. What the world moved past is moot, and refused by the rule that says so.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from tier.assignment.model import ENDED, Assignment, ItemState, PutOff
from tier.assignment.model import State as Standing
from tier.assignment.moves import WORKABLE
from tier.assignment.rules import latest_for_children
from tier.calendar.model import Calendar, Term
from tier.calendar.rules import after
from tier.jurisdiction import Code, contains
from tier.petition.model import Draft, Kind, No, Petition, Scene, Wanted

OPEN: Mapping[Kind, frozenset[Standing]] = {
    Kind.EXTENSION: WORKABLE,
    Kind.SUSPENSION: WORKABLE,
    Kind.RESUMPTION: frozenset({Standing.SUSPENDED}),
    Kind.DISPUTE: WORKABLE,
    Kind.REVIEW: frozenset(Standing) - {Standing.WITHDRAWN},
}
"""The states of an assignment in which a petition may be filed and granted."""

WAITING: Mapping[Kind, frozenset[Standing]] = {
    **OPEN,
    # The clock will run again: they wait for it.
    Kind.EXTENSION: WORKABLE | {Standing.SUSPENDED},
    Kind.DISPUTE: WORKABLE | {Standing.SUSPENDED},
}
"""The states in which one that was filed is not moot."""

REVIEWABLE = frozenset({ItemState.CONCLUDED, ItemState.CLOSED})


def may_file(draft: Draft, scene: Scene, now: datetime) -> No | None:
    """Say why `draft` cannot be filed now."""
    found = _closed_to(draft.kind, draft.epoch, scene)
    if found is None and draft.kind in scene.pending:
        found = No.PENDING
    return found or _unfounded(draft, scene, now)


def _unfounded(draft: Draft, scene: Scene, now: datetime) -> No | None:
    """Say what a kind of petition lacks: time, evidence, or days that may be had."""
    terms = scene.terms
    match draft.kind:
        case Kind.EXTENSION:
            return _may_extend(draft.days, scene, late=now > scene.deadline)
        case Kind.SUSPENSION if not draft.evidence:
            return No.UNEVIDENCED
        case Kind.DISPUTE if _is_over(scene, terms.dispute, now):
            return No.DISPUTE_OVER
        case Kind.REVIEW if _is_over(scene, terms.review, now):
            return No.REVIEW_OVER
        case _:
            return None


def moot(petition: Petition, scene: Scene) -> No | None:
    """Say why nothing is left to decide about a petition that was filed, if so.

    Asked when it arrives, and whenever what it is about moves.
    """
    if petition.kind is Kind.REVIEW:
        return _closed_to(petition.kind, petition.epoch, scene)
    if scene.item_state in ENDED:
        return No.ENDED
    if petition.epoch != scene.epoch:
        return No.STALE_EPOCH
    if scene.state not in WAITING[petition.kind]:
        return No.NOT_OPEN
    if petition.kind is Kind.EXTENSION:
        # Judged by what its author could know, or by what stands if that is kinder.
        late = petition.filed_at > max(petition.deadline, scene.deadline)
        return _may_extend(petition.days, scene, late=late)
    return None


def is_late_arrival(petition: Petition, scene: Scene, now: datetime) -> bool:
    """Whether a petition, filed in time, came when its time was over."""
    match petition.kind:
        case Kind.EXTENSION:
            return now > scene.deadline
        case Kind.DISPUTE:
            return _is_over(scene, scene.terms.dispute, now)
        case Kind.REVIEW:
            return _is_over(scene, scene.terms.review, now)
        case _:
            return False


def may_grant(petition: Petition, wanted: Wanted, scene: Scene) -> No | None:
    """Say why a petition cannot be granted as things stand."""
    found = _closed_to(petition.kind, petition.epoch, scene)
    if found is None and petition.kind is Kind.EXTENSION:
        return _may_extend(wanted.days or petition.days, scene, late=False)
    return found


def extended(calendar: Calendar, one: Assignment, days: int) -> PutOff:
    """Return the deadline that is `days` working days after the one that stands.

    Where that was counted in working days, both count as one: an official calendar that
    comes later moves them together.
    """
    clock, deadline = one.clock, one.deadline
    start = clock.counted_from or clock.assigned_at
    if clock.work_days:
        counted = after(calendar, start, Term(working_days=clock.work_days))
        if counted.at == deadline:
            return _counted(calendar, start, clock.work_days + days)
    return _counted(calendar, deadline, days)


def _counted(calendar: Calendar, start: datetime, days: int) -> PutOff:
    due = after(calendar, start, Term(working_days=days))
    return PutOff(due.at, None, start, days, due.provisional, calendar.version)


def exceeds(
    deadline: datetime, parent: datetime | None, buffer: timedelta, now: datetime
) -> datetime | None:
    """Return until when children must report, if `deadline` lies beyond; else None.

    `parent` is the deadline of who decides, None where it executes nothing itself: it
    keeps time to review what comes, as it did when it split.
    """
    if parent is None:
        return None
    latest = latest_for_children(parent, buffer, now)
    return latest if deadline > latest else None


def touches(acting: Code, petition: Petition) -> bool:
    """Whether a division may know of a petition: it, or one below it, asks."""
    return contains(acting, petition.key.division)


def is_author(author: str, concluded_by: str, reviewer: str) -> bool:
    """Whether a reviewer wrote the conclusion: the one that was contested, or one since."""
    return reviewer in {author, concluded_by}


def _closed_to(kind: Kind, epoch: int, scene: Scene) -> No | None:
    """Say why where things stand leaves no room for a kind of petition."""
    if kind is Kind.REVIEW:
        if scene.state not in OPEN[kind]:
            return No.NOT_OPEN
        return None if scene.item_state in REVIEWABLE else No.NOT_CONCLUDED
    if scene.item_state in ENDED:
        return No.ENDED
    if epoch and epoch != scene.epoch:
        return No.STALE_EPOCH
    return None if scene.state in OPEN[kind] else No.NOT_OPEN


def _is_over(scene: Scene, term: Term, now: datetime) -> bool:
    """Whether a term that began to run has ended; without a term there is no end."""
    return bool(term) and now > after(scene.calendar, scene.began_at, term).at


def _may_extend(days: int, scene: Scene, *, late: bool) -> No | None:
    """Say why no more days can be had."""
    if late:
        return No.TOO_LATE
    if scene.granted >= scene.terms.max_extensions:
        return No.USED_UP
    return None if 1 <= days <= scene.terms.max_extension_days else No.DAYS
