"""What reporting speaks of: counts, places in a watch, differences. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from tier.jurisdiction import Code, Level

COUNTS = (
    "expected",
    "received",
    "reported",
    "verified",
    "returned",
    "closed",
    "withdrawn",
    "on_time",
    "late",
    "problems",
)
"""Names of the counts, in the order of the audit's arrays."""


@dataclass(frozen=True, slots=True)
class Progress:
    """Counts of one item's assignments of one level, within one division.

    `deadline_at` is the latest that any of them ever had; `updated_at` is None for an
    executor that has not begun.
    """

    item_id: UUID
    division: Code
    level: Level
    expected: int
    received: int
    reported: int
    verified: int
    returned: int
    closed: int
    withdrawn: int
    on_time: int
    late: int
    problems: int
    deadline_at: datetime
    updated_at: datetime | None


@dataclass(frozen=True, slots=True)
class Token:
    """A place in one node's ledger: positions of another's mean nothing there."""

    origin: UUID
    position: int


@dataclass(frozen=True, slots=True)
class Key:
    """A row of an item's counts, to go on after; the default comes before all."""

    division: str = ""
    level: int = 0


@dataclass(frozen=True, slots=True)
class Scan:
    """A reading of changed counts, page by page: what it began with, and its last row.

    `upto` is the snapshot of its first page; what changes during the scan is not in it
    and so is found by the next one.
    """

    upto: str
    after: Key


@dataclass(frozen=True, slots=True)
class Place:
    """How far a watcher is: in the ledger, and in the counts.

    `seen` is the PostgreSQL snapshot whose counts it knows; empty when it knows none.
    """

    position: int
    seen: str = ""
    scan: Scan | None = None


@dataclass(frozen=True, slots=True)
class Change:
    """One fact about an item, as a watcher sees it."""

    kind: str
    item_id: str
    division: str
    recorded_at: datetime
    actor: str


@dataclass(frozen=True, slots=True)
class Glimpse:
    """What a watcher finds in one look, where it is then, and whether more is waiting."""

    changes: tuple[Change, ...]
    progress: tuple[Progress, ...]
    place: Place
    more: bool
    names: dict[Code, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Difference:
    """A row of counts that is not what a recomputation makes it; None: no such row."""

    item_id: UUID
    division: str
    level: int
    held: tuple[int, ...] | None
    recomputed: tuple[int, ...] | None
