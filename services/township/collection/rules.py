"""Decisions about answers. Pure: values in, a decision out.

A value that is held and that nobody asks again changes only for a reason. Who did not know
what stands does not overwrite it: that is a conflict, to be decided. Nothing is refused for
being late or out of the ordinary: it is labelled.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum, auto

from services.township.collection.model import (
    COUNT,
    LARGEST,
    SMALLEST,
    SQUARES,
    TOTAL,
    Given,
    Histories,
    History,
)
from tier.catalogue.model import Element, OutlierMethod
from tier.registry.model import Flag, Sheet

PERIODS = 4
Z_SCORE = 3.0
RANGE_SHARE = 0.5
ROUNDING = 1e-12


class No(Enum):
    """Why a value of an answer cannot be taken."""

    UNREASONED = auto()
    NOTHING_TO_CONFIRM = auto()


@dataclass(slots=True)
class Draft:
    """What an answer brings: its values in force or contested, and what is refused."""

    kept: dict[int, int | str] = field(default_factory=dict)
    flags: dict[int, int] = field(default_factory=dict)
    same: int = 0
    refused: dict[int, No] = field(default_factory=dict)

    def put(self, element: int, kept: int | str, flag: int) -> None:
        """Take a value."""
        self.kept[element] = kept
        self.flags[element] = flag

    def leave(self, element: int) -> None:
        """Leave a value as it is after all."""
        del self.kept[element], self.flags[element]


@dataclass(frozen=True, slots=True)
class Held:
    """A value in force: what it is, and by which answer it was given."""

    kept: int | str
    revision: int


@dataclass(frozen=True, slots=True)
class Cell:
    """A cell as it stands: what is held, if anything, and whether somebody asks."""

    element: int
    held: Held | None
    asked: bool


def draft(
    given: Given,
    sheet: Sheet,
    before: Mapping[int, int | str],
    late: Callable[[bool], bool],
) -> Draft:
    """Decide what becomes of each value of an answer.

    `before` is what the form filled in from an earlier period; `late` says whether an asked
    (or not asked) value that comes now is late.
    """
    result = Draft()
    asked = set(sheet.asked)
    if not (sheet.elements or given.unchanged or given.all_unchanged):
        result.kept = dict(given.kept)
        result.flags = dict.fromkeys(given.kept, 0)
        _label_late(result, asked, late)
        return result
    held = values_in_force(sheet)
    confirmed = given.unchanged
    if given.all_unchanged:
        confirmed = confirmed | {
            element
            for element in asked
            if (element in held or element in before) and element not in given.kept
        }
    for element in confirmed:
        cell = Cell(element, held.get(element), element in asked)
        _confirm(result, given, cell, before.get(element))
    for element, kept in given.kept.items():
        cell = Cell(element, held.get(element), element in asked)
        _give(result, given, cell, kept)
    _label_late(result, asked, late)
    return result


def _label_late(result: Draft, asked: set[int], late: Callable[[bool], bool]) -> None:
    """Label what comes too late, asked or not."""
    asked_late, unasked_late = late(True), late(False)  # noqa: FBT003 - asked or not
    if not (asked_late or unasked_late):
        return
    for element in result.flags:
        if asked_late if element in asked else unasked_late:
            result.flags[element] |= Flag.LATE


def values_in_force(sheet: Sheet) -> dict[int, Held]:
    """Return what a sheet holds, by element."""
    return {
        element: Held(sheet.texts[number - 1] if flag & Flag.TEXT else number, revision)
        for element, number, revision, flag in zip(
            sheet.elements, sheet.numbers, sheet.given, sheet.flags, strict=True
        )
    }


def _confirm(result: Draft, given: Given, cell: Cell, before: int | str | None) -> None:
    """Take a value as unchanged: the one that is held, or that of an earlier period.

    Nobody confirms what he has not seen: a value that came meanwhile stays as it is.
    """
    if cell.held is not None and (
        not cell.asked or given.is_before(cell.held.revision)
    ):
        result.same += 1
    elif cell.held is not None:
        result.put(cell.element, cell.held.kept, Flag.UNCHANGED)
    elif before is not None:
        result.put(cell.element, before, Flag.UNCHANGED)
    else:
        result.refused[cell.element] = No.NOTHING_TO_CONFIRM


def _give(result: Draft, given: Given, cell: Cell, kept: int | str) -> None:
    """Take a value: new, the same again, a correction, or a conflict."""
    element, held = cell.element, cell.held
    if held is None:
        result.put(element, kept, 0)
    elif kept == held.kept:
        if cell.asked:
            result.put(element, kept, Flag.UNCHANGED)
        else:
            result.same += 1
    elif given.is_before(held.revision):
        result.put(element, kept, Flag.CONTESTED)
    elif cell.asked or given.reason.strip():
        result.put(element, kept, 0)
    else:
        result.refused[element] = No.UNREASONED


def is_late(
    now: datetime, deadline: datetime | None, closes: datetime
) -> Callable[[bool], bool]:
    """Return whether a value is late: past its task's deadline, or its period if not asked."""
    asked_late = deadline is not None and now > deadline
    unasked_late = now >= closes
    return lambda asked: asked_late if asked else unasked_late


def is_outlier(element: Element, history: History | None, number: int) -> bool:
    """Whether a value is out of the ordinary for its division."""
    if history is None or history[COUNT] < PERIODS:
        return False
    match element.outlier_method:
        case OutlierMethod.NONE:
            return False
        case OutlierMethod.RANGE:
            return _is_out_of_range(
                history, number, element.outlier_threshold or RANGE_SHARE
            )
        case OutlierMethod.Z_SCORE:
            # In terms of sums: neither a division nor a root for every value. Sums of
            # squares round, so a spread far below the mean is none.
            count, total = history[COUNT], history[TOTAL]
            spread = count * history[SQUARES] - total * total
            if spread <= total * total * ROUNDING:
                return _is_out_of_range(history, number, RANGE_SHARE)
            limit = element.outlier_threshold or Z_SCORE
            distance = number * count - total
            return distance * distance > limit * limit * spread


def _is_out_of_range(history: History, number: int, share: float) -> bool:
    smallest, largest = history[SMALLEST], history[LARGEST]
    spread = largest - smallest or abs(largest) or 1.0
    room = spread * share
    return not smallest - room <= number <= largest + room


def remember(histories: Histories, element: int, old: int | None, new: int) -> None:
    """Add a value to the history of its division, in place of what its period had before."""
    history = histories.get(element)
    if history is None:
        histories[element] = [1.0, new, float(new) * new, new, new]
        return
    if old is None:
        history[COUNT] += 1.0
    else:
        history[TOTAL] -= old
        history[SQUARES] -= float(old) * old
    history[TOTAL] += new
    history[SQUARES] += float(new) * new
    history[SMALLEST] = min(history[SMALLEST], new)
    history[LARGEST] = max(history[LARGEST], new)
