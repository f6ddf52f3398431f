"""What a form of a task shows and fills in. Pure.

A field is filled in with the value that its cell holds, or else with that of the period
before. What today's rule of the element no longer allows is not offered: nobody could confirm it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from services.township.collection.rules import values_in_force
from tier.registry.model import Sheet

Stands = Callable[[int, int | str], bool]
"""Whether a value is one that its element allows today."""


@dataclass(frozen=True, slots=True)
class Filled:
    """What a field is filled in with, for when it stands, and when it was seen."""

    kept: int | str
    period: str
    observed_at: datetime


@dataclass(frozen=True, slots=True)
class Form:
    """The form of a task: its sheet, and what the asked fields are filled in with."""

    sheet: Sheet
    filled: Mapping[int, Filled]
    held: Mapping[int, int]
    """Of elements that are held, by which answer: its revision."""


def fill(sheet: Sheet, before: Sheet | None, stands: Stands) -> Form:
    """Fill in the form of a sheet; `before` is that of an earlier period, if there is one."""
    held = values_in_force(sheet)
    earlier = {} if before is None else values_in_force(before)
    filled = {}
    for element in sheet.asked:
        found, source = held.get(element), sheet
        if found is None and before is not None:
            found, source = earlier.get(element), before
        if found is not None and stands(element, found.kept):
            seen = source.observed[found.revision - 1]
            filled[element] = Filled(found.kept, source.key.period, seen)
    revisions = {element: one.revision for element, one in held.items()}
    return Form(sheet, filled, revisions)
