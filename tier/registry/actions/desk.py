"""Answers being folded: the sheets, needs and totals they touch, loaded once, written once.

Used where values are entered and where they arrive over a link, so that every tier comes to
the same sheets by the same rules.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from tier.catalogue import Catalogue
from tier.registry import periods, rules, store, totals
from tier.registry.model import Answer, Conflict, Flag, Key, Need, Sheet
from tier.runtime.db import Tx


@dataclass(slots=True)
class Desk:
    """Sheets as they stand within a batch, and what must be written of them."""

    ages: rules.Ages
    sheets: dict[Key, Sheet]
    needs: dict[Key, list[Need]]
    before: dict[Key, Sheet | None] = field(default_factory=dict)
    served: dict[tuple[UUID, Key], Need] = field(default_factory=dict)
    conflicts: list[Conflict] = field(default_factory=list)

    def sheet(self, key: Key) -> Sheet:
        """Return a sheet as it stands; an empty one if nothing is asked or held."""
        held = self.sheets.get(key)
        return held or Sheet(key, periods.parse(key.period).start)

    def take(self, answer: Answer, now: datetime) -> Sheet:
        """Fold an answer: it serves who waits, and its values come into force."""
        key = answer.key
        needs = self._serve(answer)
        sheet = rules.take(self.sheet(key), answer, needs)
        self.put(sheet)
        if answer.conflict_ids:
            self._contest(sheet, answer, now)
        return sheet

    def is_early(self, answer: Answer) -> bool:
        """Whether an answer came before one that its home recorded earlier.

        Taken out of turn, it would be overwritten by what it corrects.
        """
        return answer.revision > self.sheet(answer.key).revision + 1

    def put(self, sheet: Sheet) -> None:
        """Put a sheet in place of what stands."""
        self.before.setdefault(sheet.key, self.sheets.get(sheet.key))
        self.sheets[sheet.key] = sheet

    def resolve(self, conflict: Conflict, rival: Answer) -> Sheet:
        """Put the rival of a conflict in force; it serves who waits."""
        place = rival.elements.index(conflict.element)
        alone = Answer(
            rival.fact_id,
            rival.key,
            [conflict.element],
            [rival.numbers[place]],
            [rival.flags[place] & ~Flag.CONTESTED],
            rival.texts,
            rival.observed_at,
        )
        needs = self._serve(alone)
        sheet = rules.put_in_force(
            self.sheet(rival.key), rival, conflict.element, needs
        )
        self.put(sheet)
        return sheet

    def _serve(self, answer: Answer) -> list[Need]:
        """Serve the needs of the answer's sheet; return them as they stand then."""
        needs = self.needs.get(answer.key)
        if not needs:
            return []
        after = rules.serve(needs, answer, self.ages)
        for old, new in zip(needs, after, strict=True):
            if old is not new:
                self.served[new.request_id, new.key] = new
        self.needs[answer.key] = after
        return after

    def _contest(self, sheet: Sheet, answer: Answer, now: datetime) -> None:
        """Open a conflict for each contested value."""
        contested = (
            element
            for element, flag in zip(answer.elements, answer.flags, strict=True)
            if flag & Flag.CONTESTED
        )
        given = dict(zip(sheet.elements, sheet.given, strict=True))
        for element, conflict_id in zip(contested, answer.conflict_ids, strict=True):
            standing = sheet.answers[given[element] - 1]
            due = answer.conflict_due or now
            self.conflicts.append(
                Conflict(
                    conflict_id, sheet.key, element, standing, answer.fact_id, now, due
                )
            )

    async def write(self, tx: Tx) -> None:
        """Write what changed, and fold it into the totals."""
        changed = [self.sheets[key] for key in self.before]
        await store.write(tx, changed)
        await store.serve(tx, list(self.served.values()))
        await store.open_conflicts(tx, self.conflicts)
        pairs = ((self.before[sheet.key], sheet) for sheet in changed)
        await add_up(tx, totals.fold(pairs))


async def load(tx: Tx, catalogue: Catalogue, keys: Iterable[Key]) -> Desk:
    """Load what answers to these sheets may touch."""
    wanted = list(dict.fromkeys(keys))
    return Desk(
        ages(catalogue),
        await store.sheets(tx, wanted),
        await store.needs(tx, wanted),
    )


def ages(catalogue: Catalogue) -> rules.Ages:
    """Return how long values of each element may be used, as the catalogue says now."""
    return {
        element.number: element.max_age
        for element in catalogue.elements.values()
        if element.max_age is not None
    }


async def add_up(tx: Tx, changes: totals.Changes) -> None:
    """Fold changes into the totals of their counties."""
    changes = {key: change for key, change in changes.items() if change}
    if not changes:
        return
    kept = await store.totals(tx, changes)
    after = {}
    for key, change in changes.items():
        row = dict(kept.get(key, {}))
        for element, gain in change.items():
            row[element] = totals.merge(row.get(element), gain)
        after[key] = row
    await store.write_totals(tx, after)
