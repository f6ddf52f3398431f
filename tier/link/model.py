"""What a link talks about: marks and runs of facts. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True, order=True)
class Mark:
    """A place in a link's sequence; (0, 0) is before everything."""

    epoch: int = 0
    seq: int = 0


@dataclass(frozen=True, slots=True)
class Tip:
    """How far a link is applied, and the id of the fact there; empty if unknown."""

    mark: Mark
    fact_id: str


@dataclass(frozen=True, slots=True)
class Run:
    """Facts on one link without a gap, as bytes; the first has number `first`."""

    epoch: int
    first: int
    bodies: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Sifted:
    """What of some runs is new: (seq, body) in order, the mark after, whether a gap remains."""

    fresh: tuple[tuple[int, bytes], ...]
    mark: Mark
    gap: bool


@dataclass(frozen=True, slots=True)
class Quarantined:
    """A fact that could not be applied."""

    quarantine_id: int
    neighbour: str
    mark: Mark
    fact_id: str
    kind: str
    reason: str
    detail: str
    body: bytes
    downward: bool
    quarantined_at: datetime
