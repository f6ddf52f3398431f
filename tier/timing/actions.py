"""What timers do: look what is due, and work it.

A look only reads, so that the one writing transaction of the node is short: it takes what
the look found, judges it again, raises it, tells it, and sets the clocks on.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from tier import calendar, inbox, ledger, rectification, urging
from tier.app import App
from tier.calendar import Calendar
from tier.runtime.db import Tx
from tier.timing import items, rules, store, telling
from tier.timing.model import (
    REMINDERS,
    Advance,
    Clock,
    Due,
    Found,
    Known,
    Step,
    Timer,
    Told,
)
from tier.timing.telling import Heard

CLOCKS = 250
"""Looked at in one go."""

ROWS = 250
"""Assignments raised in one transaction: a live call waits for some ten milliseconds."""


@dataclass(frozen=True, slots=True)
class Look:
    """What a look found: whom due timers concern, and where the clocks stand after it."""

    calendar_version: int
    items: Mapping[UUID, Known]
    found: Sequence[Found]
    advances: Sequence[Advance]


@dataclass(frozen=True, slots=True)
class Done:
    """What one transaction did: for how many something was raised, and what it took."""

    raised: int
    waited: float
    """Seconds until the one writing transaction was free."""
    seconds: float
    """In all."""


@dataclass(frozen=True, slots=True)
class Turn:
    """A clock with all its timers, and the one whose turn it is."""

    clock: Clock
    timers: Sequence[Timer]
    timer: Timer | None


async def look(app: App, now: datetime, known: dict[UUID, Known]) -> Look | None:
    """Return what is to be done now; None where nothing is due."""
    async with app.db.reading() as tx:
        clocks = await store.due(tx, now, CLOCKS)
        if not clocks:
            return None
        days = await calendar.current(tx)
        new = {clock.group.item_id for clock in clocks} - known.keys()
        if new:
            known |= await items.known(tx, new)
        turns = [_turn(app, clock, known, days) for clock in clocks]
        dues = [
            Due(
                one.clock,
                one.timer,
                rules.is_superseded(one.timer, one.clock.group.window, now),
            )
            for one in turns
            if one.timer is not None and one.timer.at <= now
        ]
        found = await store.concerned(tx, dues, ROWS) if dues else []
    advances = _advances(app, turns, found, now)
    ours = [one for one in found if _is_ours(app, one)]
    return Look(days.version, known, ours, advances)


def _turn(app: App, clock: Clock, known: Mapping[UUID, Known], days: Calendar) -> Turn:
    """Return whose turn it is; timers that concern nobody here are passed."""
    terms = known[clock.group.item_id].terms
    timers = rules.schedule(clock.group.window, terms, days)
    worked, timer = rules.turn(clock, timers, app.node)
    return Turn(replace(clock, worked=worked), timers, timer)


def _advances(
    app: App, turns: Sequence[Turn], found: Sequence[Found], now: datetime
) -> list[Advance]:
    """Return where clocks stand once what was found is raised.

    Where there was more than a look may find, the last timer found goes on from the
    division that was reached, and those behind it stay as they are.
    """
    full = len(found) >= ROWS
    advances = []
    for one in turns:
        clock, timer = one.clock, one.timer
        if timer is None or timer.at > now:
            due = None if timer is None else timer.at
            advances.append(Advance(clock, clock.worked, "", due))
        elif full and found[-1].due.clock is clock:
            reached = found[-1].division
            advances.append(Advance(clock, clock.worked, reached, timer.at))
            full = False
            break
        else:
            after = replace(clock, worked=rules.worked_to(timer))
            worked, following = rules.turn(after, one.timers, app.node)
            due = None if following is None else following.at
            advances.append(Advance(clock, worked, "", due))
    return advances


def _is_ours(app: App, found: Found) -> bool:
    """Whether a step is taken here: reminders where the executor acts."""
    is_reminder = found.due.timer.step in REMINDERS
    return not is_reminder or app.node.acts_for(found.division)


async def work(app: App, look: Look) -> Done:
    """Raise what a look found, and set its clocks on."""
    asked = time.monotonic()
    async with app.db.transaction() as tx:
        waited = time.monotonic() - asked
        now = app.now()
        marks = await store.raised(tx, look.found, now) if look.found else {}
        heard = [
            await _tell(app, tx, Told(mark, codes, look.items[mark.item_id], now))
            for mark, codes in marks.items()
        ]
        told = [notice for one in heard for notice in one.notices]
        await inbox.deliver(app, tx, told)
        await store.advance(tx, look.advances, look.calendar_version)
        entries = [entry for one in heard for entry in one.entries]
        await ledger.append(tx, app.feed, entries, now)
    return Done(sum(map(len, marks.values())), waited, time.monotonic() - asked)


async def _tell(app: App, tx: Tx, told: Told) -> Heard:
    """Return what is heard of what was raised."""
    mark = told.mark
    match mark.timer.step:
        case Step.ESCALATION:
            return telling.escalation(app, told)
        case Step.URGE:
            return Heard(
                await urging.by_rule(
                    app, tx, mark.item_id, mark.assigner, told.divisions, now=told.now
                )
            )
        case _:
            return telling.reminders(app, told)


async def remind_of_points(app: App) -> int:
    """Tell of points to rectify that are overdue; return how many facts that made."""
    async with app.db.transaction() as tx:
        now = app.now()
        entries = await rectification.remind(app, tx, now, ROWS)
        await ledger.append(tx, app.feed, entries, now)
    return len(entries)
