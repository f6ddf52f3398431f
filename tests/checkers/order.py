"""The order checker: every sequence without a gap, every origin in its own order."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from tests.checkers.snapshots import Snapshot


def check(snapshots: Mapping[str, Snapshot]) -> list[str]:
    """Return what is wrong with the ledgers of a line at rest, and between them."""
    wrong: list[str] = []
    for snapshot in snapshots.values():
        wrong += _ledger_gaps(snapshot)
        for neighbour in snapshot.outbox:
            wrong += _link(snapshot, snapshots[neighbour])
        for origin in snapshots.values():
            wrong += _disorder(snapshot, origin)
    return wrong


def _ledger_gaps(snapshot: Snapshot) -> Iterator[str]:
    """Positions run from 1 to the head; numbers to each neighbour from 1 to its last."""
    name = snapshot.place.name
    positions = [one.position for one in snapshot.ledger]
    if positions != list(range(1, snapshot.head + 1)):
        yield f"{name}: the ledger has a gap before {snapshot.head}"
    for neighbour, sent in snapshot.outbox.items():
        _, last = snapshot.lanes[neighbour]
        if [seq for seq, _ in sent] != list(range(1, last + 1)):
            yield f"{name}: the numbers to {neighbour} have a gap before {last}"


def _link(sender: Snapshot, receiver: Snapshot) -> Iterator[str]:
    """What was sent was taken, all of it, in order, and confirmed."""
    names = f"{sender.place.name} to {receiver.place.name}"
    lane = sender.lanes[receiver.place.name]
    if receiver.applied[sender.place.name] != lane:
        yield f"{names}: sent {lane}, applied {receiver.applied[sender.place.name]}"
    there = {one.fact_id: one.position for one in receiver.ledger}
    sent = [
        fact_id
        for seq, fact_id in sender.outbox[receiver.place.name]
        if (sender.place.name, seq) not in receiver.quarantined
    ]
    missing = [fact_id for fact_id in sent if fact_id not in there]
    if missing:
        yield f"{names}: {len(missing)} facts not in the ledger, first {missing[0]}"
    places = [there[fact_id] for fact_id in sent if fact_id in there]
    if places != sorted(places):
        yield f"{names}: facts stand in another order than they were sent"


def _disorder(snapshot: Snapshot, origin: Snapshot) -> Iterator[str]:
    """Facts of an origin stand everywhere in the order in which it recorded them."""
    name = origin.place.name
    at_home = {one.fact_id: one.position for one in origin.ledger}
    here = [one.fact_id for one in snapshot.ledger if one.origin == name]
    if any(fact_id not in at_home for fact_id in here):
        yield f"{snapshot.place.name}: holds facts of {name} that {name} does not know"
    places: Sequence[int] = [at_home[one] for one in here if one in at_home]
    if places != sorted(places):
        yield f"{snapshot.place.name}: facts of {name} in another order"
