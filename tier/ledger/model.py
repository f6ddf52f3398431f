"""What the ledger keeps: facts, and who must hear of them. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Entry:
    """A fact to be appended, as bytes that never change, with what the ledger indexes.

    `onward` names the neighbours that must hear of it.
    """

    fact_id: UUID
    kind: str
    division: str
    subject: str
    actor: str
    body: bytes
    onward: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Lane:
    """Where a neighbour's sequence stood before an append."""

    neighbour: str
    epoch: int
    before: int


@dataclass(frozen=True, slots=True)
class Committed:
    """Facts that one transaction appended: `before` is the head it found."""

    before: int
    entries: tuple[Entry, ...]
    lanes: tuple[Lane, ...]
    traceparent: str = ""


@dataclass(frozen=True, slots=True)
class Kept:
    """What the ledger shows of a fact without opening it."""

    position: int
    recorded_at: datetime
    kind: str
    division: str
    subject: str
    actor: str
