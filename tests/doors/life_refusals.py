"""How items come to where they end, go on again or stand still; and what is refused there."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from uuid import UUID

from ducha.assignment.v1 import assignment_pb2 as nouns
from tests.doors import letters, petition_rpcs, supervision_rpcs
from tests.doors.cases import Case, Met
from tests.doors.letters import TOWNSHIPS
from tests.doors.petition_rpcs import SUSPENSION, a_draft
from tests.doors.tiers import Line, Tier
from tier.assignment import errors
from tier.runtime.errors import TierError

LEAD, ASSIST = TOWNSHIPS[:2]
LONG_AGO = """
    UPDATE assignment_item SET concluded_at = now() - interval '90 days' WHERE item_id = $1
"""


def led(lead: str = LEAD, *assists: str) -> nouns.Item:
    """Return an item that one township leads; others assist."""
    closing = nouns.ClosingRule(kind=nouns.ClosingRule.KIND_LEAD)
    item = letters.an_item(lead=lead, closing=closing)
    for code in assists or (ASSIST,):
        item.assist_units.add(division=code, name="协办单位")
    return item


async def concluded(line: Line) -> str:
    """Bring an item to its conclusion."""
    return await petition_rpcs.concluded(line)


async def closed(line: Line) -> str:
    """Bring an item to its end, and let every tier hear of it."""
    item_id = await concluded(line)
    await line.province.items.CloseItem(letters.close(item_id))
    await line.settled()
    return item_id


async def reviewable_no_more(line: Line) -> str:
    """Bring an item to its end, long ago as far as the province knows."""
    item_id = await closed(line)
    await line.province.db.execute(LONG_AGO, UUID(item_id))
    return item_id


async def suspended(line: Line) -> str:
    """Bring a township's assignment to stand still, as it asked."""
    item_id = await letters.issued(line)
    petitions = await petition_rpcs.filed(line, a_draft(item_id, SUSPENSION))
    await petition_rpcs.decided(line, *petitions)
    return item_id


READY: Mapping[str, Callable[[Line], Awaitable[str]]] = {
    "ReopenItem": closed,
    "ArchiveItem": reviewable_no_more,
    "ResumeAssignments": suspended,
}
"""How an item comes to where the sound request of an RPC is allowed."""


def closes(tier: Tier, item_id: str) -> Met:
    return Met(tier, lambda: tier.items.CloseItem(letters.close(item_id)))


def archives(tier: Tier, item_id: str) -> Met:
    return Met(tier, lambda: tier.items.ArchiveItem(letters.archive(item_id)))


async def not_closed(line: Line) -> Met:
    """The province archives what it only concluded."""
    return archives(line.province, await concluded(line))


async def closing_held(line: Line) -> Met:
    """The province closes an item with a point to rectify."""
    item_id = await concluded(line)
    await supervision_rpcs.opened(line, item_id, LEAD)
    return closes(line.province, item_id)


async def review_term_runs(line: Line) -> Met:
    """The province archives an item of today."""
    return archives(line.province, await closed(line))


async def assists_open(line: Line) -> Met:
    """The province verifies the lead, while who assists has not even reported."""
    request = letters.issue(LEAD, ASSIST, item=led())
    item_id = await letters.issued(line, request)
    await line.township.items.ReportAssignments(letters.report(item_id, LEAD))
    await line.settled()
    verifying = letters.verify(item_id, LEAD)
    return Met(line.province, lambda: line.province.items.VerifyAssignments(verifying))


CASES: dict[type[TierError], Case] = {
    errors.NotClosed: not_closed,
    errors.ClosingHeld: closing_held,
    errors.ReviewTermRuns: review_term_runs,
    errors.AssistsOpen: assists_open,
}
