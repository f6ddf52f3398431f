"""What relief counts. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from tier.jurisdiction import Level


@dataclass(frozen=True, slots=True)
class Counts:
    """Cells of data requests, by what became of them."""

    needed: int = 0
    served: int = 0
    joined: int = 0
    confirm: int = 0
    collect: int = 0
    confirmed: int = 0
    prefilled: int = 0


class Key(NamedTuple):
    """What names a saving; a part that is summed over is empty."""

    division: str
    requester: str
    month: str


@dataclass(frozen=True, slots=True)
class Saving:
    """What an area was spared and asked."""

    key: Key
    counts: Counts


@dataclass(frozen=True, slots=True)
class Difference:
    """A saving that is not what a recomputation says; a side that is not there is None."""

    kept: Saving | None
    computed: Saving | None


@dataclass(frozen=True, slots=True)
class Query:
    """Which savings are asked for, and what they are summed by."""

    within: str
    requester: str
    first_month: str
    last_month: str
    level: Level
    sum_requesters: bool
    sum_months: bool
