"""What time is reckoned by: terms, rows of the table of terms, the calendar. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta, timezone
from typing import Generic, TypeVar

CHINA = timezone(timedelta(hours=8))
"""Asia/Shanghai: it has kept no summer time since 1991, before any year reckoned with."""

CLOSE_OF_WORK = time(18)
"""When a working day ends, in China: terms of working days end then."""


@dataclass(frozen=True, slots=True)
class Term:
    """A stretch of time: working days, or hours on the clock; `Term()` is none."""

    working_days: int = 0
    hours: int = 0

    def __post_init__(self) -> None:
        """Refuse what is both, or less than nothing."""
        if min(self.working_days, self.hours) < 0 or (self.working_days and self.hours):
            raise ValueError(f"{self} is no term: give working days, or hours")

    def __bool__(self) -> bool:
        """Whether there is one."""
        return bool(self.working_days or self.hours)


@dataclass(frozen=True, slots=True)
class Terms:
    """How long things may take for items of one source type and urgency.

    `source_type` and `urgency` are the numbers of the enums of `ducha.assignment.v1`.
    """

    source_type: int
    urgency: int
    receive: Term
    work: Term
    receipt_near_percent: int
    near_percent: int
    ladder: tuple[Term, ...]
    max_extensions: int
    max_extension_days: int
    dispute: Term
    review: Term
    urge_overdue: bool
    version: int

    @property
    def key(self) -> tuple[int, int]:
        """Return what names the row."""
        return self.source_type, self.urgency


@dataclass(frozen=True, slots=True)
class Calendar:
    """Which days are worked: what is known of China, and what the province says otherwise.

    `overrides` says of days whether they are worked; of the years in `whole` it says all
    that differs from plain weeks, and nothing else is known of them. `official` are the
    years that are no longer provisional. `version` is the last publication in it.
    """

    version: int
    overrides: Mapping[date, bool]
    official: frozenset[int]
    whole: frozenset[int] = field(default=frozenset())


@dataclass(frozen=True, slots=True)
class Due:
    """When a term ends, in UTC, and whether that may change with a provisional year."""

    at: datetime
    provisional: bool


@dataclass(frozen=True, slots=True)
class Day:
    """A day that is not what its weekday says: worked or not, and what it is called."""

    date: date
    working: bool
    name: str = ""


@dataclass(frozen=True, slots=True)
class Year:
    """What the province published of a year; see `ducha.calendar.v1.Year`."""

    year: int
    official: bool
    whole: bool
    days: tuple[Day, ...]
    version: int = 0

    @property
    def key(self) -> int:
        """Return what names it."""
        return self.year


Published = TypeVar("Published", Year, Terms)
"""What the province publishes, each under its version."""


@dataclass(frozen=True, slots=True)
class Plan(Generic[Published]):
    """What of a publication to write, under which version, and how much stood so already."""

    version: int
    rows: Sequence[Published]
    unchanged: int


@dataclass(frozen=True, slots=True)
class Fault:
    """A field that cannot be taken, and why."""

    field: str
    problem: str
