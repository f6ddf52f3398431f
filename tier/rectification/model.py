"""What rectification talks about: points, and what happens to them. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import Enum, IntEnum, auto
from uuid import UUID

from tier.jurisdiction import Code


class State(IntEnum):
    """Where a point stands; the numbers are those of the proto."""

    OPEN = 1
    REPORTED = 2
    CLOSED = 3
    WITHDRAWN = 4


@dataclass(frozen=True, slots=True)
class Point:
    """A point of a rectification list as a node holds it. Each fact sets fields of its own."""

    point_id: UUID
    item_id: UUID
    division: Code
    opener: Code
    problem: str
    requirement: str
    opened_at: datetime
    deadline: datetime
    provisional: bool = False
    round: int = 1
    return_reason: str = ""
    reported_round: int = 0
    reported_at: datetime | None = None
    report: bytes = b""
    closed_at: datetime | None = None
    note: str = ""
    withdrawn: bool = False

    @property
    def state(self) -> State:
        """Read the state off the fields; the same order stands in the schema."""
        if self.closed_at is not None:
            return State.CLOSED
        if self.withdrawn:
            return State.WITHDRAWN
        return State.REPORTED if self.reported_round >= self.round else State.OPEN

    @property
    def stands(self) -> bool:
        """Whether it holds the closing of its item."""
        return self.closed_at is None and not self.withdrawn

    @property
    def late(self) -> bool:
        """Whether it was reported after its deadline, in this round."""
        if self.reported_at is None or self.reported_round < self.round:
            return False
        return self.reported_at > self.deadline

    def overdue(self, now: datetime) -> bool:
        """Whether a report is missing, past the deadline."""
        return self.state is State.OPEN and now > self.deadline


@dataclass(frozen=True, slots=True)
class Reported:
    """An executor said what was done in a round."""

    round: int
    at: datetime
    report: bytes


@dataclass(frozen=True, slots=True)
class Returned:
    """The report was sent back; a new round begins. Without a deadline the old one stands."""

    round: int
    reason: str
    deadline: datetime | None = None
    provisional: bool = False


@dataclass(frozen=True, slots=True)
class Closed:
    """Who opened the point is content."""

    at: datetime
    note: str


Change = Reported | Returned | Closed


@dataclass(frozen=True, slots=True)
class Overdue:
    """A point whose deadline passed without a report, and in which round."""

    point_id: UUID
    item_id: UUID
    division: Code
    opener: Code
    round: int
    deadline: datetime


@dataclass(frozen=True, slots=True)
class Query:
    """Which points are sought; what is empty or None restricts nothing."""

    item_id: UUID | None = None
    within: str = ""
    states: tuple[int, ...] = ()
    overdue_at: datetime | None = None


class No(Enum):
    """Why a move is not allowed."""

    NOT_YOURS = auto()
    STATE = auto()
    STALE_ROUND = auto()
