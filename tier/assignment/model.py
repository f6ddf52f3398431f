"""What assignments are made of. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum, IntEnum, auto
from uuid import UUID

from tier.jurisdiction import Code


class ItemState(IntEnum):
    """Where an item stands; the numbers are those of the proto."""

    ISSUED = 1
    CONCLUDED = 2
    CLOSED = 3
    WITHDRAWN = 4
    ARCHIVED = 5


class State(IntEnum):
    """Where an assignment stands; the numbers are those of the proto."""

    ISSUED = 1
    RECEIVED = 2
    REPORTED = 3
    RETURNED = 4
    VERIFIED = 5
    CLOSED = 6
    WITHDRAWN = 7
    SUSPENDED = 8


class Light(IntEnum):
    """How an assignment stands against its deadline; the numbers are those of the proto."""

    GREEN = 1
    YELLOW = 2
    RED = 3


class Part(IntEnum):
    """What a division does in an item; the numbers are those of the proto."""

    EXECUTES = 0
    LEADS = 1
    ASSISTS = 2


class Cause(IntEnum):
    """Why a clock moved, or an item goes on again; the numbers are those of the proto."""

    EXTENSION = 1
    RESUMPTION = 2
    CALENDAR = 3
    REVIEW = 4
    ISSUER = 5


class Mode(IntEnum):
    """How an item reaches its targets."""

    DIRECT = 1
    CASCADE = 2


class ClosingKind(IntEnum):
    """What must be verified before an item closes."""

    ALL = 1
    QUORUM = 2
    LEAD = 3


@dataclass(frozen=True, slots=True)
class ClosingRule:
    """When an item may close."""

    kind: ClosingKind
    quorum_percent: int
    lead_division: Code


@dataclass(frozen=True, slots=True)
class Item:
    """An item as a node holds it; `body` is the `Item` message as issued."""

    item_id: UUID
    issuer: Code
    state: ItemState
    mode: Mode
    closing: ClosingRule
    receive_by: datetime
    deadline: datetime
    issued_at: datetime
    traceparent: str
    body: bytes
    reports_itself: bool = False
    source_type: int = 0
    urgency: int = 0
    organiser: str = ""
    """Name of the lead unit, which answers for the item."""
    concluded_at: datetime | None = None
    concluded_by: str = ""
    """Who wrote the conclusion that stands: a principal, or an actor where there are no walls."""
    reopened: int = 0
    rectifications: int = 0
    """Points to rectify that are open; like `reviews`, counted where the issuer acts."""
    reviews: int = 0

    @property
    def ended(self) -> bool:
        """Whether nothing is left to do."""
        return self.state in ENDED


ENDED = frozenset({ItemState.CLOSED, ItemState.WITHDRAWN, ItemState.ARCHIVED})


@dataclass(frozen=True, slots=True)
class Key:
    """What names an assignment."""

    item_id: UUID
    division: Code


@dataclass(frozen=True, slots=True)
class Clock:
    """What an assignment's moments were counted from."""

    assigned_at: datetime
    original_deadline: datetime
    term: int = 1
    """Raised by each change that the assigner makes to the clock."""
    suspended_at: datetime | None = None
    stopped: timedelta = timedelta()
    """Of all suspensions that ended."""
    extensions: int = 0
    counted_from: datetime | None = None
    """The moment that `work_days` were counted from; None for the assignment itself."""
    work_days: int = 0
    """Working days of the deadline; 0 where it was given as a moment."""
    receive_days: int = 0
    provisional: bool = False


@dataclass(frozen=True, slots=True)
class Given:
    """What an assigner gives to all that it assigns at once."""

    assigner: Code
    assigned_at: datetime
    receive_by: datetime
    deadline: datetime
    work_days: int = 0
    receive_days: int = 0
    provisional: bool = False


@dataclass(frozen=True, slots=True)
class Assignment:
    """An assignment as a node holds it. Each fact sets fields of its own."""

    key: Key
    assigner: Code
    epoch: int
    receive_by: datetime
    deadline: datetime
    clock: Clock
    received_at: datetime | None = None
    reported_at: datetime | None = None
    verified_at: datetime | None = None
    returned: bool = False
    return_reason: str = ""
    closed: bool = False
    withdrawn: bool = False
    split: bool = False
    problems: int = 0
    report_fact: UUID | None = None
    instructions: str = ""
    transferred_to: str = ""

    @property
    def state(self) -> State:
        """Read the state off the fields; the same order stands in the schema."""
        marks = (
            (self.withdrawn, State.WITHDRAWN),
            (self.closed, State.CLOSED),
            (self.verified_at, State.VERIFIED),
            (self.reported_at, State.REPORTED),
            (self.clock.suspended_at, State.SUSPENDED),
            (self.returned, State.RETURNED),
            (self.received_at, State.RECEIVED),
            (True, State.ISSUED),
        )
        return next(state for mark, state in marks if mark)

    @property
    def late(self) -> bool:
        """Whether it was reported after its deadline."""
        return self.reported_at is not None and self.reported_at > self.deadline


@dataclass(frozen=True, slots=True)
class Loaded:
    """An assignment with what a decision about it needs."""

    assignment: Assignment
    item_ended: bool
    open_children: int
    traceparent: str
    above_open: bool = True
    """Whether nothing stands on top of its report yet: no conclusion, no report of the one
    who split."""


@dataclass(frozen=True, slots=True)
class Received:
    """Receipt was confirmed."""

    at: datetime


@dataclass(frozen=True, slots=True)
class Reported:
    """A report came, done under an epoch; the fact holds what it says."""

    at: datetime
    epoch: int
    problems: int
    fact_id: UUID


@dataclass(frozen=True, slots=True)
class Returned:
    """The report was sent back; a new epoch begins."""

    epoch: int
    reason: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Verified:
    """The report of an epoch was accepted; 0 in facts from before epochs were told."""

    at: datetime
    epoch: int = 0


@dataclass(frozen=True, slots=True)
class Moved:
    """The clock was moved; the fields are those of `Clock`."""

    term: int
    receive_by: datetime
    deadline: datetime
    cause: Cause
    reason: str
    at: datetime
    counted_from: datetime | None = None
    work_days: int = 0
    provisional: bool = False
    calendar_version: int = 0


@dataclass(frozen=True, slots=True)
class PutOff:
    """Where an assigner moves a deadline, and what it was counted from."""

    deadline: datetime
    receive_by: datetime | None = None
    """None leaves the receipt as it is."""
    counted_from: datetime | None = None
    work_days: int = 0
    provisional: bool = False
    calendar_version: int = 0


@dataclass(frozen=True, slots=True)
class Suspended:
    """The clock was stopped."""

    term: int
    at: datetime
    reason: str


@dataclass(frozen=True, slots=True)
class Resumed:
    """The clock runs again: it stood for `stopped`, which is given back."""

    term: int
    receive_by: datetime
    deadline: datetime
    stopped: timedelta
    at: datetime
    reason: str


Clocking = Moved | Suspended | Resumed
"""Changes of the clock: rare, and written apart from the hot ones."""

Change = Received | Reported | Returned | Verified | Clocking


class Fenced(Enum):
    """What `fold` says of work done under an epoch that had passed."""

    STALE = auto()


class No(Enum):
    """Why a move is not allowed."""

    ENDED = auto()
    STALE_EPOCH = auto()
    STATE = auto()
    CHILDREN_OPEN = auto()
    NOT_ASSIGNER = auto()
    NOT_CASCADE = auto()


@dataclass(frozen=True, slots=True)
class Draft:
    """What is asked to be issued, as far as the rules look at it."""

    issuer: Code
    mode: Mode
    urgent: bool
    justification: str
    skip_level_reason: str
    receive_by: datetime
    deadline: datetime
    closing: ClosingRule


class Flaw(Enum):
    """Why an item may not be issued."""

    LEVEL_MAY_NOT_ISSUE = auto()
    URGENCY_UNJUSTIFIED = auto()
    RECEIVE_BY_PAST = auto()
    RECEIVE_BY_AFTER_DEADLINE = auto()
    NO_TARGETS = auto()
    TARGET_OUTSIDE = auto()
    TARGET_LEVEL = auto()
    CASCADE_NEXT_TIER = auto()
    SKIP_LEVEL = auto()
    QUORUM = auto()
    LEAD_NO_TARGET = auto()


@dataclass(frozen=True, slots=True)
class Fenceable:
    """Work that came under a passed epoch, to be kept aside."""

    key: Key
    epoch: int
    current_epoch: int
    fact_id: UUID
    fact: bytes
