"""Assignments: an item at one division, from its issue to its archive.

What is exported here is what capabilities above may use: how an assignment stands, and the
moves that a petition, a timer or a point to rectify ends in.
"""

from __future__ import annotations

from tier.assignment.actions.clocks import put_off, resume, suspend
from tier.assignment.actions.end import reopen
from tier.assignment.actions.withdraw import transfer
from tier.assignment.model import (
    Assignment,
    Cause,
    Item,
    ItemState,
    Key,
    Light,
    PutOff,
    State,
)
from tier.assignment.standing import Standing, hold, item_of, standing

__all__ = [
    "Assignment",
    "Cause",
    "Item",
    "ItemState",
    "Key",
    "Light",
    "PutOff",
    "Standing",
    "State",
    "hold",
    "item_of",
    "put_off",
    "reopen",
    "resume",
    "standing",
    "suspend",
    "transfer",
]
