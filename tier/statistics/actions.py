"""What statistics do besides being read: prove that they are what the ledger says."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from ducha.link.v1 import link_pb2
from tier.runtime.db import Tx
from tier.statistics import audit_store, reading, retelling, store
from tier.statistics.model import Counts, Difference, Key
from tier.statistics.retelling import History

DIFFERENCES = 1000
FACTS = 500


@dataclass(slots=True)
class Audited:
    """How much was compared, how many facts that took, and what differs."""

    compared: int = 0
    facts: int = 0
    differences: list[Difference] = field(default_factory=list)


async def audit(tx: Tx) -> Audited:
    """Compare what is served of every item with what its facts make it.

    An item at a time, so that the memory it takes does not grow with the ledger; what is
    reckoned is reckoned beside the loop, so that calls go on.
    """
    audited = Audited()
    told = await audit_store.items(tx)
    for item_id in sorted({*told, *await store.items(tx)}):
        history, read = await _retold(tx, item_id)
        computed = await asyncio.to_thread(retelling.counted, history)
        served = await store.of_item(tx, item_id)
        audited.facts += read
        audited.compared += len(served.keys() | computed.keys())
        room = DIFFERENCES - len(audited.differences)
        found = list(_differences(item_id, served, computed))
        audited.differences.extend(found[:room])
    return audited


async def _retold(tx: Tx, item_id: UUID) -> tuple[History, int]:
    """Return what the ledger tells of an item, and in how many facts."""
    history, position, read = History(), 0, 0
    while True:
        facts = await audit_store.facts(tx, item_id, position, FACTS)
        await asyncio.to_thread(_fold, history, [body for _, body in facts])
        read += len(facts)
        if len(facts) < FACTS:
            return history, read
        position = facts[-1][0]


def _fold(history: History, bodies: Sequence[bytes]) -> None:
    for body in bodies:
        for event in reading.events(link_pb2.Fact.FromString(body)):
            retelling.fold(history, event)


def _differences(
    item_id: UUID, served: Mapping[Key, Counts], computed: Mapping[Key, Counts]
) -> Iterator[Difference]:
    for key in sorted(served.keys() | computed.keys()):
        if served.get(key) != computed.get(key):
            yield Difference(item_id, key, served.get(key), computed.get(key))
