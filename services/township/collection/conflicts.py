"""Decide conflicts: by a person, or by default once their time is up.

A conflict is decided where the value is at home, and nowhere else. The default is for the
version of the element's owner; a person may decide otherwise, as long as it is open.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from uuid import UUID

import asyncpg
import structlog

from ducha.collection.v1 import collection_service_pb2 as pb
from ducha.registry.v1 import registry_facts_pb2 as facts
from ducha.registry.v1 import registry_pb2
from services.township.collection import rules, store
from services.township.collection.errors import (
    ConflictEnded,
    ConflictUnknown,
    PeriodLocked,
)
from services.township.collection.model import Histories
from tier import approval, catalogue, ledger, policy, registry
from tier.acting import Call, Work, once
from tier.app import App
from tier.catalogue import Catalogue
from tier.jurisdiction import Code
from tier.ledger import Author, Entry
from tier.ledger import store as ledger_store
from tier.registry import Answer, Conflict, ConflictState, Desk, Key
from tier.registry import wire as registry_wire
from tier.registry.observations import shown_conflicts
from tier.registry.rules import default_is_rival
from tier.runtime import requests
from tier.runtime.db import Tx
from tier.runtime.errors import TierError

LOG = structlog.get_logger(__name__)

RPC = "ducha.collection.v1.CollectionService/ResolveConflict"
AT_ONCE = 200
LOOK_SECONDS = 60.0
"""A conflict that a lock holds up is looked at again as often."""
BY_DEFAULT = "未在期限内裁定，按默认规则处理 Undecided in time: decided by default"


@dataclass(frozen=True, slots=True)
class Decision:
    """How one conflict ends, and why."""

    conflict: Conflict
    state: ConflictState
    reason: str


@dataclass(slots=True)
class Table:
    """Conflicts being decided: their sheets, and the answers that they are about."""

    app: App
    known: Catalogue
    desk: Desk
    answers: dict[tuple[UUID, Key], tuple[Answer, str]]
    """By fact and sheet, each with the division of its author's unit."""
    histories: dict[Code, Histories]
    changed: dict[Code, Histories] = field(default_factory=dict)
    entries: list[Entry] = field(default_factory=list)

    def has(self, conflict: Conflict) -> bool:
        """Whether both sides of a conflict are here, and this is their home."""
        standing = self.standing(conflict)
        return (
            self.app.node.acts_for(conflict.key.division)
            and (conflict.rival, conflict.key) in self.answers
            and (standing, conflict.key) in self.answers
        )

    def standing(self, conflict: Conflict) -> UUID | None:
        """Return the answer whose value is in force."""
        sheet = self.desk.sheet(conflict.key)
        held = rules.values_in_force(sheet).get(conflict.element)
        return None if held is None else sheet.answers[held.revision - 1]


async def resolve(
    app: App, request: pb.ResolveConflictRequest
) -> pb.ResolveConflictResponse:
    """Decide an open conflict.

    Raises:
        ConflictUnknown: this node holds no such conflict, or is not its home, or the
            caller may not decide for its division.
        ConflictEnded: it is decided already.
        PeriodLocked: the period is approved.
    """
    conflict_id = UUID(request.conflict_id)
    async with app.db.reading() as tx:
        found = await registry.conflict(tx, conflict_id)
    ours = found is not None and app.node.acts_for(found.key.division)
    if found is None or not ours or not policy.may_act(RPC, found.key.division):
        raise ConflictUnknown(conflict_id=conflict_id)
    call = Call(
        requests.identify(request, request.request_id),
        found.key.division,
        request.actor,
    )
    response = pb.ResolveConflictResponse()
    async with once(app, call, response) as work:
        if work is not None:
            decided = await _decide_by_hand(work, request)
            response.conflict.CopyFrom(decided)
    return response


async def _decide_by_hand(
    work: Work, request: pb.ResolveConflictRequest
) -> registry_pb2.Conflict:
    """Decide one conflict as it was said; return it."""
    conflict = await registry.conflict(work.tx, UUID(request.conflict_id))
    if conflict is None:
        raise ConflictUnknown(conflict_id=request.conflict_id)
    if conflict.state is not ConflictState.OPEN:
        raise ConflictEnded(
            conflict_id=conflict.conflict_id, resolver=conflict.resolver
        )
    key = conflict.key
    locked = await approval.locked(work.tx, [key], work.app.now())
    if key in locked:
        raise PeriodLocked(
            division=key.division, period=key.period, approver=locked[key]
        )
    state = ConflictState.STANDING_KEPT
    if request.take_rival:
        state = ConflictState.RIVAL_TAKEN
    decision = Decision(conflict, state, request.reason)
    table = await _laid(work.app, work.tx, [conflict])
    await _settle(table, work.tx, decision, work.call.actor)
    await _write(table, work.tx)
    work.entries.extend(table.entries)
    after = await registry.conflict(work.tx, conflict.conflict_id)
    (shown,) = await shown_conflicts(work.tx, table.known, [after or conflict])
    return shown


async def decide_due(app: App) -> int:
    """Decide by default what is due; return how many there were.

    What a lock holds up stays open until the lock is gone.
    """
    count, after = 0, None
    while True:
        async with app.db.transaction() as tx:
            now = app.now()
            due = await registry.due_conflicts(tx, now, after, AT_ONCE)
            if not due:
                return count
            locked = await approval.locked(tx, [one.key for one in due], now)
            here = [one for one in due if one.key not in locked]
            table = await _laid(app, tx, here)
            whole = [one for one in here if table.has(one)]
            for one in whole:  # in turn: the next is decided by what stands then
                await _settle(table, tx, _by_default(table, one), app.node.name)
            await _write(table, tx)
            await ledger.append(tx, app.feed, table.entries, now)
        if len(whole) < len(here):
            LOG.error("conflicts about nothing", count=len(here) - len(whole))
        count += len(whole)
        after = due[-1]


def _by_default(table: Table, conflict: Conflict) -> Decision:
    """Decide for the owner's version; against a rival that was answered since, or overruled."""
    in_force = table.standing(conflict) or conflict.standing
    standing, standing_author = table.answers[in_force, conflict.key]
    rival, rival_author = table.answers[conflict.rival, conflict.key]
    order = list(table.desk.sheet(conflict.key).answers)
    element = table.known.numbered(conflict.element)
    takes = (
        element is not None
        and order.index(standing.fact_id) < order.index(rival.fact_id)
        and default_is_rival(element.owner.division, standing_author, rival_author)
    )
    state = ConflictState.RIVAL_TAKEN if takes else ConflictState.STANDING_KEPT
    return Decision(conflict, state, BY_DEFAULT)


async def _laid(app: App, tx: Tx, conflicts: Sequence[Conflict]) -> Table:
    """Load what deciding conflicts may touch."""
    known = await catalogue.held(tx, app.db)
    desk = await registry.load(tx, known, [one.key for one in conflicts])
    codes = {one.key.division for one in conflicts}
    table = Table(app, known, desk, {}, await store.histories(tx, codes))
    sides = {
        (side, one.key)
        for one in conflicts
        for side in (one.rival, table.standing(one))
        if side is not None
    }
    bodies = await ledger_store.bodies(tx, [fact_id for fact_id, _ in sides])
    for fact_id, key in sides:
        if fact_id in bodies:
            _, recorded = registry_wire.recorded_in(bodies[fact_id], key)
            answer = registry_wire.answer_from(fact_id, recorded)
            table.answers[fact_id, key] = (answer, recorded.author_division)
    return table


async def _settle(table: Table, tx: Tx, one: Decision, actor: str) -> None:
    """Decide a conflict, put its rival in force if so, and make the fact that tells of it."""
    author = Author.at(table.app.now(), table.app.node.name, actor)
    await registry.settle_conflict(
        tx, one.conflict.conflict_id, one.state, actor, one.reason
    )
    if one.state is ConflictState.RIVAL_TAKEN:
        _put_in_force(table, one.conflict)
    table.entries.append(_fact(table.app, author, one))


async def _write(table: Table, tx: Tx) -> None:
    """Write the sheets that changed, and what is remembered of their values."""
    await table.desk.write(tx)
    await store.write(tx, table.changed)


def _put_in_force(table: Table, conflict: Conflict) -> None:
    """Put a rival in force, and remember its value in place of the one that stood."""
    rival, _ = table.answers[conflict.rival, conflict.key]
    element = conflict.element
    before = rules.values_in_force(table.desk.sheet(conflict.key))[element].kept
    sheet = table.desk.resolve(conflict, rival)
    after = rules.values_in_force(sheet)[element].kept
    division = conflict.key.division
    histories = table.histories.setdefault(division, {})
    rules.remember(
        histories,
        element,
        0 if isinstance(before, str) else before,
        0 if isinstance(after, str) else after,
    )
    table.changed[division] = histories


def _fact(app: App, author: Author, one: Decision) -> Entry:
    conflict = one.conflict
    payload = facts.ConflictResolved(
        conflict_id=str(conflict.conflict_id),
        state=registry_pb2.ConflictState.ValueType(one.state),
        reason=one.reason,
    )
    return ledger.record(
        author,
        payload,
        division=conflict.key.division,
        subject=str(conflict.conflict_id),
        onward=app.node.upward,
    )


async def decide_by_default(app: App) -> None:
    """Decide conflicts as they fall due, until the node drains."""
    while not app.draining.is_set():
        wait = LOOK_SECONDS
        try:
            await decide_due(app)
            wait = await _until_next(app)
        except (TierError, asyncpg.PostgresError) as away:
            LOG.warning("conflicts wait", error=type(away).__name__)
        try:
            async with asyncio.timeout(wait):
                await app.draining.wait()
        except TimeoutError:
            continue


async def _until_next(app: App) -> float:
    """Return for how many seconds nothing will be due, or after which to look again."""
    now = app.now()
    async with app.db.reading() as tx:
        due = await registry.next_due(tx, now)
    if due is None:
        return LOOK_SECONDS
    return min(LOOK_SECONDS, (due - now).total_seconds())
