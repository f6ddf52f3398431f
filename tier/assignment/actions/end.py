"""How an item ends: concluded, closed by its rule, or withdrawn."""

from __future__ import annotations

from uuid import UUID

from google.protobuf.message import Message

from ducha.assignment.v1 import assignment_facts_pb2 as facts
from ducha.assignment.v1 import assignment_pb2 as pb
from ducha.assignment.v1 import assignment_service_pb2 as service
from tier.acting import Call, Work, once
from tier.app import App
from tier.assignment import item_store, rules, wire
from tier.assignment.actions.calls import everywhere, open_item
from tier.assignment.errors import ClosingRuleUnmet, NotConcluded
from tier.assignment.model import Item, ItemState
from tier.registry import asking
from tier.runtime import moments


async def conclude(
    app: App, call: Call, item_id: UUID, conclusion: pb.Conclusion
) -> service.ConcludeItemResponse:
    """Write the issuer's conclusion, once enough is verified.

    Raises:
        TierError: ITEM_UNKNOWN, NOT_ISSUER, ITEM_ENDED, CLOSING_RULE_UNMET.
    """
    response = service.ConcludeItemResponse()
    async with once(app, call, response) as work:
        if work is not None:
            item = await open_item(work, item_id, by_issuer=True)
            await _rule_met(work, item)
            response.item.CopyFrom(wire.item_to(item))
            response.item.conclusion.CopyFrom(conclusion)
            payload = facts.ItemConcluded(item_id=str(item_id), conclusion=conclusion)
            await _end(work, item, response.item, ItemState.CONCLUDED, payload)
    return response


async def close(app: App, call: Call, item_id: UUID) -> service.CloseItemResponse:
    """Close a concluded item.

    Raises:
        TierError: ITEM_UNKNOWN, NOT_ISSUER, ITEM_ENDED, NOT_CONCLUDED.
    """
    response = service.CloseItemResponse()
    async with once(app, call, response) as work:
        if work is not None:
            item = await open_item(work, item_id, by_issuer=True)
            if item.state is not ItemState.CONCLUDED:
                raise NotConcluded(item_id=item_id)
            response.item.CopyFrom(wire.item_to(item))
            payload = facts.ItemClosed(
                item_id=str(item_id), close_time=moments.stamp(app.now())
            )
            await _end(work, item, response.item, ItemState.CLOSED, payload)
            await asking.not_needed_any_more(work, item_id, "item closed 事项已办结")
            await item_store.close(work.tx, item_id)
    return response


async def withdraw(
    app: App, call: Call, item_id: UUID, reason: str
) -> service.WithdrawItemResponse:
    """Take an item back, everywhere.

    Raises:
        TierError: ITEM_UNKNOWN, NOT_ISSUER, ITEM_ENDED.
    """
    response = service.WithdrawItemResponse()
    async with once(app, call, response) as work:
        if work is not None:
            item = await open_item(work, item_id, by_issuer=True)
            response.item.CopyFrom(wire.item_to(item))
            payload = facts.ItemWithdrawn(
                item_id=str(item_id),
                reason=reason,
                withdraw_time=moments.stamp(app.now()),
            )
            await _end(work, item, response.item, ItemState.WITHDRAWN, payload)
            await asking.not_needed_any_more(work, item_id, reason)
            await item_store.withdraw(work.tx, item_id)
    return response


async def _rule_met(work: Work, item: Item) -> None:
    """Refuse while the closing rule lacks verified reports."""
    tally = await item_store.tally(work.tx, item)
    lacking = rules.lacking(
        item.closing, tally.targets, tally.verified, lead_verified=tally.lead_verified
    )
    if lacking:
        raise ClosingRuleUnmet(lacking=lacking)


async def _end(
    work: Work, item: Item, message: pb.Item, state: ItemState, payload: Message
) -> None:
    """Set the item's state and tell everybody who holds it."""
    message.state = pb.ItemState.ValueType(state)
    await item_store.set_state(
        work.tx, item.item_id, state, message.SerializeToString()
    )
    onward = await everywhere(work, item)
    work.record(
        payload, subject=item.item_id, onward=onward, traceparent=item.traceparent
    )
