"""Take assignments back, with all that was split from them; or give them to somebody else."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

from ducha.assignment.v1 import assignment_facts_pb2 as facts
from ducha.assignment.v1 import assignment_pb2 as pb
from ducha.assignment.v1 import assignment_service_pb2 as service
from tier import division, routes
from tier.acting import Call, Work, once
from tier.app import App
from tier.assignment import clock_store, rules, store
from tier.assignment.actions.clocks import movable
from tier.assignment.actions.issue import pass_on
from tier.assignment.errors import TargetsInvalid, flawed
from tier.assignment.model import Assignment, Given, Item, Key
from tier.assignment.moves import Move
from tier.assignment.telling import Why, tell_withdrawn
from tier.jurisdiction import Code
from tier.runtime import moments


async def withdraw(
    app: App, call: Call, item_id: UUID, divisions: Sequence[Code], reason: str
) -> service.WithdrawAssignmentsResponse:
    """Take assignments back that the acting division made.

    Raises:
        TierError: ITEM_UNKNOWN, ASSIGNMENT_UNKNOWN, NOT_ASSIGNER, ITEM_ENDED,
            MOVE_NOT_ALLOWED.
    """
    response = service.WithdrawAssignmentsResponse()
    async with once(app, call, response) as work:
        if work is not None:
            item, gone = await movable(work, item_id, divisions, Move.WITHDRAW)
            await _take_back(work, item, [one.key.division for one in gone], reason)
            response.withdrawn_count = len(gone)
    return response


async def transfer(
    work: Work, item_id: UUID, to: Mapping[Code, str], reason: str
) -> None:
    """Take assignments back, each for another division or for nobody (empty).

    Who has it now has the time that is left, and to confirm receipt as long as the first had.

    Raises:
        TierError: as `withdraw`; TARGETS_INVALID: who shall have it has it, or may not.
    """
    item, gone = await movable(work, item_id, list(to), Move.WITHDRAW)
    for one in gone:
        code = one.key.division
        new = await _new_holder(work, item, one, to[code]) if to[code] else None
        await _take_back(work, item, [code], reason, to[code])
        if new is not None:
            given = _left(one, work.app.now())
            await pass_on(work, item, [new], given, one.instructions)


async def _new_holder(work: Work, item: Item, one: Assignment, text: str) -> Code:
    """Return who shall have an assignment, if it may.

    Raises:
        TargetsInvalid: it has the item, is not below who assigns, or not where the item's
            mode and reasons reach.
    """
    new = division.code(text, "transfer_to")
    found = rules.target_flaw(one.assigner, [new])
    if found is None:
        reason = pb.Item.FromString(item.body).skip_level_reason
        if rules.reach_flaw(one.assigner, item.mode, reason, [new]) is not None:
            problem = f"the item does not pass over a tier: {new}"
            raise TargetsInvalid(problem=problem, division=new)
    if found is not None:
        raise flawed(*found)
    standing = await division.known(work.tx, [new], division.today(work.app.now()))
    held = await store.load(work.tx, [Key(one.key.item_id, new)])
    if new not in standing or held:
        problem = "has this item already:" if held else "does not stand:"
        raise TargetsInvalid(problem=f"{problem} {new}", division=new)
    return new


def _left(one: Assignment, now: datetime) -> Given:
    """Return what a new holder is given: the time left, but at least that of the receipt.

    Of a stopped clock the time that it stood is given back.
    """
    receipt = one.receive_by - one.clock.assigned_at
    _, deadline, _ = rules.resumed(one, now)
    deadline = max(deadline, now + receipt)
    return Given(one.assigner, now, min(deadline, now + receipt), deadline)


async def _take_back(
    work: Work, item: Item, divisions: Sequence[Code], reason: str, to: str = ""
) -> None:
    """Withdraw, and tell everybody who had a part of it."""
    now = work.app.now()
    gone, below = await clock_store.withdraw(
        work.tx, item.item_id, divisions, to, work.call.division
    )
    for onward, codes in routes.both_ways(work.app.node, [*gone, *below]):
        payload = facts.AssignmentsWithdrawn(
            item_id=str(item.item_id),
            divisions=division.set_to(codes),
            reason=reason,
            withdraw_time=moments.stamp(now),
            transferred_to=to,
        )
        work.record(
            payload, subject=item.item_id, onward=onward, traceparent=item.traceparent
        )
    why = Why(now, work.entries[-1].fact_id, reason, to)
    await tell_withdrawn(work.app, work.tx, item.item_id, (gone, below), why)
