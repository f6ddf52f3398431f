"""What timers are made of. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum
from typing import NamedTuple
from uuid import UUID

from tier.calendar.model import Terms
from tier.jurisdiction import Code


class Step(IntEnum):
    """What is done when a moment comes; the numbers are those of the proto."""

    RECEIPT_NEAR = 1
    RECEIPT_OVERDUE = 2
    DEADLINE_NEAR = 3
    OVERDUE = 4
    URGE = 5
    ESCALATION = 6


REMINDERS = frozenset(
    {Step.RECEIPT_NEAR, Step.RECEIPT_OVERDUE, Step.DEADLINE_NEAR, Step.OVERDUE}
)
"""Raised where the executor acts; the other steps are taken where the assigner acts."""

OF_RECEIPT = frozenset({Step.RECEIPT_NEAR, Step.RECEIPT_OVERDUE})
"""They end with the receipt; the others with the report."""


class Timer(NamedTuple):
    """A step and its moment; timers are worked in this order."""

    at: datetime
    step: Step
    rung: int = 0
    """Which step of the ladder, from 1 on; 0 for other steps."""
    provisional: bool = False


@dataclass(frozen=True, slots=True)
class Window:
    """The moments that assignments of one group have in common."""

    assigned_at: datetime
    receive_by: datetime
    deadline: datetime


@dataclass(frozen=True, slots=True)
class Group:
    """Assignments of one item whose clocks run alike."""

    item_id: UUID
    assigner: Code
    digits: int
    """Length of the executors' codes."""
    window: Window


class Worked(NamedTuple):
    """The last timer that was worked to its end."""

    at: datetime
    step: int
    rung: int


@dataclass(frozen=True, slots=True)
class Clock:
    """When to look at a group again. It only wakes: the truth is the assignments."""

    clock_id: int
    group: Group
    armed_in: str
    """The transaction that armed it last: a look that began before settles nothing."""
    worked: Worked | None
    reached: str
    """The last division that the timer under work came to; empty at its begin."""


@dataclass(frozen=True, slots=True)
class Due:
    """A timer of a group, to be worked now."""

    clock: Clock
    timer: Timer
    superseded: bool


@dataclass(frozen=True, slots=True)
class Found:
    """A division that a due timer seems to concern."""

    due: Due
    division: Code


@dataclass(frozen=True, slots=True)
class Advance:
    """Where a clock stands after a look, and when it must be looked at again."""

    clock: Clock
    worked: Worked | None
    reached: str
    next_due: datetime | None
    """None where nothing is left to do."""


class Mark(NamedTuple):
    """A timer as it was raised for divisions whose clocks are of one generation."""

    item_id: UUID
    assigner: Code
    term: int
    timer: Timer
    superseded: bool


@dataclass(frozen=True, slots=True)
class Known:
    """What timers need of an item; it never changes."""

    title: str
    terms: Terms
    traceparent: str


@dataclass(frozen=True, slots=True)
class Told:
    """Something that was raised, for whom, of which item, and when."""

    mark: Mark
    divisions: Sequence[Code]
    known: Known
    now: datetime


class Place(NamedTuple):
    """What names an escalation in the order of its list."""

    raised_at: datetime
    item_id: UUID
    division: str
    term: int
    rung: int


@dataclass(frozen=True, slots=True)
class Escalation:
    """A step of the ladder that was taken for a division."""

    place: Place
    due_at: datetime
    overtaken: bool


@dataclass(frozen=True, slots=True)
class Running:
    """A clock that runs for somebody: how many executors it may still concern."""

    clock_id: int
    group: Group
    unreceived: int
    unreported: int


@dataclass(frozen=True, slots=True)
class Query:
    """What is sought; what is empty or None restricts nothing."""

    item_id: UUID | None
    within: str
    since: datetime | None = None
