"""Decisions of the registry. Pure: values in, a decision out.

The gate: what is held and fresh is never asked again; what somebody asked already is not
asked twice. The fold: an answer goes into its sheet, serves whoever waits, and closes the
asks that nobody waits for any more.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from tier.registry.model import (
    STAGES,
    Answer,
    Flag,
    Need,
    Outcome,
    Sheet,
    Split,
)

Ages = Mapping[int, timedelta | None]
"""How long values of an element may be used; not there: as long as their period is asked for."""


def is_fresh(observed_at: datetime, max_age: timedelta | None, at: datetime) -> bool:
    """Whether a value may be used at a moment without asking."""
    return max_age is None or observed_at + max_age >= at


def judge(
    sheet: Sheet | None, wanted: Iterable[int], ages: Ages, at: datetime
) -> Split:
    """Decide for each wanted element of a sheet: served, joined, to confirm or to collect."""
    if sheet is None:
        return Split(collect=tuple(sorted(wanted)))
    places = {element: place for place, element in enumerate(sheet.elements)}
    asked = set(sheet.asked)
    split: dict[Outcome, list[int]] = {outcome: [] for outcome in Outcome}
    for element in sorted(wanted):
        place = places.get(element)
        if place is not None and is_fresh(
            sheet.observed[sheet.given[place] - 1], ages.get(element), at
        ):
            split[Outcome.SERVED].append(element)
        elif element in asked:
            split[Outcome.JOINED].append(element)
        elif place is not None:
            split[Outcome.CONFIRM].append(element)
        else:
            split[Outcome.COLLECT].append(element)
    return Split(*(tuple(split[outcome]) for outcome in Outcome))


def ask(sheet: Sheet, elements: Iterable[int], deadline: datetime) -> Sheet:
    """Return the sheet with elements asked by a deadline; asking twice is asking once."""
    asked = tuple(sorted({*sheet.asked, *elements}))
    if not asked:
        return sheet
    due = deadline if sheet.deadline is None else min(sheet.deadline, deadline)
    return replace(sheet, asked=asked, deadline=due)


def usable(answer: Answer, ages: Ages) -> tuple[set[int], dict[int, timedelta]]:
    """Return what an answer puts in force, and which of these grow old, after how long."""
    given = set(answer.elements)
    if answer.conflict_ids:
        given = {
            element
            for element, flag in zip(answer.elements, answer.flags, strict=True)
            if not flag & Flag.CONTESTED
        }
    aging = {
        element: age for element in given if (age := ages.get(element)) is not None
    }
    return given, aging


def serve(needs: Sequence[Need], answer: Answer, ages: Ages) -> list[Need]:
    """Return the needs of a sheet after an answer, in their order.

    An answer that was seen too long before a request does not serve it. What was
    confirmed or came filled in is counted once: for the first need that waited for it.
    """
    if _is_plain(answer, needs, ages):
        first, *rest = needs
        filled = min(answer.prefilled, len(answer.elements))
        first = replace(first, waiting=(), prefilled=first.prefilled + filled)
        return [first, *(replace(need, waiting=()) for need in rest)]
    given, aging = usable(answer, ages)
    flags = dict(zip(answer.elements, answer.flags, strict=True))
    counted: set[int] = set()
    # What was confirmed came filled in; the rest of what did is whoever's waited first.
    unchanged = sum(1 for flag in answer.flags if flag & Flag.UNCHANGED)
    corrected = max(0, answer.prefilled - unchanged)
    served = []
    for need in needs:
        came = _came(need, given, aging, answer.observed_at)
        if not came:
            served.append(need)
            continue
        new = came - counted
        counted |= new
        confirmed = sum(1 for element in new if flags[element] & Flag.UNCHANGED)
        filled = min(corrected, len(new) - confirmed)
        corrected -= filled
        served.append(
            replace(
                need,
                waiting=tuple(one for one in need.waiting if one not in came),
                confirmed=need.confirmed + confirmed,
                prefilled=need.prefilled + confirmed + filled,
            )
        )
    return served


def _is_plain(answer: Answer, needs: Sequence[Need], ages: Ages) -> bool:
    """Whether an answer is new values, none growing old, and just what every need waits for."""
    if answer.conflict_ids or any(answer.flags):
        return False
    wanted = all(need.waiting == answer.elements for need in needs)
    return bool(needs) and wanted and ages.keys().isdisjoint(answer.elements)


def _came(
    need: Need,
    given: set[int],
    aging: Mapping[int, timedelta],
    observed_at: datetime,
) -> set[int]:
    """Return what a need waited for and an answer brings, fresh enough for its request."""
    return {
        element
        for element in given.intersection(need.waiting)
        if is_fresh(observed_at, aging.get(element), need.created_at)
    }


def waited_for(needs: Sequence[Need]) -> tuple[tuple[int, ...], datetime | None]:
    """Return what needs of one sheet still wait for, and the earliest deadline of these."""
    waiting = [need for need in needs if need.waiting]
    if not waiting:
        return (), None
    elements = {element for need in waiting for element in need.waiting}
    return tuple(sorted(elements)), min(need.deadline for need in waiting)


def take(sheet: Sheet, answer: Answer, needs: Sequence[Need]) -> Sheet:
    """Return the sheet after an answer; `needs` are those of the sheet, served by it.

    Contested values are kept in the ledger only: what stands stays. A new value is not
    approved, whatever the old one was.
    """
    asked, deadline = waited_for(needs)
    revision = sheet.revision + 1
    answers = [*sheet.answers, answer.fact_id]
    observed = [*sheet.observed, answer.observed_at]
    if not sheet.elements and not answer.conflict_ids:
        return Sheet(
            sheet.key,
            sheet.start,
            asked,
            deadline,
            answer.elements,
            answer.numbers,
            [revision] * len(answer.elements),
            answer.flags,
            answers,
            observed,
            answer.texts,
        )
    cells = {
        element: (number, given, flag)
        for element, number, given, flag in zip(
            sheet.elements, sheet.numbers, sheet.given, sheet.flags, strict=True
        )
    }
    shift = len(sheet.texts)
    for element, number, flag in zip(
        answer.elements, answer.numbers, answer.flags, strict=True
    ):
        if not flag & Flag.CONTESTED:
            place = number + shift if flag & Flag.TEXT else number
            cells[element] = (place, revision, flag)
    elements = sorted(cells)
    columns = list(zip(*(cells[element] for element in elements), strict=True))
    numbers, given, flags = columns or ((), (), ())
    return Sheet(
        sheet.key, sheet.start, asked, deadline, elements, numbers, given, flags,
        answers, observed, [*sheet.texts, *answer.texts],
    )  # fmt: skip


def put_in_force(
    sheet: Sheet, rival: Answer, element: int, needs: Sequence[Need]
) -> Sheet:
    """Return the sheet with the rival's value of an element in force.

    The rival is among its answers already.
    """
    place = rival.elements.index(element)
    flag = rival.flags[place] & ~Flag.CONTESTED
    revision = sheet.answers.index(rival.fact_id) + 1
    number = rival.numbers[place]
    texts = list(sheet.texts)
    if flag & Flag.TEXT:
        texts.append(rival.texts[number - 1])
        number = len(texts)
    cells = {
        held: (kept, given, mark)
        for held, kept, given, mark in zip(
            sheet.elements, sheet.numbers, sheet.given, sheet.flags, strict=True
        )
    }
    cells[element] = (number, revision, flag)
    elements = sorted(cells)
    numbers, given, flags = zip(*(cells[held] for held in elements), strict=True)
    asked, deadline = waited_for(needs)
    return replace(
        sheet, asked=asked, deadline=deadline, elements=elements, numbers=numbers,
        given=given, flags=flags, texts=texts,
    )  # fmt: skip


def stage_of(flag: int) -> int:
    """Return how far a value is approved: 0 not at all, 4 by the province."""
    return (flag & STAGES) >> 4


def default_is_rival(owner: str, standing_author: str, rival_author: str) -> bool:
    """Whether the rival wins a conflict that nobody decided: only if the owner gave it."""
    return rival_author == owner and standing_author != owner


def reask(sheet: Sheet, asked: Sequence[int], deadline: datetime | None) -> Sheet:
    """Return the sheet with exactly these elements asked."""
    return replace(sheet, asked=asked, deadline=deadline)


def differences(
    told: Split, here: Split
) -> dict[tuple[Outcome, Outcome], tuple[int, ...]]:
    """Return the elements whose outcome here is another, by (told, here)."""
    before = {
        element: outcome
        for outcome, elements in told.by_outcome.items()
        for element in elements
    }
    moved: dict[tuple[Outcome, Outcome], list[int]] = {}
    for outcome, elements in here.by_outcome.items():
        for element in elements:
            if before.get(element, outcome) is not outcome:
                moved.setdefault((before[element], outcome), []).append(element)
    return {pair: tuple(sorted(elements)) for pair, elements in moved.items()}
