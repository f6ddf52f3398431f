"""Lead and assist: what assists is verified first, handed to the lead, and the lead closes."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from ducha.assignment.v1 import assignment_facts_pb2 as facts
from ducha.assignment.v1 import assignment_pb2 as pb
from tier.acting import Work
from tier.assignment import reports, store
from tier.assignment.errors import AssistsOpen
from tier.assignment.model import Assignment, Item, Key
from tier.assignment.telling import tell_contributed
from tier.jurisdiction import Code

SHOWN = 5


async def lead_comes_last(work: Work, item: Item, judged: Sequence[Assignment]) -> None:
    """Refuse to verify the lead before all that assist, unless they come with it.

    Raises:
        AssistsOpen: verify them first.
    """
    lead, assists = _units(item)
    judged_now = {one.key.division for one in judged}
    if lead not in judged_now:
        return
    loaded = await store.load(
        work.tx, [Key(item.item_id, Code(code)) for code in assists]
    )
    still_open = [
        key.division
        for key, one in loaded.items()
        if one.assignment.assigner == work.call.division
        and one.assignment.verified_at is None
        and not one.assignment.withdrawn
        and key.division not in judged_now
    ]
    if still_open:
        shown = ", ".join(sorted(still_open)[:SHOWN])
        raise AssistsOpen(division=lead, open_assists=shown)


async def hand_over(work: Work, item: Item, verified: Sequence[Assignment]) -> None:
    """Give the lead what verified assists reported."""
    lead, assists = _units(item)
    handed = [
        one for one in verified if one.key.division in assists and one.report_fact
    ]
    if not handed or not await store.load(work.tx, [Key(item.item_id, lead)]):
        return
    found = await reports.of(work.tx, [one.report_fact for one in handed])
    onward = tuple(work.app.node.branches([lead]))
    for one in handed:
        payload = facts.AssistContributed(
            item_id=str(item.item_id),
            assist_division=one.key.division,
            lead_division=lead,
            report=found.get(one.report_fact or UUID(int=0)),
        )
        work.record(
            payload, subject=item.item_id, onward=onward, traceparent=item.traceparent
        )
        source = work.entries[-1].fact_id
        await tell_contributed(work.app, work.tx, payload, work.app.now(), source)


def _units(item: Item) -> tuple[Code, frozenset[str]]:
    """Return the divisions that lead and assist."""
    message = pb.Item.FromString(item.body)
    assists = frozenset(unit.division for unit in message.assist_units)
    return item.closing.lead_division, assists - {item.closing.lead_division}
