"""The set checker: what was acknowledged against what a node holds.

Lost: acknowledged and not there. Doubled: there twice. Phantom: there and never asked for.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from tests.checkers import life
from tests.checkers.history import History, Key
from tests.checkers.snapshots import REPORTED, TELL, UPWARD, Row, Snapshot, Written

Kind = Literal["lost", "doubled", "phantom", "differs"]
"""What is wrong; `differs`: two accounts that must agree do not."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong at one node."""

    kind: Kind
    node: str
    what: str


def check(history: History, snapshot: Snapshot) -> list[Finding]:
    """Return everything that is wrong at a node."""
    name = snapshot.place.name
    return [
        *(Finding("lost", name, what) for what in _lost(history, snapshot)),
        *(Finding("doubled", name, what) for what in _doubled(snapshot)),
        *(Finding("phantom", name, what) for what in _phantoms(history, snapshot)),
    ]


def _lost(history: History, snapshot: Snapshot) -> Iterator[str]:
    """Yield acknowledged operations that the node should know of and does not."""
    marks = {(key, one.mark) for one in _reports(snapshot) for key in one.keys}
    for key in sorted(key for key in history.made() if snapshot.place.holds(key[1])):
        row = snapshot.rows.get(key)
        if row is None:
            yield f"assignment {key}"
            continue
        yield from (f"{what} of {key}" for what in _lacking(history, key, row))
        for epoch, mark in history.reported.get(key, {}).items():
            if (key, mark) not in marks:
                yield f"report {mark} of {key} under epoch {epoch}"
    yield from life.lost(history, snapshot)


def _lacking(history: History, key: Key, row: Row) -> Iterator[str]:
    """Yield what an assignment's row does not show."""
    epoch = history.epoch(key)
    if key in history.received and row.received_at is None:
        yield "receipt"
    if row.epoch < epoch:
        yield f"return to epoch {epoch}"
    if epoch in history.reported.get(key, {}) and row.reported_at is None:
        yield "report"
    if key in history.verified and row.verified_at is None:
        yield "verification"
    yield from life.lacking(history, key, row)


def _doubled(snapshot: Snapshot) -> Iterator[str]:
    """Yield what stands twice in the ledger."""
    ids = Counter(one.fact_id for one in snapshot.ledger)
    yield from (f"fact {fact_id}" for fact_id, times in ids.items() if times > 1)
    # With several branches, a fact on its way down stands beside its parts.
    counted = UPWARD if len(snapshot.place.children) > 1 else TELL.keys()
    told = Counter(
        (one.kind, key, one.mark)
        for one in snapshot.ledger
        if one.kind in counted
        for key in one.keys
    )
    yield from (f"{what}" for what, times in told.items() if times > 1)


def _phantoms(history: History, snapshot: Snapshot) -> Iterator[str]:
    """Yield what nobody did."""
    yield from (f"item {item}" for item in snapshot.items - set(history.targets))
    made = history.made()
    for key, row in snapshot.rows.items():
        if key not in made:
            yield f"assignment {key}"
            continue
        yield from (f"{what} of {key}" for what in _unasked(history, key, row))
    for one in _reports(snapshot):
        for key in one.keys:
            known = one.mark in history.reported.get(key, {}).values()
            if not known and (key, one.mark) not in history.stale:
                yield f"report {one.mark} of {key}"
    yield from life.phantoms(history, snapshot)


def _unasked(history: History, key: Key, row: Row) -> Iterator[str]:
    """Yield what an assignment's row shows and nobody did."""
    reported = history.reported.get(key, {})
    if row.received_at is not None and key not in history.received and not reported:
        yield "receipt"
    if row.reported_at is not None and row.epoch not in reported:
        yield "report"
    if row.epoch > history.epoch(key):
        yield f"epoch {row.epoch}"
    if row.verified_at is not None and key not in history.verified:
        yield "verification"
    yield from life.unasked(history, key, row)


def _reports(snapshot: Snapshot) -> Iterator[Written]:
    return (one for one in snapshot.ledger if one.kind == REPORTED)
