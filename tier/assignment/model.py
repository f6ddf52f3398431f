"""What assignments are made of. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import Enum, IntEnum, auto
from uuid import UUID

from tier.jurisdiction import Code


class ItemState(IntEnum):
    """Where an item stands; the numbers are those of the proto."""

    ISSUED = 1
    CONCLUDED = 2
    CLOSED = 3
    WITHDRAWN = 4


class State(IntEnum):
    """Where an assignment stands; the numbers are those of the proto."""

    ISSUED = 1
    RECEIVED = 2
    REPORTED = 3
    RETURNED = 4
    VERIFIED = 5
    CLOSED = 6
    WITHDRAWN = 7


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

    @property
    def ended(self) -> bool:
        """Whether nothing is left to do."""
        return self.state in {ItemState.CLOSED, ItemState.WITHDRAWN}


@dataclass(frozen=True, slots=True)
class Key:
    """What names an assignment."""

    item_id: UUID
    division: Code


@dataclass(frozen=True, slots=True)
class Assignment:
    """An assignment as a node holds it. Each fact sets fields of its own."""

    key: Key
    assigner: Code
    epoch: int
    receive_by: datetime
    deadline: datetime
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

    @property
    def state(self) -> State:
        """Read the state off the fields; the same order stands in the schema."""
        if self.withdrawn:
            return State.WITHDRAWN
        if self.closed:
            return State.CLOSED
        if self.verified_at is not None:
            return State.VERIFIED
        if self.reported_at is not None:
            return State.REPORTED
        if self.returned:
            return State.RETURNED
        return State.RECEIVED if self.received_at is not None else State.ISSUED

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
    title: str = ""


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


@dataclass(frozen=True, slots=True)
class Verified:
    """The report was accepted."""

    at: datetime


Change = Received | Reported | Returned | Verified


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
