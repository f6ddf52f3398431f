"""When the official calendar of a year arrives: moments that rested on it are counted again.

Each node counts for the assignments that its own divisions made; what moves is told like any
move of a clock, with the version of the calendar that moved it. What does not move is told
too, for it is provisional no longer.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from collections.abc import Set as AbstractSet
from datetime import datetime
from itertools import groupby
from uuid import UUID

from tier import calendar, ledger
from tier.app import App
from tier.assignment import clock_store, store
from tier.assignment.actions.clocking import Acting, recheck, settle
from tier.assignment.model import Assignment, Cause, Key, Loaded, Moved
from tier.assignment.moves import WORKABLE
from tier.calendar import Calendar, Term
from tier.jurisdiction import Code
from tier.ledger import Author

ABOUT = (
    "ducha.calendar.v1.CalendarPublished",
    # Work that was done when the calendar came, and goes on.
    "ducha.assignment.v1.AssignmentsReturned",
    "ducha.assignment.v1.ItemReopened",
)
AT_ONCE = 500
REST_SECONDS = 0.05
"""Between two transactions: live calls go first."""

REASON = "正式工作日历公布，时限重新计算。The official calendar came; counted again."


async def recount(app: App, _: AbstractSet[str] | None = None) -> int:
    """Count provisional moments again that this node's divisions gave; return how many changed."""
    async with app.db.reading() as tx:
        keys = await clock_store.provisional(tx)
    changed = 0
    for start in range(0, len(keys), AT_ONCE):
        changed += await _recount(app, keys[start : start + AT_ONCE])
        await asyncio.sleep(REST_SECONDS)
    return changed


async def _recount(app: App, keys: Sequence[Key]) -> int:
    """Count some of them again, as they stand now."""
    entries: list[ledger.Entry] = []
    changed = 0
    async with app.db.transaction() as tx:
        days = await calendar.current(tx)
        loaded = await store.load(tx, keys)
        ours = [
            one.assignment for one in loaded.values() if _is_open_and_ours(app, one)
        ]
        for (item_id, assigner), moving in _moving(ours, days, app.now()):
            author = Author.at(app.now(), app.node.name, app.node.name)
            entries += await settle(app, tx, item_id, moving, Acting(author, assigner))
            # Counted again, they may come too late for the one that split to them.
            entries += await recheck(app, tx, [Key(item_id, assigner)])
            changed += len(moving)
        await ledger.append(tx, app.feed, entries, app.now())
    return changed


def _is_open_and_ours(app: App, one: Loaded) -> bool:
    """Whether an assignment is to be met, is provisional, and was made by who acts here."""
    assignment = one.assignment
    return (
        not one.item_ended
        and assignment.clock.provisional
        and assignment.state in WORKABLE
        and app.node.acts_for(assignment.assigner)
    )


def _moving(
    ours: Sequence[Assignment], days: Calendar, now: datetime
) -> Iterator[tuple[tuple[UUID, Code], list[tuple[Assignment, Moved]]]]:
    """Group assignments by item and assigner, each with what the calendar makes of it."""

    def whose(one: Assignment) -> tuple[UUID, Code]:
        return one.key.item_id, one.assigner

    for group, members in groupby(sorted(ours, key=whose), key=whose):
        found = [(one, counted_again(one, days, now)) for one in members]
        moving = [(one, change) for one, change in found if change is not None]
        if moving:
            yield group, moving


def counted_again(one: Assignment, days: Calendar, now: datetime) -> Moved | None:
    """Return the move that the calendar of today makes of a clock; None where it is as it was."""
    clock = one.clock
    deadline, provisional = one.deadline, False
    if clock.work_days:
        start = clock.counted_from or clock.assigned_at
        due = calendar.after(days, start, Term(working_days=clock.work_days))
        deadline, provisional = due.at, due.provisional
    receive_by = one.receive_by
    if clock.receive_days and one.received_at is None:
        term = Term(working_days=clock.receive_days)
        due = calendar.after(days, clock.assigned_at, term)
        receive_by, provisional = due.at, provisional or due.provisional
    receive_by = min(receive_by, deadline)
    if (receive_by, deadline, provisional) == (one.receive_by, one.deadline, True):
        return None
    return Moved(
        clock.term + 1,
        receive_by,
        deadline,
        Cause.CALENDAR,
        REASON,
        now,
        clock.counted_from,
        clock.work_days,
        provisional,
        days.version,
    )
