"""The division tree: which areas there are, since when, and what lies in what."""

from __future__ import annotations

from tier.division.errors import DivisionRowsInvalid, DivisionUnknown, TargetsInvalid
from tier.division.model import Division
from tier.division.rules import today
from tier.division.store import known, names, select_codes
from tier.division.targets import Selection, resolve
from tier.division.wire import code, codes, set_from, set_to

__all__ = [
    "Division",
    "DivisionRowsInvalid",
    "DivisionUnknown",
    "Selection",
    "TargetsInvalid",
    "code",
    "codes",
    "known",
    "names",
    "resolve",
    "select_codes",
    "set_from",
    "set_to",
    "today",
]
