"""What petitions are made of. Pure."""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import datetime
from enum import Enum, IntEnum, auto
from uuid import UUID

from tier.assignment.model import ItemState, Key
from tier.assignment.model import State as Standing
from tier.calendar.model import Calendar, Terms
from tier.jurisdiction import Code


class Kind(IntEnum):
    """What is asked; the numbers are those of the proto."""

    EXTENSION = 1
    SUSPENSION = 2
    RESUMPTION = 3
    DISPUTE = 4
    REVIEW = 5


class State(IntEnum):
    """Where a petition stands; the numbers are those of the proto."""

    PENDING = 1
    GRANTED = 2
    REFUSED = 3
    WITHDRAWN = 4


class Outcome(IntEnum):
    """What was decided; the numbers are those of the proto."""

    GRANTED = 1
    REFUSED = 2


@dataclass(frozen=True, slots=True)
class Evidence:
    """What supports a petition, and the digest of the file that shows it."""

    text: str
    sha256: str = ""


@dataclass(frozen=True, slots=True)
class Draft:
    """One thing that is asked of one assignment."""

    key: Key
    kind: Kind
    reason: str
    days: int = 0
    evidence: tuple[Evidence, ...] = ()
    transfer_to: str = ""
    epoch: int = 0


@dataclass(frozen=True, slots=True)
class Decision:
    """What was decided, by a person, or by the rule that `rule` names."""

    outcome: Outcome
    reason: str
    at: datetime
    actor: str
    principal: str = ""
    days: int = 0
    deadline: datetime | None = None
    provisional: bool = False
    transfer_to: str = ""
    rule: str = ""


@dataclass(frozen=True, slots=True)
class Petition:
    """A petition as a node holds it. Each fact sets fields of its own.

    `began_at` is when its term began to run: when what it is about had come to the one who
    asks. `author` wrote the conclusion that is to be reviewed. `recorded_at` is the node's
    own; all else is the same at every tier once the facts are there.
    """

    petition_id: UUID
    key: Key
    kind: Kind
    decider: Code
    reason: str
    evidence: tuple[Evidence, ...]
    days: int
    transfer_to: str
    epoch: int
    deadline: datetime
    began_at: datetime
    filed_at: datetime
    recorded_at: datetime
    actor: str
    principal: str
    author: str
    late_arrival: bool = False
    withdrawn_at: datetime | None = None
    decision: Decision | None = None

    @property
    def state(self) -> State:
        """Read the state off the fields; the same order stands in the schema.

        A decision that crossed a withdrawal took effect: it stands.
        """
        if self.decision is not None:
            return State(self.decision.outcome + 1)
        return State.PENDING if self.withdrawn_at is None else State.WITHDRAWN


@dataclass(frozen=True, slots=True)
class Wanted:
    """What somebody wants to decide about one petition."""

    petition_id: UUID
    outcome: Outcome
    reason: str
    days: int = 0
    transfer_to: str = ""


@dataclass(frozen=True, slots=True)
class Scene:
    """What stands around a petition where it is judged.

    `began_at` is from when the term of a dispute or review runs; `granted` counts the
    extensions of the assignment, `pending` are the kinds that wait already.
    """

    item_state: ItemState
    state: Standing
    epoch: int
    deadline: datetime
    terms: Terms
    calendar: Calendar
    began_at: datetime
    granted: int = 0
    pending: AbstractSet[Kind] = frozenset()


class No(Enum):
    """Why something may not be asked, or not be granted."""

    ENDED = auto()
    STALE_EPOCH = auto()
    NOT_OPEN = auto()
    PENDING = auto()
    TOO_LATE = auto()
    DAYS = auto()
    USED_UP = auto()
    UNEVIDENCED = auto()
    DISPUTE_OVER = auto()
    NOT_CONCLUDED = auto()
    REVIEW_OVER = auto()
