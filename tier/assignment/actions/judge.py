"""Down again: return a report with a reason, or verify it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from uuid import UUID

from google.protobuf.message import Message

from ducha.assignment.v1 import assignment_facts_pb2 as facts
from ducha.assignment.v1 import assignment_service_pb2 as service
from tier import division, routes
from tier.acting import Call, Work, once
from tier.app import App
from tier.assignment import clock_store, folding, rules, store, wire
from tier.assignment.actions import assisting
from tier.assignment.actions.calls import chosen, open_item
from tier.assignment.errors import AssignmentUnknown, denied
from tier.assignment.model import (
    Assignment,
    Change,
    Item,
    Key,
    Loaded,
    No,
    Returned,
    Verified,
)
from tier.assignment.moves import Move
from tier.jurisdiction import Code, contains
from tier.runtime import moments


async def send_back(
    app: App, call: Call, item_id: UUID, divisions: Sequence[Code], reason: str
) -> service.ReturnAssignmentsResponse:
    """Return reports; each assignment begins a new epoch.

    Raises:
        TierError: ITEM_UNKNOWN, ASSIGNMENT_UNKNOWN, NOT_ASSIGNER, ITEM_ENDED,
            MOVE_NOT_ALLOWED.
    """
    response = service.ReturnAssignmentsResponse()
    async with once(app, call, response) as work:
        if work is not None:
            item, judged = await _judged(work, item_id, divisions, Move.RETURN)
            now = app.now()
            changes = [Returned(one.epoch + 1, reason, now) for one in judged]
            changed = _folded(judged, changes)

            def told(codes: Sequence[Code]) -> Message:
                epochs = [changed[Key(item_id, code)].epoch for code in codes]
                return facts.AssignmentsReturned(
                    item_id=str(item_id),
                    divisions=division.set_to(codes),
                    reason=reason,
                    epochs=wire.epochs_in_order(codes, epochs),
                    return_time=moments.stamp(now),
                )

            await _settle(work, item, changed, told)
            keys = [one.key for one in judged]
            returns = list(zip(keys, changes, strict=True))
            await clock_store.note_returns(work.tx, returns)
            response.returned_count = len(changed)
    return response


async def verify(
    app: App, call: Call, item_id: UUID, divisions: Sequence[Code]
) -> service.VerifyAssignmentsResponse:
    """Accept reports.

    Raises:
        TierError: ITEM_UNKNOWN, ASSIGNMENT_UNKNOWN, NOT_ASSIGNER, ITEM_ENDED,
            MOVE_NOT_ALLOWED, ASSISTS_OPEN.
    """
    response = service.VerifyAssignmentsResponse()
    async with once(app, call, response) as work:
        if work is not None:
            item, judged = await _judged(work, item_id, divisions, Move.VERIFY)
            await assisting.lead_comes_last(work, item, judged)
            now = app.now()
            changes = [Verified(now, one.epoch) for one in judged]
            changed = _folded(judged, changes)

            def told(codes: Sequence[Code]) -> Message:
                epochs = [changed[Key(item_id, code)].epoch for code in codes]
                return facts.AssignmentsVerified(
                    item_id=str(item_id),
                    divisions=division.set_to(codes),
                    verify_time=moments.stamp(now),
                    epochs=wire.epochs_in_order(codes, epochs),
                )

            await _settle(work, item, changed, told)
            await assisting.hand_over(work, item, judged)
            response.verified_count = len(changed)
    return response


async def _judged(
    work: Work, item_id: UUID, divisions: Sequence[Code], move: Move
) -> tuple[Item, list[Assignment]]:
    """Return the item and the assignments whose reports may be judged: all, or a refusal."""
    item = await open_item(work, item_id)
    waiting: list[Code] = []
    if not divisions:
        waiting = await store.reported_to(work.tx, item_id, work.call.division)
    keys = [Key(item_id, division) for division in chosen(waiting, divisions)]
    loaded = await store.load(work.tx, keys)
    for key in keys:
        # Whether others have the item is none of the acting division's business.
        if key not in loaded or not contains(work.call.division, key.division):
            raise AssignmentUnknown(division=key.division, item_id=item_id)
        no = _no(move, loaded[key], work.call.division)
        if no is not None:
            raise denied(no, loaded[key], move.value)
    return item, [loaded[key].assignment for key in keys]


def _no(move: Move, loaded: Loaded, acting: Code) -> No | None:
    """Say why a report may not be judged so."""
    if move is Move.RETURN:
        return rules.may_return(loaded, acting)
    return rules.refusal(move, loaded, acting)


def _folded(
    judged: Sequence[Assignment], changes: Sequence[Change]
) -> dict[Key, Assignment]:
    """Return the assignments after their changes."""
    folded = (
        folding.fold(one, change) for one, change in zip(judged, changes, strict=True)
    )
    return {one.key: one for one in folded if isinstance(one, Assignment)}


async def _settle(
    work: Work,
    item: Item,
    changed: Mapping[Key, Assignment],
    told: Callable[[Sequence[Code]], Message],
) -> None:
    """Write judgements and tell, in the item's trace, everybody concerned of their part."""
    if not changed:
        return
    await store.write(work.tx, changed)
    divisions = [key.division for key in changed]
    for onward, codes in routes.both_ways(work.app.node, divisions):
        work.record(
            told(codes),
            subject=item.item_id,
            onward=onward,
            traceparent=item.traceparent,
        )
