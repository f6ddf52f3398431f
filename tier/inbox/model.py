"""What an inbox holds: notices, and how many are unread. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import IntEnum
from typing import NamedTuple
from uuid import UUID

from tier.jurisdiction import Code


class Kind(IntEnum):
    """What a notice tells; the numbers are those of the proto."""

    REMINDER_RECEIPT_NEAR = 1
    REMINDER_RECEIPT_OVERDUE = 2
    REMINDER_DEADLINE_NEAR = 3
    REMINDER_OVERDUE = 4
    ESCALATION = 5
    URGE_DIGEST = 6
    VERDICT = 7
    PETITION_FILED = 8
    PETITION_DECIDED = 9
    WITHDRAWN = 10
    DEADLINE_MOVED = 11
    CHILDREN_RECHECKED = 12
    SUSPENDED = 13
    RESUMED = 14
    TRANSFERRED = 15
    REOPENED = 16
    RECTIFICATION_OPENED = 17
    RECTIFICATION_REPORTED = 18
    RECTIFICATION_JUDGED = 19
    RECTIFICATION_OVERDUE = 20
    ASSIST_CONTRIBUTED = 21


@dataclass(frozen=True, slots=True)
class Notice:
    """One thing to tell a unit, and the fact it follows from.

    `light`: 0 none, 1 green, 2 yellow, 3 red, as in the proto of assignments.
    """

    division: Code
    kind: Kind
    item_id: UUID
    at: datetime
    light: int
    source: UUID
    details: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Kept:
    """A notice as it stands in an inbox."""

    serial: int
    notice_id: UUID
    notice: Notice
    delivered_at: datetime
    read_at: datetime | None
    reader: str


class Place(NamedTuple):
    """The last notice that a watcher was told; the default comes before all."""

    serial: int = 0
    notice_id: UUID = UUID(int=0)


class Count(NamedTuple):
    """How many notices of a kind and light are unread."""

    kind: Kind
    light: int
    unread: int


class Scope(NamedTuple):
    """Whose inbox: a division's alone, or with those below it that act here."""

    division: Code
    include_below: bool


@dataclass(frozen=True, slots=True)
class Query:
    """Which notices are sought; what is empty or None restricts nothing."""

    scope: Scope
    unread_only: bool = False
    kinds: tuple[int, ...] = ()
    item_id: UUID | None = None
