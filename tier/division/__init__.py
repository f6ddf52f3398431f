"""The division tree: which areas there are, since when, and what lies in what."""

from __future__ import annotations

from tier.division.errors import DivisionRowsInvalid, DivisionUnknown
from tier.division.model import Division
from tier.division.rules import today
from tier.division.store import known, names, select_codes

__all__ = [
    "Division",
    "DivisionRowsInvalid",
    "DivisionUnknown",
    "known",
    "names",
    "select_codes",
    "today",
]
