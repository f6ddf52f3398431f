"""Moves of clocks by the assigner: put off, suspend, resume. Petitions and calendars end here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from uuid import UUID

from ducha.assignment.v1 import assignment_service_pb2 as service
from tier.acting import Call, Work, once
from tier.app import App
from tier.assignment import clock_store, rules, store
from tier.assignment.actions.calls import chosen, open_item
from tier.assignment.actions.clocking import Acting, settle
from tier.assignment.errors import AssignmentUnknown, denied
from tier.assignment.model import (
    Assignment,
    Cause,
    Clocking,
    Item,
    Key,
    Moved,
    PutOff,
    Resumed,
    Suspended,
)
from tier.assignment.moves import Move
from tier.jurisdiction import Code, contains
from tier.ledger import Author


async def put_off(
    work: Work,
    item_id: UUID,
    to: Mapping[Code, PutOff],
    cause: Cause,
    reason: str,
) -> None:
    """Move deadlines of assignments that the acting division made.

    Raises:
        TierError: ITEM_UNKNOWN, ASSIGNMENT_UNKNOWN, NOT_ASSIGNER, ITEM_ENDED,
            MOVE_NOT_ALLOWED.
    """
    item, standing = await movable(work, item_id, list(to), Move.PUT_OFF)
    now = work.app.now()
    changes: dict[Key, Clocking] = {}
    for one in standing:
        asked = to[one.key.division]
        changes[one.key] = Moved(
            one.clock.term + 1,
            min(asked.receive_by or one.receive_by, asked.deadline),
            asked.deadline,
            cause,
            reason,
            now,
            asked.counted_from,
            asked.work_days,
            asked.provisional,
            asked.calendar_version,
        )
    await _settle(work, item, standing, changes)


async def suspend(
    work: Work, item_id: UUID, divisions: Sequence[Code], reason: str
) -> None:
    """Stop the clocks of assignments that the acting division made.

    Raises:
        TierError: as `put_off`.
    """
    item, standing = await movable(work, item_id, divisions, Move.SUSPEND)
    now = work.app.now()
    changes = {one.key: Suspended(one.clock.term + 1, now, reason) for one in standing}
    await _settle(work, item, standing, changes)


async def resume(
    work: Work, item_id: UUID, divisions: Sequence[Code], reason: str
) -> int:
    """Let stopped clocks run again, later by the time they stood; return how many.

    No divisions: all that the acting division suspended.

    Raises:
        TierError: as `put_off`.
    """
    found: list[Code] = []
    if not divisions:
        acting = work.call.division
        found = await clock_store.suspended_by(work.tx, item_id, acting)
    item, standing = await movable(work, item_id, chosen(found, divisions), Move.RESUME)
    now = work.app.now()
    changes: dict[Key, Clocking] = {}
    for one in standing:
        receive_by, deadline, stopped = rules.resumed(one, now)
        changes[one.key] = Resumed(
            one.clock.term + 1, receive_by, deadline, stopped, now, reason
        )
    await _settle(work, item, standing, changes)
    return len(standing)


async def resume_call(
    app: App, call: Call, item_id: UUID, divisions: Sequence[Code], reason: str
) -> service.ResumeAssignmentsResponse:
    """Let stopped clocks run again, as a call of its own.

    Raises:
        TierError: as `put_off`.
    """
    response = service.ResumeAssignmentsResponse()
    async with once(app, call, response) as work:
        if work is not None:
            response.resumed_count = await resume(work, item_id, divisions, reason)
    return response


async def movable(
    work: Work, item_id: UUID, divisions: Sequence[Code], move: Move
) -> tuple[Item, list[Assignment]]:
    """Return the item and the assignments that may be moved so: all, or a refusal.

    Raises:
        TierError: as `put_off`.
    """
    item = await open_item(work, item_id)
    keys = [Key(item_id, code) for code in dict.fromkeys(divisions)]
    loaded = await store.load(work.tx, keys)
    for key in keys:
        # Whether others have the item is none of the acting division's business.
        if key not in loaded or not contains(work.call.division, key.division):
            raise AssignmentUnknown(division=key.division, item_id=item_id)
        no = rules.refusal(move, loaded[key], work.call.division)
        if no is not None:
            raise denied(no, loaded[key], move.value)
    return item, [loaded[key].assignment for key in keys]


async def _settle(
    work: Work,
    item: Item,
    standing: Sequence[Assignment],
    changes: Mapping[Key, Clocking],
) -> None:
    """Write changed clocks, and tell everybody concerned in the item's trace."""
    author = Author.at(
        work.app.now(), work.app.node.name, work.call.actor, item.traceparent
    )
    moved = [(one, changes[one.key]) for one in standing]
    acting = Acting(author, work.call.division)
    work.entries += await settle(work.app, work.tx, item.item_id, moved, acting)
