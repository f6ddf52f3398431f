"""What the division tree is made of. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from tier.jurisdiction import Code, Level


@dataclass(frozen=True, slots=True)
class Division:
    """One dated entry of the tree; it holds on the days [valid_from, valid_to)."""

    code: Code
    name: str
    level: Level
    parent: Code | None
    valid_from: date
    valid_to: date | None = None
    successors: tuple[Code, ...] = ()

    def stands(self, on: date) -> bool:
        """Whether the entry holds on a day."""
        return self.valid_from <= on and (self.valid_to is None or on < self.valid_to)


@dataclass(frozen=True, slots=True)
class Row:
    """One row of an import as it was given: text, not yet believed; days may be empty."""

    code: str
    name: str
    level: int
    parent: str
    valid_from: str
    valid_to: str = ""
    successors: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with one field, in both languages."""

    field: str
    problem: str


@dataclass(frozen=True, slots=True)
class Plan:
    """What an import does: the entries to write, by code and day, and what to tell."""

    writes: tuple[Division, ...]
    imported: int
    unchanged: int


@dataclass(frozen=True, slots=True)
class Imported:
    """What an import did."""

    imported: int
    unchanged: int


@dataclass(frozen=True, slots=True)
class Query:
    """Which divisions are asked for: as they stood on a day, by area and level."""

    on: date
    within: Code | None = None
    level: Level | None = None
