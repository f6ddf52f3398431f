"""The fold of sheets into the totals of their county. Pure.

A total moves only through the old and the new state of a sheet, so that it always equals
what summing all sheets anew would give.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import NamedTuple

from tier.jurisdiction import DIGITS, Level
from tier.registry.model import Change, Flag, Sheet, Sum

AREA_DIGITS = DIGITS[Level.COUNTY]


class AreaKey(NamedTuple):
    """What names a row of totals: a period and a county."""

    period: str
    area: str


Changes = dict[AreaKey, dict[int, Change]]


def area_of(sheet: Sheet) -> AreaKey:
    """Return where a sheet is summed."""
    return AreaKey(sheet.key.period, sheet.key.division[:AREA_DIGITS])


def fold(pairs: Iterable[tuple[Sheet | None, Sheet]]) -> Changes:
    """Return what the totals gain by sheets that changed, each as (before, after)."""
    changes: Changes = {}
    plain: dict[tuple[AreaKey, tuple[int, ...]], list[Sheet]] = {}
    for before, after in pairs:
        area = changes.setdefault(area_of(after), {})
        _expect(area, before, after)
        if before is None or not before.elements:
            if _is_plain(after):
                alike = (area_of(after), tuple(after.elements))
                plain.setdefault(alike, []).append(after)
            else:
                _add(area, after, after.elements)
        elif before.given is not after.given:
            _replace(area, before, after)
    for (key, elements), sheets in plain.items():
        _add_plain(changes[key], elements, sheets)
    return changes


def expect(
    changes: Changes, period: str, divisions: Iterable[str], elements: Sequence[int]
) -> None:
    """Note that cells are asked which were neither asked nor held, into `changes`."""
    if not elements:
        return
    counts: dict[str, int] = {}
    for division in divisions:
        area = division[:AREA_DIGITS]
        counts[area] = counts.get(area, 0) + 1
    for area, count in counts.items():
        row = changes.setdefault(AreaKey(period, area), {})
        for element in elements:
            row.setdefault(element, Change()).expected += count


def merge(kept: Sum | None, change: Change) -> Sum:
    """Return a total after a change."""
    kept = kept or Sum()
    return Sum(
        kept.expected + change.expected,
        kept.received + change.received,
        kept.on_time + change.on_time,
        kept.total + change.total,
        kept.observed + change.observed,
        _smallest(kept, change),
        _largest(kept, change),
    )


def seconds(moment: datetime) -> int:
    """Return a moment in whole seconds since 1970, as totals sum it."""
    return int(moment.timestamp())


def _expect(area: dict[int, Change], before: Sheet | None, after: Sheet) -> None:
    """Count cells that began or ceased to be expected: asked or held."""
    was = set() if before is None else {*before.asked, *before.elements}
    now = {*after.asked, *after.elements}
    if was == now:
        return
    began, ceased = now - was, was - now
    for element in began:
        area.setdefault(element, Change()).expected += 1
    for element in ceased:
        area.setdefault(element, Change()).expected -= 1


def _is_plain(sheet: Sheet) -> bool:
    """Whether a sheet holds numbers of one answer, all on time."""
    return len(sheet.answers) == 1 and not any(
        flag & (Flag.LATE | Flag.TEXT) for flag in set(sheet.flags)
    )


def _add_plain(
    area: dict[int, Change], elements: Sequence[int], sheets: Sequence[Sheet]
) -> None:
    """Add all values of sheets of the same elements, column by column: the hot road."""
    count = len(sheets)
    observed = sum(seconds(sheet.observed[0]) for sheet in sheets)
    columns = zip(*(sheet.numbers for sheet in sheets), strict=True)
    for element, numbers in zip(elements, columns, strict=True):
        change = area.get(element)
        if change is None:
            change = area[element] = Change()
        change.received += count
        change.on_time += count
        change.observed += observed
        change.total += sum(numbers)
        small, large = min(numbers), max(numbers)
        if change.smallest is None or small < change.smallest:
            change.smallest = small
        if change.largest is None or large > change.largest:
            change.largest = large


def _add(area: dict[int, Change], sheet: Sheet, elements: Sequence[int]) -> None:
    """Add all values of a sheet where nothing was held before."""
    observed = [seconds(moment) for moment in sheet.observed]
    for element, number, given, flag in zip(
        elements, sheet.numbers, sheet.given, sheet.flags, strict=True
    ):
        change = area.get(element)
        if change is None:
            change = area[element] = Change()
        change.received += 1
        change.observed += observed[given - 1]
        if not flag & Flag.LATE:
            change.on_time += 1
        if not flag & Flag.TEXT:
            change.total += number
            if change.smallest is None or number < change.smallest:
                change.smallest = number
            if change.largest is None or number > change.largest:
                change.largest = number


def _replace(area: dict[int, Change], before: Sheet, after: Sheet) -> None:
    """Take the old values out that changed, and put the new ones in."""
    old = _cells(before)
    new = _cells(after)
    for element, cell in old.items():
        if new.get(element) != cell:
            _remove(area.setdefault(element, Change()), *cell)
    for element, cell in new.items():
        if old.get(element) != cell:
            _insert(area.setdefault(element, Change()), *cell)


def _cells(sheet: Sheet) -> dict[int, tuple[int | None, int, bool]]:
    """Return (number or None for a text, moment observed, on time) of each element."""
    observed = [seconds(moment) for moment in sheet.observed]
    return {
        element: (
            None if flag & Flag.TEXT else number,
            observed[given - 1],
            not flag & Flag.LATE,
        )
        for element, number, given, flag in zip(
            sheet.elements, sheet.numbers, sheet.given, sheet.flags, strict=True
        )
    }


def _insert(change: Change, number: int | None, observed: int, on_time: bool) -> None:  # noqa: FBT001 - a cell, spread out
    change.received += 1
    change.observed += observed
    change.on_time += on_time
    if number is not None:
        change.total += number
        small, large = change.smallest, change.largest
        change.smallest = number if small is None else min(small, number)
        change.largest = number if large is None else max(large, number)


def _remove(change: Change, number: int | None, observed: int, on_time: bool) -> None:  # noqa: FBT001 - a cell, spread out
    change.received -= 1
    change.observed -= observed
    change.on_time -= on_time
    if number is not None:
        change.total -= number
        small, large = change.gone_smallest, change.gone_largest
        change.gone_smallest = number if small is None else min(small, number)
        change.gone_largest = number if large is None else max(large, number)


def _smallest(kept: Sum, change: Change) -> int | None:
    """Return the smallest value now; None if there is none, or it must be read anew."""
    if kept.received + change.received == 0:
        return None
    if kept.received == 0:
        return change.smallest
    if kept.smallest is None:
        return None
    gone, added = change.gone_smallest, change.smallest
    if gone is not None and gone <= kept.smallest and (added is None or added > gone):
        return None
    return kept.smallest if added is None else min(kept.smallest, added)


def _largest(kept: Sum, change: Change) -> int | None:
    """Return the largest value now; None if there is none, or it must be read anew."""
    if kept.received + change.received == 0:
        return None
    if kept.received == 0:
        return change.largest
    if kept.largest is None:
        return None
    gone, added = change.gone_largest, change.largest
    if gone is not None and gone >= kept.largest and (added is None or added < gone):
        return None
    return kept.largest if added is None else max(kept.largest, added)
