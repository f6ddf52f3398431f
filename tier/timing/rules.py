"""When steps are due, and whom they concern. Pure: the clock is an argument.

A timer is worked once for an assignment and a generation of its clock; that is kept by
the key of what was raised, not here.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from tier.calendar.model import Calendar, Terms
from tier.calendar.rules import after
from tier.jurisdiction import LEVELS, Code, ancestors
from tier.node import Node
from tier.timing.model import (
    OF_RECEIPT,
    REMINDERS,
    Clock,
    Step,
    Timer,
    Window,
    Worked,
)

PERCENT = 100
MOST_RUNGS, MOST_DAYS, MOST_HOURS = 9, 250, 2400
"""As the constraints of `ducha.calendar.v1` say."""


def schedule(window: Window, terms: Terms, calendar: Calendar) -> list[Timer]:
    """Return all timers of assignments with these moments, in the order of their work."""
    receipt = window.receive_by - window.assigned_at
    work = window.deadline - window.assigned_at
    timers = [
        Timer(_part(window, receipt, terms.receipt_near_percent), Step.RECEIPT_NEAR),
        Timer(window.receive_by, Step.RECEIPT_OVERDUE),
        Timer(_part(window, work, terms.near_percent), Step.DEADLINE_NEAR),
        Timer(window.deadline, Step.OVERDUE),
        *_ladder(window.deadline, terms, calendar),
    ]
    if terms.urge_overdue:
        timers.append(Timer(window.deadline, Step.URGE))
    return sorted(timers)


def is_sound(terms: Terms) -> bool:
    """Whether terms are such as the keeper may publish.

    They came in an item, over links: what others made of them must not hold up a node.
    """
    ladder = terms.ladder
    percents = (terms.receipt_near_percent, terms.near_percent)
    return (
        len(ladder) <= MOST_RUNGS
        and all(0 < percent < PERCENT for percent in percents)
        and all(ladder)
        and all(term.working_days <= MOST_DAYS for term in ladder)
        and all(term.hours <= MOST_HOURS for term in ladder)
    )


def _part(window: Window, whole: timedelta, percent: int) -> datetime:
    """Return when so many percent of a stretch that begins with the assignment are over."""
    return window.assigned_at + max(whole, timedelta()) * percent / PERCENT


def _ladder(deadline: datetime, terms: Terms, calendar: Calendar) -> Iterator[Timer]:
    """Yield the steps of the ladder; none comes before the one below it.

    A moment beyond what calendars hold never comes.
    """
    at = deadline
    for rung, term in enumerate(terms.ladder, 1):
        try:
            due = after(calendar, deadline, term)
        except OverflowError:
            return
        at = max(at, due.at)
        yield Timer(at, Step.ESCALATION, rung, due.provisional)


def left(timers: Sequence[Timer], worked: Worked | None) -> list[Timer]:
    """Return the timers that come after the last one worked."""
    if worked is None:
        return list(timers)
    return [timer for timer in timers if worked_to(timer) > worked]


def worked_to(timer: Timer) -> Worked:
    """Return where a clock stands once a timer is worked."""
    return Worked(timer.at, timer.step, timer.rung)


def turn(
    clock: Clock, timers: Sequence[Timer], node: Node
) -> tuple[Worked | None, Timer | None]:
    """Return the next timer of a clock that may concern somebody here, and what it passes.

    None where nothing is left for this node.
    """
    worked = clock.worked
    for timer in left(timers, clock.worked):
        if may_concern(clock, timer.step, node):
            return worked, timer
        worked = worked_to(timer)
    return worked, None


def may_concern(clock: Clock, step: Step, node: Node) -> bool:
    """Whether a step of a group may be this node's: its executors', or its assigner's."""
    if step not in REMINDERS:
        return node.acts_for(clock.group.assigner)
    level = LEVELS[clock.group.digits]
    return level == node.level or (level > node.level and not node.children)


def upcoming(
    timers: Sequence[Timer], now: datetime, *, unreceived: int
) -> Timer | None:
    """Return the next timer after now that concerns somebody who did not report."""
    for timer in timers:
        if timer.at > now and (unreceived or timer.step not in OF_RECEIPT):
            return timer
    return None


def is_superseded(timer: Timer, window: Window, now: datetime) -> bool:
    """Whether nobody needs to hear of it: what it announces has come already."""
    match timer.step:
        case Step.RECEIPT_NEAR:
            return now >= window.receive_by
        case Step.DEADLINE_NEAR:
            return now >= window.deadline
        case _:
            return False


def notified(division: Code, rung: int) -> Code:
    """Return to whom a division's lateness is escalated: so many tiers up, or the province."""
    above = list(ancestors(division))
    return above[min(rung, len(above)) - 1] if above else division
