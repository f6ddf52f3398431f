"""What stands around petitions, loaded for many at once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from ducha.assignment.v1 import assignment_facts_pb2 as facts
from ducha.link.v1 import link_pb2
from tier import calendar, division
from tier.assignment import Standing, standing
from tier.assignment.model import Key
from tier.calendar import Calendar
from tier.jurisdiction import Code
from tier.petition import store
from tier.petition.model import Kind, Scene
from tier.petition.store import Around
from tier.runtime.db import Tx

CONCLUDED = facts.ItemConcluded.DESCRIPTOR.full_name
ASSIGNED = {
    kind.DESCRIPTOR.full_name: kind
    for kind in (facts.ItemIssued, facts.AssignmentSplit)
}
"""Facts that bring assignments, with who executes in `targets`."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """The assignments that petitions are about, and what else is asked of them."""

    standings: Mapping[Key, Standing]
    others: Mapping[Key, Around]
    calendar: Calendar

    def scene(self, key: Key, began_at: datetime) -> Scene:
        """Return what stands around a petition whose term runs from `began_at`."""
        standing = self.standings[key]
        others = self.others.get(key, store.NOTHING)
        return Scene(
            standing.item.state,
            standing.assignment.state,
            standing.assignment.epoch,
            standing.assignment.deadline,
            standing.terms,
            self.calendar,
            began_at,
            others.granted,
            others.pending,
        )

    def decider(self, key: Key, kind: Kind) -> Code:
        """Return who decides: the assigner, of a review the issuer."""
        standing = self.standings[key]
        if kind is Kind.REVIEW:
            return standing.item.issuer
        return standing.assignment.assigner


async def surroundings(tx: Tx, keys: Iterable[Key]) -> Surroundings:
    """Load what stands around petitions about these assignments."""
    wanted = list(dict.fromkeys(keys))
    return Surroundings(
        await standing(tx, wanted),
        await store.around(tx, wanted),
        await calendar.current(tx),
    )


async def began(tx: Tx, one: Standing, kind: Kind) -> datetime:
    """Return from when the term of a petition runs for its executor.

    It could not object to what had not come: days on which the link was away are not
    counted.
    """
    item_id, where = one.assignment.key.item_id, one.assignment.key.division
    match kind:
        case Kind.DISPUTE:
            done = one.assignment.clock.assigned_at
            came = await _assignment_came(tx, item_id, where)
        case Kind.REVIEW:
            done = one.item.concluded_at or one.item.issued_at
            found = await store.came(tx, item_id, [CONCLUDED])
            came = found[-1][1] if found else None
        case _:
            return one.assignment.clock.assigned_at
    return max(done, came or done)


async def _assignment_came(tx: Tx, item_id: UUID, where: Code) -> datetime | None:
    """Return when the fact came here that assigned the item to a division."""
    for kind, recorded_at, body in await store.came(tx, item_id, list(ASSIGNED)):
        payload = ASSIGNED[kind].FromString(link_pb2.Fact.FromString(body).payload)
        if where in division.set_from(payload.targets):
            return recorded_at
    return None
