"""Points of rectification, as units of four tiers open, report and judge them (simulated)."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from ducha.rectification.v1 import rectification_pb2 as nouns
from ducha.rectification.v1 import rectification_service_pb2 as pb
from tests.stores.supervised import (
    DAY,
    NOW,
    PROVINCE,
    TOWN,
    Line,
    a_call,
)
from tier import ledger
from tier.app import App
from tier.calendar import Term
from tier.jurisdiction import Code
from tier.rectification import queries, remind
from tier.rectification.actions import filing, judging, opening
from tier.rectification.actions.filing import Filing
from tier.rectification.actions.opening import Wanted

ROWS = """
    SELECT rectification_id, item_id, division, opener_division, problem, requirement,
           opened_at, deadline_at, provisional, round, return_reason, reported_round,
           reported_at, report, closed_at, note, withdrawn, state
      FROM rectification ORDER BY rectification_id
"""
HELD = "SELECT rectifications FROM assignment_item WHERE item_id = $1"
DONE = nouns.RectificationReport(
    action="已整改",
    evidence=[nouns.RectificationReport.Evidence(text="现场记录", sha256="ab" * 32)],
)
IN_A_WEEK = NOW + 7 * DAY


async def open_points(
    line: Line,
    item_id: UUID,
    *divisions: Code,
    by: Code = PROVINCE,
    app: App | None = None,
    due: datetime | Term = IN_A_WEEK,
) -> list[UUID]:
    """Open a point at each division."""
    wanted = [Wanted(code, "台账不全", "补齐台账", due) for code in divisions]
    where = app or line.province
    done = await opening.open_points(where, a_call(by), item_id, wanted)
    return [UUID(one.rectification_id) for one in done.rectifications]


async def report(
    line: Line, *points: UUID, by: Code = TOWN, number: int = 0
) -> pb.ReportRectificationsResponse:
    filings = [Filing(one, number, DONE) for one in points]
    return await filing.report(line.township, a_call(by), filings)


async def close(line: Line, *points: UUID) -> pb.CloseRectificationsResponse:
    return await judging.close(line.province, a_call(PROVINCE), points, "同意销号")


async def send_back(
    line: Line, *points: UUID, due: datetime | Term | None = None
) -> pb.ReturnRectificationsResponse:
    call = a_call(PROVINCE)
    return await judging.send_back(line.province, call, points, "佐证不足", due)


async def sweep(app: App, limit: int = 100) -> int:
    """Remind as the timers do; return how many facts were made."""
    async with app.db.transaction() as tx:
        entries = await remind(app, tx, app.now(), limit)
        await ledger.append(tx, app.feed, entries, app.now())
    return len(entries)


async def rows(app: App) -> list[tuple[object, ...]]:
    async with app.db.reading() as tx:
        return [tuple(row) for row in await tx.fetch(ROWS)]


async def holds(app: App, item_id: UUID) -> int:
    async with app.db.reading() as tx:
        count: int = await tx.fetchval(HELD, item_id)
    return count


async def seen(app: App) -> list[nouns.Rectification]:
    listed = await queries.list_points(app, pb.ListRectificationsRequest())
    return list(listed.rectifications)


async def alike(line: Line, lowest: int = 0) -> bool:
    """Whether tiers hold the same points, and count the same of them as standing."""
    apps = line.apps[lowest:]
    held = [await rows(app) for app in apps]
    items = {row[1] for row in held[0]}
    counts = [[await holds(app, one) for one in items] for app in apps]  # type: ignore[arg-type]
    standing = [
        sum(row[1] == one and row[-4] is None and not row[-2] for row in held[0])
        for one in items
    ]
    same = all(one == held[0] for one in held)
    return same and all(one == standing for one in counts) and bool(held[0])
