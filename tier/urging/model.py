"""What urging talks about: urges, and the digest that a unit has of them. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from enum import Enum, auto
from typing import NamedTuple
from uuid import UUID

from tier.jurisdiction import Code


@dataclass(frozen=True, slots=True)
class Urge:
    """One act of urging; it may be about many executors of its item."""

    urge_id: UUID
    item_id: UUID
    by: Code
    actor: str
    message: str
    at: datetime
    by_rule: bool = False


class Urged(NamedTuple):
    """An urge, and one of those who were urged."""

    urge: Urge
    division: Code


@dataclass(frozen=True, slots=True)
class Line:
    """One item in the digest of a unit for a day."""

    division: Code
    day: date
    item_id: UUID
    count: int
    by_rule_count: int
    urgers: tuple[Code, ...]
    last_at: datetime
    message: str


class Place(NamedTuple):
    """Where a page of digests ends."""

    day: date
    division: str
    item_id: UUID


@dataclass(frozen=True, slots=True)
class Query:
    """Which digests are sought; an empty area restricts nothing."""

    within: str
    first: date
    last: date


class No(Enum):
    """Why an assignment may not be urged."""

    NOT_YOURS = auto()
    NOTHING = auto()
