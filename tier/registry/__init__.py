"""Data held once: the ask gate, sheets of values, and who waits for what."""

from __future__ import annotations

from tier.registry.actions import asking
from tier.registry.actions.desk import Desk, load
from tier.registry.errors import PeriodMismatch
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
from tier.registry.past import sheets_as_of
from tier.registry.periods import parse as parse_period
from tier.registry.request_store import traces, waiting_of_item
from tier.registry.stage_store import (
    mark,
    marked,
    marked_within,
    open_conflicts,
)
from tier.registry.store import conflict, needs, previous, settle_conflict, sheets
from tier.registry.task_store import due_conflicts, next_due, requests, tasks
from tier.registry.total_store import (
    Stretch,
    Sums,
    county_sums,
    sheet_sums,
    unanswered,
)

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
    "PeriodMismatch",
    "Sheet",
    "Stretch",
    "Sum",
    "Sums",
    "asking",
    "conflict",
    "county_sums",
    "due_conflicts",
    "load",
    "mark",
    "marked",
    "marked_within",
    "needs",
    "next_due",
    "open_conflicts",
    "parse_period",
    "previous",
    "requests",
    "settle_conflict",
    "sheet_sums",
    "sheets",
    "sheets_as_of",
    "tasks",
    "traces",
    "unanswered",
    "waiting_of_item",
]
