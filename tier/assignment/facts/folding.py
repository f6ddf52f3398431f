"""Changes of single assignments, folded in memory: one load and one write a bundle."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from tier.app import App, Arrived, Unfit, Verdict
from tier.arriving import UNKNOWN_ASSIGNMENT, WRONG_JURISDICTION
from tier.assignment import clock_store, folding, store
from tier.assignment.actions import clocking
from tier.assignment.facts import verdicts
from tier.assignment.facts.passing import onward
from tier.assignment.facts.verdicts import Judged
from tier.assignment.model import (
    Assignment,
    Change,
    Clocking,
    Fenceable,
    Fenced,
    Key,
    Loaded,
    Moved,
    Received,
    Reported,
    Resumed,
    Returned,
    Suspended,
)
from tier.assignment.telling import tell_clocks
from tier.jurisdiction import Code
from tier.ledger import Entry
from tier.runtime.db import Tx


@dataclass(frozen=True, slots=True)
class Read:
    """A fact with its payload and the changes it brings to single assignments."""

    arrived: Arrived
    payload: Any
    changes: tuple[tuple[Key, Change], ...]

    @property
    def divisions(self) -> list[Code]:
        """Return whose assignments it changes."""
        return [key.division for key, _ in self.changes]


@dataclass(slots=True)
class Folding:
    """A bundle under way: what was, what stands now, and what must be kept of the way."""

    before: dict[Key, Loaded]
    standing: dict[Key, Assignment]
    stale: list[Fenceable]
    returns: list[tuple[Key, Returned]]
    clocked: list[tuple[Assignment, Clocking, UUID]]
    judged: list[Judged]


async def fold(app: App, tx: Tx, reads: Sequence[Read], verdict: Verdict) -> None:
    """Fold changes into their assignments: one load, one write."""
    if not reads or await _take_reports(app, tx, reads, verdict):
        return
    before = await store.load(
        tx, list({key for one in reads for key, _ in one.changes})
    )
    standing = {key: loaded.assignment for key, loaded in before.items()}
    work = Folding(before, standing, [], [], [], [])
    for read in reads:
        missing = next((key for key, _ in read.changes if key not in standing), None)
        if missing is not None:
            where = f"{missing.division} of {missing.item_id}"
            verdict.unfit.append(Unfit(read.arrived, UNKNOWN_ASSIGNMENT, where))
            continue
        if _forged(read, standing, verdict):
            continue
        for key, change in read.changes:
            _change(app, work, read.arrived, key, change)
        onward(app, read.arrived, read.divisions, read.payload, verdict)
    await _write(app, tx, work)
    verdict.entries.extend(await _follow_up(app, tx, work))


def _forged(read: Read, standing: Mapping[Key, Assignment], verdict: Verdict) -> bool:
    """Set aside what only an assigner may tell, told for a division that did not assign."""
    acting = read.arrived.fact.division
    for key, change in read.changes:
        by_assigner = not isinstance(change, Received | Reported)
        if by_assigner and standing[key].assigner != acting:
            detail = f"{key.division} was not assigned by {acting}"
            verdict.unfit.append(Unfit(read.arrived, WRONG_JURISDICTION, detail))
            return True
    return False


def _change(app: App, work: Folding, one: Arrived, key: Key, change: Change) -> None:
    """Fold one change, and note what must be kept of it."""
    was = work.standing[key]
    folded = folding.fold(was, change)
    found = verdicts.judge(app, one, (work.before[key], was), change, folded)
    if found is not None:
        work.judged.append(found)
    if isinstance(folded, Fenced):
        work.stale.append(_fenceable(one, key, change, was.epoch))
        return
    work.standing[key] = folded
    if folded is was:
        return
    if isinstance(change, Returned):
        work.returns.append((key, change))
    elif isinstance(change, Moved | Suspended | Resumed):
        work.clocked.append((was, change, one.fact_id))


async def _write(app: App, tx: Tx, work: Folding) -> None:
    """Write what the bundle changed: hot fields and clocks apart."""
    changed = {
        key: assignment
        for key, assignment in work.standing.items()
        if assignment is not work.before[key].assignment
    }
    await store.write(tx, changed)
    clocked = {was.key for was, _, _ in work.clocked}
    await clock_store.write(tx, {key: work.standing[key] for key in clocked})
    await clock_store.note_moves(
        tx,
        [
            (was, change)
            for was, change, _ in work.clocked
            if not isinstance(change, Suspended)
        ],
    )
    await clock_store.note_returns(tx, work.returns)
    await store.fence(tx, work.stale, app.now())


async def _follow_up(app: App, tx: Tx, work: Folding) -> list[Entry]:
    """Tell units of their clocks, look after those below, tell senders our verdicts."""
    for was, change, fact_id in work.clocked:
        await tell_clocks(app, tx, [(was, change)], fact_id)
    entries = verdicts.facts_of(app, work.judged)
    if work.clocked:
        keys = list(dict.fromkeys(was.key for was, _, _ in work.clocked))
        entries += await clocking.recheck(app, tx, keys)
    return entries


async def _take_reports(
    app: App, tx: Tx, reads: Sequence[Read], verdict: Verdict
) -> bool:
    """Write a run of nothing but reports at once; False if it must be folded after all."""
    if any(verdicts.is_replayed(app, read.arrived) for read in reads):
        return False  # its author waits for a verdict
    reports: dict[Key, Reported] = {}
    for read in reads:
        for key, change in read.changes:
            if not isinstance(change, Reported) or key in reports:
                return False
            reports[key] = change
    if not await store.report(tx, reports):
        return False
    for read in reads:
        onward(app, read.arrived, read.divisions, read.payload, verdict)
    return True


def _fenceable(one: Arrived, key: Key, change: Change, current: int) -> Fenceable:
    """Describe work that came under a passed epoch."""
    epoch = change.epoch if isinstance(change, Reported) else 0
    return Fenceable(key, epoch, current, one.fact_id, one.body)
