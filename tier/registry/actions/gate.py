"""The ask gate: what is held is served, what is asked is joined, and only the rest is asked.

One pass over sets: cells that are decided alike are one group, and every later step works by
group. The same pass runs at the tier that asks and at every tier that the request reaches.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from tier.catalogue import Catalogue
from tier.jurisdiction import Code
from tier.registry import request_store, rules, store, totals
from tier.registry.actions import desk
from tier.registry.model import Outcome, Request, Sheet, Split
from tier.runtime import telemetry
from tier.runtime.db import Tx

Wanted = Mapping[Code, tuple[int, ...]]
"""Elements that are wanted of each division, ascending."""

CELLS = telemetry.counter(
    "ducha_gate_cells", "Cells that the ask gate decided for requesters here"
)

NOTHING = Split()

BREATH = 2000
"""So many divisions are judged before others may work."""

Groups = Mapping[Split, list[Code]]
"""Divisions by what was decided alike for them."""


@dataclass(frozen=True, slots=True)
class Judged:
    """What the gate decided, by division, and divisions by what was decided alike for them."""

    splits: Mapping[Code, Split]
    groups: Groups
    due: Mapping[int, datetime] = field(default_factory=dict)
    """For elements that were joined, when the last of these asks is due."""


def by_element(groups: Groups) -> dict[int, Counter[Outcome]]:
    """Return how many cells of each element came to which outcome."""
    counts: dict[int, Counter[Outcome]] = {}
    for split, divisions in groups.items():
        for outcome, elements in split.by_outcome.items():
            for element in elements:
                counts.setdefault(element, Counter())[outcome] += len(divisions)
    return counts


async def judge(
    tx: Tx, catalogue: Catalogue, wanted: Wanted, period: str, at: datetime
) -> Judged:
    """Decide for every wanted cell, by what this node holds and has asked."""
    held = await request_store.sheets_on(tx, period, wanted)
    ages = desk.ages(catalogue)
    splits: dict[Code, Split] = {}
    due: dict[int, datetime] = {}
    alike: dict[object, Split] = {}
    # By identity: equal decisions are one object, and to hash them costs more than to decide.
    groups: dict[int, tuple[Split, list[Code]]] = {}
    for place, (division, elements) in enumerate(wanted.items(), 1):
        if place % BREATH == 0:
            await asyncio.sleep(0)
        sheet = held.get(division)
        if sheet is None:
            split = alike.get(elements)
            if split is None:
                split = rules.judge(None, elements, ages, at)
                split = alike[elements] = alike.setdefault(split, split)
        else:
            split = rules.judge(sheet, elements, ages, at)
            split = alike.setdefault(split, split)
            _note_due(due, split, sheet)
        splits[division] = split
        groups.setdefault(id(split), (split, []))[1].append(division)
    return Judged(splits, dict(groups.values()), due)


def _note_due(due: dict[int, datetime], split: Split, sheet: Sheet) -> None:
    if sheet.deadline is not None:
        for element in split.joined:
            due[element] = max(due.get(element, sheet.deadline), sheet.deadline)


def count(groups: Groups) -> None:
    """Add what a requester's gate decided to the metrics."""
    for split, divisions in groups.items():
        for outcome, elements in split.by_outcome.items():
            if elements:
                cells = len(elements) * len(divisions)
                CELLS.add(cells, {"outcome": outcome.name.lower()})


async def open_needs(
    tx: Tx, request: Request, told: Mapping[Code, Split], judged: Judged
) -> None:
    """Write the needs of a request, ask what must be asked, and expect it in the totals.

    Needs count what was `told` at their source; what is missing here is `judged` here.
    """
    changes: totals.Changes = {}
    period = (request.period.text, request.period.start)
    alike: dict[tuple[int, int], tuple[Split, Split, list[Code]]] = {}
    for division, split in told.items():
        here = judged.splits.get(division, NOTHING)
        pair = (id(split), id(here))
        alike.setdefault(pair, (split, here, []))[2].append(division)
    for split, here, divisions in alike.values():
        await request_store.need(tx, request, split, here.waiting, divisions)
        await store.ask(tx, period, here.waiting, request.deadline, divisions)
        totals.expect(changes, request.period.text, divisions, here.collect)
    await desk.add_up(tx, changes)


def wanted_of(told: Mapping[Code, Split]) -> dict[Code, tuple[int, ...]]:
    """Return what is missing of each division; of those decided alike it is one object."""
    waiting: dict[int, tuple[int, ...]] = {}
    wanted = {}
    for division, split in told.items():
        elements = waiting.get(id(split))
        if elements is None:
            elements = waiting[id(split)] = split.waiting
        if elements:
            wanted[division] = elements
    return wanted
