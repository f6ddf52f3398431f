"""A changed clock, written and told; and what it means for those below.

Who was split from must report before who split them reports, with time left to review.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID, uuid5

from google.protobuf.duration_pb2 import Duration

from ducha.assignment.v1 import assignment_facts_pb2 as facts
from ducha.assignment.v1 import assignment_pb2 as pb
from tier import division, inbox, ledger, routes
from tier.app import App
from tier.assignment import clock_store, folding, rules, store, wire
from tier.assignment.model import (
    Assignment,
    Cause,
    Clocking,
    Key,
    Light,
    Moved,
    Resumed,
    Suspended,
)
from tier.assignment.telling import tell_clocks
from tier.inbox import Kind, Notice
from tier.jurisdiction import Code
from tier.ledger import Author, Entry
from tier.runtime import moments
from tier.runtime.db import Tx

BROUGHT_FORWARD = (
    "上级时限变动，下级时限随之提前。The deadline above moved; this comes before it."
)

Moving = Sequence[tuple[Assignment, Clocking]]
"""Assignments as they stood, each with the change of its clock."""


@dataclass(frozen=True, slots=True)
class Acting:
    """Who changes clocks: the author of the facts, and the division that acts."""

    author: Author
    division: Code


async def settle(
    app: App, tx: Tx, item_id: UUID, moving: Moving, acting: Acting
) -> list[Entry]:
    """Write changed clocks and tell whom it concerns; return the facts to append."""
    if not moving:
        return []
    await write(tx, moving)
    entries: list[Entry] = []
    for alike in _alike(moving):
        told = _facts(app, item_id, alike, acting)
        await tell_clocks(app, tx, alike, told[-1].fact_id)
        entries += told
    return entries + await recheck(app, tx, [one.key for one, _ in moving])


async def write(tx: Tx, moving: Moving) -> None:
    """Write what changes make of clocks, and keep what became of deadlines."""
    changed = {one.key: folding.fold_clock(one, change) for one, change in moving}
    await clock_store.write(tx, changed)
    await clock_store.note_moves(
        tx,
        [
            (one, change)
            for one, change in moving
            if not isinstance(change, Suspended) and changed[one.key] is not one
        ],
    )


def _alike(moving: Moving) -> list[list[tuple[Assignment, Clocking]]]:
    """Group changes that read the same but for their terms: one fact each."""
    groups: dict[Clocking, list[tuple[Assignment, Clocking]]] = {}
    for one, change in moving:
        groups.setdefault(replace(change, term=0), []).append((one, change))
    return list(groups.values())


def _facts(app: App, item_id: UUID, alike: Moving, acting: Acting) -> list[Entry]:
    """Make the facts of changes that read the same: one for each branch, and up."""
    terms = {one.key.division: change.term for one, change in alike}
    entries = []
    for onward, codes in routes.both_ways(app.node, list(terms)):
        payload = _fact_of(item_id, alike[0][1])
        payload.divisions.CopyFrom(division.set_to(codes))
        payload.terms.extend(
            wire.epochs_in_order(codes, [terms[code] for code in codes])
        )
        entries.append(
            ledger.record(
                acting.author,
                payload,
                division=acting.division,
                subject=str(item_id),
                onward=onward,
            )
        )
    return entries


def _fact_of(
    item_id: UUID, change: Clocking
) -> facts.DeadlinesMoved | facts.AssignmentsSuspended | facts.AssignmentsResumed:
    """Return the fact of a change, still without divisions and terms."""
    match change:
        case Suspended(_, at, reason):
            return facts.AssignmentsSuspended(
                item_id=str(item_id), suspend_time=moments.stamp(at), reason=reason
            )
        case Resumed(_, receive_by, deadline, stopped, at, reason):
            given_back = Duration()
            given_back.FromTimedelta(stopped)
            return facts.AssignmentsResumed(
                item_id=str(item_id),
                resume_time=moments.stamp(at),
                receive_by_time=moments.stamp(receive_by),
                deadline_time=moments.stamp(deadline),
                stopped=given_back,
                reason=reason,
            )
        case Moved():
            return facts.DeadlinesMoved(
                item_id=str(item_id),
                receive_by_time=moments.stamp(change.receive_by),
                deadline_time=moments.stamp(change.deadline),
                cause=pb.Cause.ValueType(change.cause),
                reason=change.reason,
                move_time=moments.stamp(change.at),
                counted_from_time=moments.stamp(change.counted_from),
                work_days=change.work_days,
                provisional=change.provisional,
                calendar_version=change.calendar_version,
            )


async def recheck(app: App, tx: Tx, parents: Sequence[Key]) -> list[Entry]:
    """Look again at what was split from assignments whose clocks moved, where they act.

    Children that still leave time to review keep their deadlines; those that would come too
    late are moved before it. Either way the parent is told how much room there is.
    """
    here = [key for key in parents if app.node.acts_for(key.division)]
    entries: list[Entry] = []
    for loaded in (await store.load(tx, here)).values():
        parent = loaded.assignment
        stands = parent.clock.suspended_at is None and not loaded.item_ended
        if parent.split and stands:
            entries += await _recheck(app, tx, parent)
    return entries


async def _recheck(app: App, tx: Tx, parent: Assignment) -> list[Entry]:
    """Look at the open children of one assignment."""
    key, now = parent.key, app.now()
    codes = await clock_store.children(tx, key.item_id, key.division)
    below = await store.load(tx, [Key(key.item_id, code) for code in codes])
    if not below:
        return []
    latest = rules.latest_for_children(parent.deadline, app.review_buffer, now)
    beyond = [
        one.assignment for one in below.values() if one.assignment.deadline > latest
    ]
    moving = [(one, _brought_forward(one, latest, now)) for one in beyond]
    acting = Acting(Author.at(now, app.node.name, app.node.name), key.division)
    entries = await settle(app, tx, key.item_id, moving, acting)
    await _tell_parent(app, tx, parent, (latest, len(below), len(beyond)))
    return entries


def _brought_forward(one: Assignment, latest: datetime, now: datetime) -> Moved:
    return Moved(
        one.clock.term + 1,
        min(one.receive_by, latest),
        latest,
        Cause.CALENDAR,
        BROUGHT_FORWARD,
        now,
    )


async def _tell_parent(
    app: App, tx: Tx, parent: Assignment, found: tuple[datetime, int, int]
) -> None:
    """Tell who split how much room its children have now."""
    latest, still_open, brought_forward = found
    key, term = parent.key, parent.clock.term
    details = {
        "deadline": parent.deadline.isoformat(),
        "latest": latest.isoformat(),
        "open_children": str(still_open),
        "moved_children": str(brought_forward),
    }
    light = Light.YELLOW if brought_forward else Light.GREEN
    # One a term, whichever fact brought it.
    source = uuid5(key.item_id, f"{key.division}/{term}")
    notice = Notice(
        key.division,
        Kind.CHILDREN_RECHECKED,
        key.item_id,
        app.now(),
        light,
        source,
        details,
    )
    await inbox.deliver(app, tx, [notice])
