"""What the ledger says of an item, and how it is told. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import IntEnum

from tier.jurisdiction import Code


class Direction(IntEnum):
    """Where an event came from; the numbers are those of the proto."""

    HERE = 1
    FROM_ABOVE = 2
    FROM_BELOW = 3


class Light(IntEnum):
    """How an assignment stands against its deadline; the numbers are those of the proto."""

    NONE = 0
    GREEN = 1
    YELLOW = 2
    RED = 3


class Clock(IntEnum):
    """The clock that a move is judged by."""

    NONE = 0
    RECEIPT = 1
    WORK = 2


@dataclass(frozen=True, slots=True)
class Recorded:
    """A fact as this node's ledger holds it, its payload unopened."""

    position: int
    recorded_at: datetime
    fact_id: str
    kind: str
    division: Code
    actor: str
    origin: str
    occurred_at: datetime
    payload: bytes


@dataclass(frozen=True, slots=True)
class Said:
    """What a fact says of some divisions, or with none, of the item as a whole.

    `reaches_below` means that it also concerns whoever lies below these divisions. `clock` is
    the one that it is judged by; `moves_clock`, that it sets clocks anew. An introduction only
    says what an item is, to a branch that gets its part from a tier between.
    """

    at: datetime
    divisions: tuple[Code, ...] = ()
    details: Mapping[str, str] = field(default_factory=dict)
    clock: Clock = Clock.NONE
    light: Light = Light.NONE
    moves_clock: bool = False
    is_whole: bool = False
    is_unknown: bool = False
    is_overdue: bool = False
    reaches_below: bool = False
    is_introduction: bool = False
    acting: Code | None = None
    """Who acted, if that is not whom the fact is of."""

    @property
    def words(self) -> tuple[object, ...]:
        """Return all but the divisions: parts of one move with the same words are one event."""
        return (
            tuple(sorted(self.details.items())),
            self.light,
            self.is_whole,
            self.is_unknown,
            self.is_overdue,
        )


@dataclass(frozen=True, slots=True)
class ClockSet:
    """What clocks were set to, and when: of some divisions, or with None, of all."""

    at: datetime
    divisions: frozenset[Code] | None
    receive_by: datetime
    deadline: datetime


@dataclass(frozen=True, slots=True)
class Event:
    """One step of an item, as it is told."""

    fact: Recorded
    said: Said
    direction: Direction
    arrived_late: bool


@dataclass(frozen=True, slots=True)
class Place:
    """A place between events: behind a position, and behind so many events of the next move."""

    position: int = 0
    skip: int = 0
