"""What collection talks about: what an author gives, and what his division's past says. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from tier.jurisdiction import Code
from tier.registry.model import Answer, Key


@dataclass(frozen=True, slots=True)
class Given:
    """An answer as its author gives it, its values by element number, as they are kept.

    `place` is its place in the request.
    """

    place: int
    key: Key
    kept: Mapping[int, int | str]
    unchanged: frozenset[int]
    all_unchanged: bool
    observed_at: datetime
    device: str
    base_revision: int | None
    reason: str
    author_division: Code


@dataclass(slots=True)
class History:
    """What is known of an element's values in one division: counts and sums over periods."""

    count: int = 0
    total: float = 0.0
    squares: float = 0.0
    smallest: float = 0.0
    largest: float = 0.0


Histories = dict[int, History]


@dataclass(frozen=True, slots=True)
class Drafted:
    """An answer ready to be recorded, and what is worth telling its author."""

    answer: Answer
    late: Sequence[int]
    outliers: Sequence[int]
    same: int
    """Values that were held already, the same, and not asked."""
