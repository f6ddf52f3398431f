"""Data held once: the ask gate, sheets of values, and who waits for what."""

from __future__ import annotations

from tier.registry.actions.desk import Desk, load
from tier.registry.model import (
    Answer,
    Conflict,
    ConflictState,
    Flag,
    Key,
    Need,
    Outcome,
    Period,
    Sheet,
    Sum,
)
from tier.registry.periods import parse as parse_period
from tier.registry.store import previous

__all__ = [
    "Answer",
    "Conflict",
    "ConflictState",
    "Desk",
    "Flag",
    "Key",
    "Need",
    "Outcome",
    "Period",
    "Sheet",
    "Sum",
    "load",
    "parse_period",
    "previous",
]
