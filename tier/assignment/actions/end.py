"""How an item ends, and goes on: concluded, closed, reopened, archived, or withdrawn."""

from __future__ import annotations

from dataclasses import replace
from uuid import UUID

from google.protobuf.message import Message

from ducha.assignment.v1 import assignment_facts_pb2 as facts
from ducha.assignment.v1 import assignment_pb2 as pb
from ducha.assignment.v1 import assignment_service_pb2 as service
from tier import calendar
from tier.acting import Call, Work, once
from tier.app import App
from tier.assignment import item_store, rules, wire
from tier.assignment.actions.calls import everywhere, item_for, open_item
from tier.assignment.errors import (
    ClosingHeld,
    ClosingRuleUnmet,
    NotClosed,
    NotConcluded,
    ReviewTermRuns,
)
from tier.assignment.model import Cause, Item, ItemState, Key
from tier.assignment.moves import ItemMove
from tier.assignment.telling import Why, tell_all
from tier.identity import current
from tier.inbox import Kind
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
            written = pb.Conclusion()
            written.CopyFrom(conclusion)
            written.conclude_time.FromDatetime(app.now())
            written.author = current.principal() or call.actor
            after = wire.concluded(item, written)
            payload = facts.ItemConcluded(item_id=str(item_id), conclusion=written)
            response.item.CopyFrom(await _set(work, after, payload))
    return response


async def close(app: App, call: Call, item_id: UUID) -> service.CloseItemResponse:
    """Close a concluded item.

    Raises:
        TierError: ITEM_UNKNOWN, NOT_ISSUER, ITEM_ENDED, NOT_CONCLUDED, CLOSING_HELD.
    """
    response = service.CloseItemResponse()
    async with once(app, call, response) as work:
        if work is not None:
            item = await open_item(work, item_id, by_issuer=True)
            if not rules.may_end(ItemMove.CLOSE, item.state):
                raise NotConcluded(item_id=item_id)
            _not_held(item)
            payload = facts.ItemClosed(
                item_id=str(item_id), close_time=moments.stamp(app.now())
            )
            after = replace(item, state=ItemState.CLOSED)
            response.item.CopyFrom(await _set(work, after, payload))
            await asking.not_needed_any_more(work, item_id, "item closed 事项已办结")
            await item_store.close(work.tx, item_id)
    return response


async def withdraw(
    app: App, call: Call, item_id: UUID, reason: str
) -> service.WithdrawItemResponse:
    """Take an item back, everywhere, and tell those already working.

    Raises:
        TierError: ITEM_UNKNOWN, NOT_ISSUER, ITEM_ENDED.
    """
    response = service.WithdrawItemResponse()
    async with once(app, call, response) as work:
        if work is not None:
            item = await open_item(work, item_id, by_issuer=True)
            payload = facts.ItemWithdrawn(
                item_id=str(item_id),
                reason=reason,
                withdraw_time=moments.stamp(app.now()),
            )
            after = replace(item, state=ItemState.WITHDRAWN)
            response.item.CopyFrom(await _set(work, after, payload))
            await asking.not_needed_any_more(work, item_id, reason)
            gone = await item_store.withdraw(work.tx, item_id)
            why = Why(app.now(), work.entries[-1].fact_id, reason)
            keys = [Key(item_id, code) for code in gone]
            await tell_all(app, work.tx, Kind.WITHDRAWN, keys, why)
    return response


async def reopen_call(
    app: App, call: Call, item_id: UUID, reason: str
) -> service.ReopenItemResponse:
    """Let a concluded or closed item go on.

    Raises:
        TierError: ITEM_UNKNOWN, NOT_ISSUER, ITEM_ENDED, NOT_CONCLUDED.
    """
    response = service.ReopenItemResponse()
    async with once(app, call, response) as work:
        if work is not None:
            item = await reopen(work, item_id, Cause.ISSUER, reason)
            response.item.CopyFrom(wire.item_to(item))
    return response


async def reopen(work: Work, item_id: UUID, cause: Cause, reason: str) -> Item:
    """Let an item go on, within a write of its issuer: a review may demand it.

    Raises:
        TierError: as `reopen_call`.
    """
    item = await item_for(work, item_id, ItemMove.REOPEN)
    if not rules.may_end(ItemMove.REOPEN, item.state):
        raise NotConcluded(item_id=item_id)
    now = work.app.now()
    after = replace(item, state=ItemState.ISSUED, reopened=item.reopened + 1)
    payload = facts.ItemReopened(
        item_id=str(item_id),
        cause=pb.Cause.ValueType(cause),
        reason=reason,
        reopen_time=moments.stamp(now),
        reopen_count=after.reopened,
    )
    await _set(work, after, payload)
    concerned = await item_store.go_on(work.tx, item_id)
    why = Why(now, work.entries[-1].fact_id, reason)
    keys = [Key(item_id, code) for code in concerned]
    await tell_all(work.app, work.tx, Kind.REOPENED, keys, why)
    return after


async def archive(app: App, call: Call, item_id: UUID) -> service.ArchiveItemResponse:
    """Close a closed item for good.

    Raises:
        TierError: ITEM_UNKNOWN, NOT_ISSUER, ITEM_ENDED, NOT_CLOSED, CLOSING_HELD,
            REVIEW_TERM_RUNS.
    """
    response = service.ArchiveItemResponse()
    async with once(app, call, response) as work:
        if work is not None:
            item = await item_for(work, item_id, ItemMove.ARCHIVE)
            if not rules.may_end(ItemMove.ARCHIVE, item.state):
                raise NotClosed(item_id=item_id)
            _not_held(item)
            await _review_over(work, item)
            payload = facts.ItemArchived(
                item_id=str(item_id), archive_time=moments.stamp(app.now())
            )
            after = replace(item, state=ItemState.ARCHIVED)
            response.item.CopyFrom(await _set(work, after, payload))
    return response


def _not_held(item: Item) -> None:
    """Refuse to close over what is still to be settled."""
    if item.rectifications or item.reviews:
        raise ClosingHeld(rectifications=item.rectifications, reviews=item.reviews)


async def _review_over(work: Work, item: Item) -> None:
    """Refuse while the supervised may ask for a review of the conclusion."""
    terms = wire.terms_of(item)
    if item.concluded_at is None or not terms.review:
        return
    days = await calendar.current(work.tx)
    until = calendar.after(days, item.concluded_at, terms.review).at
    if work.app.now() <= until:
        raise ReviewTermRuns(item_id=item.item_id, until=until.isoformat())


async def _rule_met(work: Work, item: Item) -> None:
    """Refuse while the closing rule lacks verified reports."""
    tally = await item_store.tally(work.tx, item)
    lacking = rules.lacking(
        item.closing, tally.targets, tally.verified, lead_verified=tally.lead_verified
    )
    if lacking:
        raise ClosingRuleUnmet(lacking=lacking)


async def _set(work: Work, item: Item, payload: Message) -> pb.Item:
    """Write where an item stands, tell everybody who holds it, and return it."""
    await item_store.set_state(work.tx, item)
    onward = await everywhere(work, item)
    work.record(
        payload, subject=item.item_id, onward=onward, traceparent=item.traceparent
    )
    return wire.item_to(item)
