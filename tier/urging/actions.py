"""What urging does: urge by hand or by rule, and alert who is urged, once a day."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from uuid import UUID

import uuid_utils

from ducha.urging.v1 import urging_service_pb2 as pb
from tier import assignment, calendar, inbox, ledger, routes
from tier.acting import Call, Work, once
from tier.app import App
from tier.assignment import Item, Key, Standing
from tier.assignment.actions.calls import open_item
from tier.assignment.errors import AssignmentUnknown
from tier.assignment.model import Light
from tier.assignment.rules import light
from tier.inbox import Kind, Notice
from tier.jurisdiction import Code, contains
from tier.ledger import Author, Entry
from tier.runtime.db import Tx
from tier.urging import rules, store, wire
from tier.urging.errors import NothingToUrge, NotYoursToUrge
from tier.urging.model import No, Urge

BY_RULE = "已逾期，请尽快办理。Overdue: please report."


async def urge(
    app: App, call: Call, item_id: UUID, divisions: Sequence[Code], message: str
) -> pb.UrgeAssignmentsResponse:
    """Urge executors; with none named, all that the division assigned and waits for.

    Raises:
        TierError: ITEM_UNKNOWN, ITEM_ENDED, ASSIGNMENT_UNKNOWN, NOT_YOURS_TO_URGE,
            NOTHING_TO_URGE.
    """
    response = pb.UrgeAssignmentsResponse()
    async with once(app, call, response) as work:
        if work is not None:
            item = await open_item(work, item_id)
            codes = await _urgeable(work, item, divisions)
            now = app.now()
            one = Urge(_new_id(), item_id, call.division, call.actor, message, now)
            author = Author.at(now, app.node.name, call.actor, item.traceparent)
            work.entries.extend(await _tell(app, work.tx, one, codes, author))
            response.urged_count = len(codes)
            response.urge_id = str(one.urge_id)
    return response


async def by_rule(
    app: App,
    tx: Tx,
    item_id: UUID,
    by_division: Code,
    divisions: Collection[Code],
    *,
    now: datetime,
) -> list[Entry]:
    """Urge by the rule of the item's terms; return the facts to append.

    Only who still has something to report to `by_division`, and at most once a working
    day: calling it again is harmless.
    """
    item = await assignment.item_of(tx, item_id)
    if item is None or item.ended:
        return []
    since = rules.rule_day(await calendar.current(tx), now)
    codes = await store.due_by_rule(tx, item_id, by_division, divisions, since)
    if not codes:
        return []
    node = app.node.name
    one = Urge(_new_id(), item_id, by_division, node, BY_RULE, now, by_rule=True)
    author = Author.at(now, node, node, item.traceparent)
    return await _tell(app, tx, one, codes, author)


def _new_id() -> UUID:
    return UUID(int=uuid_utils.uuid7().int)


async def _urgeable(work: Work, item: Item, asked: Sequence[Code]) -> Sequence[Code]:
    """Return who is urged: all, or a refusal."""
    acting = work.call.division
    if not asked:
        found = await store.waiting(work.tx, item.item_id, acting)
        if not found:
            raise NothingToUrge(division=acting, state="none open 无未反馈的交办单")
        return found
    keys = [Key(item.item_id, code) for code in dict.fromkeys(asked)]
    standing = await assignment.standing(work.tx, keys)
    for key in keys:
        # Whether others have the item is none of the acting division's business.
        if key not in standing or not contains(acting, key.division):
            raise AssignmentUnknown(division=key.division, item_id=item.item_id)
        one = standing[key].assignment
        match rules.refusal(one, item.issuer, acting):
            case No.NOT_YOURS:
                raise NotYoursToUrge(
                    division=key.division,
                    assigner=one.assigner,
                    issuer=item.issuer,
                    acting=acting,
                )
            case No.NOTHING:
                raise NothingToUrge(division=key.division, state=one.state.name)
    return [key.division for key in keys]


async def _tell(
    app: App, tx: Tx, one: Urge, codes: Sequence[Code], author: Author
) -> list[Entry]:
    """Keep an urge and return its facts: for each branch its own, and for above."""
    entries = []
    for onward, part in routes.both_ways(app.node, codes):
        entry = ledger.record(
            author,
            wire.urged_to(one, part),
            division=one.by,
            subject=str(one.item_id),
            onward=onward,
        )
        await take(app, tx, one, part, entry.fact_id)
        entries.append(entry)
    return entries


async def take(
    app: App, tx: Tx, one: Urge, divisions: Sequence[Code], source: UUID
) -> None:
    """Keep an urge that the fact `source` tells, and alert those who act here.

    Once a day, the digest shows the rest; but what is past its deadline, each time.
    """
    fresh = await store.add(tx, one, divisions)
    ours = [Key(one.item_id, code) for code in fresh if app.node.acts_for(code)]
    if not ours:
        return
    standing = await assignment.standing(tx, ours)
    now = app.now()
    lights = {
        key.division: shown(found, now)
        for key, found in standing.items()
        if found.assignment.state in rules.WAITING
    }
    day = rules.day_of(one.at)
    first = await store.begin_digests(tx, list(lights), day, now)
    red = {code for code, seen in lights.items() if seen is Light.RED}
    alerted = rules.alerted(first, red, lights)
    if not alerted:
        return
    counts = await store.counts(tx, alerted, day)
    same = {
        "title": wire.title(standing[ours[0]].item),
        "by_division": one.by,
        "reason": one.message,
        "day": day.isoformat(),
    }
    notices = []
    for code in alerted:
        deadline = standing[Key(one.item_id, code)].assignment.deadline
        count = str(counts[code])
        details = {**same, "count": count, "deadline": deadline.isoformat()}
        kind, light_now = Kind.URGE_DIGEST, lights[code] or 0
        notices.append(
            Notice(code, kind, one.item_id, one.at, light_now, source, details)
        )
    await inbox.deliver(app, tx, notices)


def shown(found: Standing, now: datetime) -> Light | None:
    """Return the light of an assignment."""
    return light(found.assignment, found.terms.near_percent, now)
