"""What statistics count. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import NamedTuple, TypeAlias
from uuid import UUID

from tier.jurisdiction import Level


class Measure(IntEnum):
    """What is counted; names and numbers are those of `Counts` of the proto."""

    ASSIGNED = 1
    ASSIGNED_WITHDRAWN = 2
    ASSIGNED_FINISHED = 3
    ASSIGNED_FINISHED_ON_TIME = 4
    RECEIVED_ON_TIME = 5
    RECEIVED_LATE = 6
    FINISHED_ON_TIME = 7
    FINISHED_LATE = 8
    FINISHED_IN_ORIGINAL_TIME = 9
    EXTENDED = 10
    SUSPENDED = 11
    STOPPED_SECONDS = 12
    RETURNED = 13
    DISPUTED = 14
    DISPUTES_UPHELD = 15
    URGED = 16
    ESCALATED = 17
    ESCALATIONS_OVERTAKEN = 18
    REVIEWED = 19
    REVIEWS_OVERTURNED = 20


MEASURES = tuple(Measure)
"""All of them, in the order of the proto."""


Counts: TypeAlias = tuple[int, ...]
"""One number a measure, in their order."""

NOTHING: Counts = (0,) * len(Measure)


class Grouping(IntEnum):
    """What counts can be told apart by; the numbers are those of the proto."""

    DIVISION = 1
    ORGANISER = 2
    SOURCE_TYPE = 3
    URGENCY = 4
    MONTH = 5


class Key(NamedTuple):
    """What names a group, in the order of lists; a part that is summed over is empty."""

    division: str = ""
    issuer: str = ""
    lead_unit: str = ""
    source_type: int = 0
    urgency: int = 0
    month: str = ""


@dataclass(frozen=True, slots=True)
class Statistic:
    """What happened in one group."""

    key: Key
    counts: Counts


@dataclass(frozen=True, slots=True)
class Query:
    """Which events are counted, and what they are told apart by; empty parts ask for all.

    `level` None: each executing division by itself.
    """

    within: str = ""
    level: Level | None = None
    executing: Level | None = None
    issuer: str = ""
    source_type: int = 0
    urgency: int = 0
    first_month: str = ""
    last_month: str = ""
    groups: frozenset[Grouping] = frozenset(Grouping)


@dataclass(frozen=True, slots=True)
class Difference:
    """A group of an item that is not what the facts make it; a missing side is None."""

    item_id: UUID
    key: Key
    served: Counts | None
    computed: Counts | None
