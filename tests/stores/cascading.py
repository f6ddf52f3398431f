"""Items that are split from tier to tier, and what single tiers do with them (simulated).

The line is that of `supervised`: four nodes whose links carry only when told to.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from ducha.assignment.v1 import assignment_pb2 as nouns
from ducha.assignment.v1 import assignment_service_pb2 as service
from ducha.calendar.v1 import calendar_pb2
from tests.doors import letters
from tests.stores.supervised import (
    ACTOR,
    CITY,
    COUNTY,
    DAY,
    OTHER,
    PROVINCE,
    TOWN,
    Line,
    a_call,
)
from tier.acting import Work, once
from tier.app import App
from tier.assignment import queries
from tier.assignment.actions import clocks, issue, judge, report, withdraw
from tier.assignment.actions.issue import Split
from tier.assignment.actions.report import Filing, Piece
from tier.assignment.model import Cause, Key, PutOff
from tier.calendar import Term
from tier.jurisdiction import Code
from tier.runtime import moments
from tier.runtime.errors import TierError
from tier.runtime.requests import Request

WHY = "情况有变（模拟）"


def an_item(
    line: Line,
    mode: nouns.Mode.ValueType = nouns.MODE_CASCADE,
    deadline: datetime | None = None,
) -> nouns.Item:
    """Return an item that may be issued, due in ten days."""
    item = letters.an_item(mode=mode)
    item.receive_by_time.CopyFrom(moments.stamp_of(line.clock() + DAY))
    ends = deadline or line.clock() + 10 * DAY
    item.deadline_time.CopyFrom(moments.stamp_of(ends))
    return item


def in_days(item: nouns.Item, days: int, receive: int = 1) -> nouns.Item:
    """Let an item's moments be counted in working days."""
    item.ClearField("receive_by_time")
    item.ClearField("deadline_time")
    item.receive_within.CopyFrom(calendar_pb2.Term(working_days=receive))
    item.work_within.CopyFrom(calendar_pb2.Term(working_days=days))
    return item


async def issued(line: Line, item: nouns.Item, *targets: Code) -> UUID:
    """Issue an item at the province; nobody below hears of it yet."""
    selection = nouns.TargetSelection(divisions=targets)
    done = await issue.issue(line.province, a_call(PROVINCE), item, selection)
    return UUID(done.item.item_id)


async def split(
    app: App,
    item_id: UUID,
    division: Code,
    targets: Sequence[Code],
    *,
    until: datetime | None = None,
    within: int = 0,
) -> service.SplitAssignmentResponse:
    """Pass a division's assignment on; nobody else hears of it yet."""
    selection = nouns.TargetSelection(divisions=targets)
    term = Term(working_days=within)
    asked = Split(item_id, selection, None, until, WHY, work_within=term)
    return await issue.split(app, a_call(division), asked)


async def cascaded(line: Line, *towns: Code, item: nouns.Item | None = None) -> UUID:
    """Issue an item to the city, split it to the county and its townships; all know."""
    item_id = await issued(line, item or an_item(line), CITY)
    await line.settle()
    await split(line.city, item_id, CITY, [COUNTY])
    await line.settle()
    await split(line.county, item_id, COUNTY, towns or (TOWN, OTHER))
    await line.settle()
    return item_id


async def seen(app: App, item_id: UUID, division: Code) -> nouns.Assignment:
    """Return an assignment as a node shows it."""
    return (await queries.get_assignment(app, Key(item_id, division))).assignment


async def shown(line: Line, item_id: UUID, division: Code) -> list[nouns.Assignment]:
    """Return an assignment as each node that is concerned shows it, the lowest first."""
    concerned = [app for app in line.apps if app.node.covers(division)]
    return [await seen(app, item_id, division) for app in concerned]


async def receive(app: App, item_id: UUID, *divisions: Code) -> None:
    """Confirm receipt."""
    await _file(app, [Piece(Key(item_id, one)) for one in divisions])


async def do_report(app: App, item_id: UUID, *divisions: Code, epoch: int = 0) -> None:
    """Report."""
    said = letters.a_report()
    await _file(app, [Piece(Key(item_id, one), epoch, said) for one in divisions])


async def _file(app: App, pieces: Sequence[Piece]) -> None:
    filing = Filing(Request(uuid4(), "test", b""), ACTOR, tuple(pieces))
    for outcome in await report.file(app, [filing]):
        if isinstance(outcome, TierError):
            raise outcome


async def verify(app: App, item_id: UUID, by: Code, *divisions: Code) -> None:
    """Accept reports."""
    await judge.verify(app, a_call(by), item_id, divisions)


async def send_back(app: App, item_id: UUID, by: Code, *divisions: Code) -> None:
    """Return reports."""
    await judge.send_back(app, a_call(by), item_id, divisions, WHY)


async def take_back(app: App, item_id: UUID, by: Code, *divisions: Code) -> int:
    """Withdraw assignments; return how many."""
    done = await withdraw.withdraw(app, a_call(by), item_id, divisions, WHY)
    return done.withdrawn_count


async def move(app: App, by: Code, name: str, item_id: UUID, *args: Any) -> None:
    """Make a move that a petition or the like ends in, in a write of a division."""
    moves: dict[str, Callable[..., Awaitable[object]]] = {
        "put off": _put_off,
        "suspend": clocks.suspend,
        "resume": clocks.resume,
        "transfer": withdraw.transfer,
    }
    async with once(app, a_call(by), service.CloseItemResponse()) as work:
        assert work is not None
        await moves[name](work, item_id, *args, WHY)


async def _put_off(
    work: Work, item_id: UUID, to: dict[Code, datetime], reason: str
) -> None:
    """Grant an extension."""
    later = {division: PutOff(until) for division, until in to.items()}
    await clocks.put_off(work, item_id, later, Cause.EXTENSION, reason)
