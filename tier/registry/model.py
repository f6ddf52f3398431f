"""What the registry talks about: sheets, answers, needs, requests, totals. Pure.

A *cell* is an element, a division and a period. A *sheet* is all cells of one division and
period. Elements stand as their catalogue numbers, values as exact scaled integers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import IntEnum
from typing import NamedTuple
from uuid import UUID

from tier.catalogue.model import PeriodType
from tier.jurisdiction import Code


class Flag:
    """What is known of a value beside itself; kept in facts and tables.

    Plain numbers: an `IntFlag` costs twenty times as much to test, and millions are.
    """

    LATE = 1
    OUTLIER = 2
    UNCHANGED = 4
    CONTESTED = 8
    TEXT = 128


STAGE = 16
"""A stage of approval stands in the flags times this; it never reaches TEXT."""
STAGES = 7 * STAGE


class Outcome(IntEnum):
    """What the gate decided for a cell; the numbers are those of the proto."""

    SERVED = 1
    JOINED = 2
    CONFIRM = 3
    COLLECT = 4


class RequestState(IntEnum):
    """Where a data request stands; the numbers are those of the proto."""

    OPEN = 1
    COMPLETE = 2
    WITHDRAWN = 3


class ConflictState(IntEnum):
    """Where a conflict stands; the numbers are those of the proto."""

    OPEN = 1
    STANDING_KEPT = 2
    RIVAL_TAKEN = 3


@dataclass(frozen=True, slots=True)
class Period:
    """A stretch of time that values stand for, from `start` to the day before `end`."""

    text: str
    type: PeriodType
    start: date
    end: date


class Key(NamedTuple):
    """What names a sheet."""

    division: Code
    period: str


@dataclass(slots=True)
class Sheet:
    """All that is asked and held of one division for one period.

    `numbers`, `given` and `flags` run along `elements`; `observed` along `answers`. A sheet
    is never changed in place: rules return a new one. (Not frozen: thousands are made a
    second, and freezing triples their price.)
    """

    key: Key
    start: date
    asked: Sequence[int] = ()
    deadline: datetime | None = None
    elements: Sequence[int] = ()
    numbers: Sequence[int] = ()
    given: Sequence[int] = ()
    flags: Sequence[int] = ()
    answers: Sequence[UUID] = ()
    observed: Sequence[datetime] = ()
    texts: Sequence[str] = ()

    @property
    def revision(self) -> int:
        """Return how many answers it has."""
        return len(self.answers)


@dataclass(slots=True)
class Answer:
    """Values of one division and period, given in one act; the fact says the rest."""

    fact_id: UUID
    key: Key
    elements: Sequence[int]
    numbers: Sequence[int]
    flags: Sequence[int]
    texts: Sequence[str]
    observed_at: datetime
    prefilled: int = 0
    conflict_ids: Sequence[UUID] = ()
    conflict_due: datetime | None = None
    revision: int = 0
    """Its place among the answers of its sheet, at home; 0 where that does not matter."""


@dataclass(frozen=True, slots=True)
class Need:
    """What one request waits for at one division."""

    request_id: UUID
    key: Key
    created_at: datetime
    deadline: datetime
    waiting: Sequence[int]
    confirmed: int = 0
    prefilled: int = 0


@dataclass(frozen=True, slots=True)
class Split:
    """What the gate decided for the cells of one division: elements by outcome."""

    served: tuple[int, ...] = ()
    joined: tuple[int, ...] = ()
    confirm: tuple[int, ...] = ()
    collect: tuple[int, ...] = ()

    @property
    def waiting(self) -> tuple[int, ...]:
        """Return what is not there yet, ascending."""
        return tuple(sorted((*self.joined, *self.confirm, *self.collect)))

    @property
    def by_outcome(self) -> Mapping[Outcome, tuple[int, ...]]:
        """Return the elements of each outcome."""
        return {
            Outcome.SERVED: self.served,
            Outcome.JOINED: self.joined,
            Outcome.CONFIRM: self.confirm,
            Outcome.COLLECT: self.collect,
        }


@dataclass(frozen=True, slots=True)
class Request:
    """A data request as a node holds it; `body` is the `DataRequest` message as made."""

    request_id: UUID
    requester: Code
    item_id: UUID | None
    period: Period
    created_at: datetime
    deadline: datetime
    traceparent: str
    body: bytes


@dataclass(frozen=True, slots=True)
class Counted:
    """A request with the fold of its needs."""

    request: Request
    outcomes: Mapping[Outcome, int]
    waiting: int
    withdrawn: bool
    completed_at: datetime | None

    @property
    def state(self) -> RequestState:
        """Read the state off the fields."""
        if self.withdrawn:
            return RequestState.WITHDRAWN
        return RequestState.OPEN if self.waiting else RequestState.COMPLETE


@dataclass(slots=True)
class Sum:
    """The fold of one element over the sheets of an area; of a change, what it adds.

    `observed` is in seconds since 1970. A smallest or largest that was corrected is
    unknown (None though something was received) from then on, and read off the sheets.
    """

    expected: int = 0
    received: int = 0
    on_time: int = 0
    total: int = 0
    observed: int = 0
    smallest: int | None = None
    largest: int | None = None


@dataclass(slots=True)
class Change(Sum):
    """What changes of sheets add to a sum, and the extremes of what they took away."""

    gone_smallest: int | None = None
    gone_largest: int | None = None


@dataclass(frozen=True, slots=True)
class Conflict:
    """A value that two branches changed without knowing of each other."""

    conflict_id: UUID
    key: Key
    element: int
    standing: UUID
    rival: UUID
    opened_at: datetime
    due: datetime
    state: ConflictState = ConflictState.OPEN
    resolver: str = ""
    reason: str = ""
