"""For every refusal a way to meet it: what is prepared, and the call that is refused."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import UTC, datetime
from uuid import UUID, uuid4

import asyncpg
import grpc

from deploy.embedded.otlp import TraceUnknown
from ducha.assignment.v1 import assignment_pb2 as nouns
from ducha.assignment.v1 import assignment_service_pb2 as pb
from ducha.division.v1 import division_pb2
from ducha.division.v1 import division_service_pb2 as division
from ducha.link.v1 import link_service_pb2 as link
from ducha.reporting.v1 import reporting_service_pb2 as reporting
from ducha.trace.v1 import trace_service_pb2 as trace
from ducha.trace.v1.trace_service_pb2_grpc import TraceServiceStub
from tests.doors import (
    calendar_rpcs,
    data_refusals,
    inbox_rpcs,
    letters,
    life_refusals,
    petition_rpcs,
    supervision_rpcs,
    wall_refusals,
)
from tests.doors.cases import Case, Met, straight
from tests.doors.data_refusals import UNKNOWN
from tests.doors.letters import TOWNSHIPS, request_id
from tests.doors.tiers import Line, Tier
from tier.assignment import errors as assignment_errors
from tier.division import errors as division_errors
from tier.link import errors as link_errors
from tier.reporting import errors as reporting_errors
from tier.runtime import errors
from tier.runtime.errors import TierError

QUARANTINE = """
    INSERT INTO link_quarantine (neighbour, epoch, seq, fact_id, kind, reason, detail, body,
                                 downward, quarantined_at)
    VALUES ('city', 1, $1, '', '', 'UNREADABLE', 'not a fact', $2, false, now())
    RETURNING quarantine_id
"""
USE_ID = """
    INSERT INTO request (request_id, method, fingerprint, response) VALUES ($1, 'test', '', '')
"""
WAITING = """
    SELECT pid FROM pg_stat_activity
     WHERE datname = current_database() AND pg_backend_pid() = ANY (pg_blocking_pids(pid))
"""
TERMINATE = "SELECT pg_terminate_backend($1)"


def on_item(make: Callable[[Line, str], Met]) -> Case:
    """Return a case on an item that was issued to all townships."""

    async def case(line: Line) -> Met:
        return make(line, await letters.issued(line))

    return case


def issuing(change: Callable[[pb.IssueItemRequest], object]) -> Case:
    """Return a case of a province that issues something wrong."""

    def make(line: Line) -> Met:
        request = letters.issue(*TOWNSHIPS)
        change(request)
        return Met(line.province, lambda: line.province.items.IssueItem(request))

    return straight(make)


async def children_open(line: Line) -> Met:
    """A city reports while a county below it is not verified."""
    item = letters.an_item(mode=nouns.MODE_CASCADE)
    item_id = await letters.issued(line, letters.issue("5301", item=item))
    await line.city.items.SplitAssignment(letters.split(item_id, "5301", "530102"))
    await line.settled()
    request = letters.report(item_id, "5301")
    return Met(line.city, lambda: line.city.items.ReportAssignments(request))


async def epoch_stale(line: Line) -> Met:
    """A township reports under the epoch that a return ended."""
    item_id = await letters.reported(line)
    await line.province.items.ReturnAssignments(
        letters.send_back(item_id, TOWNSHIPS[0])
    )
    await line.settled()
    request = letters.report(item_id, TOWNSHIPS[0], epoch=1)
    return Met(line.township, lambda: line.township.items.ReportAssignments(request))


async def item_ended(line: Line) -> Met:
    """A township reports on what was withdrawn."""
    item_id = await letters.issued(line)
    await line.province.items.WithdrawItem(letters.withdraw(item_id))
    await line.settled()
    request = letters.report(item_id, TOWNSHIPS[0])
    return Met(line.township, lambda: line.township.items.ReportAssignments(request))


async def not_concluded(line: Line) -> Met:
    """The province closes what it has not concluded."""
    item_id = await letters.reported(line)
    request = letters.close(item_id)
    return Met(line.province, lambda: line.province.items.CloseItem(request))


async def request_id_reused(line: Line) -> Met:
    """The id of one item's issue, for another item."""
    request = letters.issue(*TOWNSHIPS)
    await letters.issued(line, request)
    request.item.title = "另一事项"
    return Met(line.province, lambda: line.province.items.IssueItem(request))


async def quarantine_stands(line: Line) -> Met:
    """A fact that could not be read is no more readable than before."""
    entry: int = await line.province.db.fetchval(
        QUARANTINE, uuid4().int % 2**40, b"\xff"
    )
    request = link.RetryQuarantineRequest(quarantine_id=entry)
    return Met(line.province, lambda: line.province.operation.RetryQuarantine(request))


async def contended(line: Line) -> Met:
    """Another process on the same database commits the same request id first."""
    item_id = await letters.issued(line)
    request = letters.withdraw(item_id)

    async def call() -> object:
        await line.province.db.execute("BEGIN")
        await line.province.db.execute(USE_ID, UUID(request.request_id))
        going = asyncio.ensure_future(
            _answer(line.province.items.WithdrawItem(request))
        )
        try:
            await _waiting(line.province)
        finally:
            await line.province.db.execute("COMMIT")
        # Deleted sooner, the row would be gone before the other has looked again.
        await asyncio.wait([going])
        await line.province.db.execute(
            "DELETE FROM request WHERE request_id = $1", UUID(request.request_id)
        )
        return await going

    return Met(line.province, call)


async def database_away(line: Line) -> Met:
    """The connection dies while the call waits for it."""
    item_id = await letters.issued(line)
    request = letters.withdraw(item_id)

    async def call() -> object:
        async with line.province.held():
            going = asyncio.ensure_future(
                _answer(line.province.items.WithdrawItem(request))
            )
            backend = await _waiting(line.province)
            other = await asyncpg.connect(line.province.url)
            await other.execute(TERMINATE, backend)
            await other.close()
            with suppress(grpc.aio.AioRpcError):
                await asyncio.wait([going])
        return await going

    return Met(line.province, call)


async def _answer(call: Awaitable[object]) -> object:
    return await call


async def _waiting(tier: Tier) -> int:
    """Wait until a backend of the node waits for our lock; return its process."""
    async with asyncio.timeout(10):
        while True:
            pid: int | None = await tier.db.fetchval(WAITING)
            if pid is not None:
                return pid
            await asyncio.sleep(0.005)


async def trace_unknown(line: Line) -> Met:
    """The receiver of spans keeps none of this trace."""
    told = json.loads((line.data / "endpoints.json").read_text())
    address = told["otlp"]["endpoint"].removeprefix("http://")
    request = trace.GetTraceRequest(trace_id="0" * 32)

    async def call() -> object:
        async with grpc.aio.insecure_channel(address) as channel:
            return await TraceServiceStub(channel).GetTrace(request)

    return Met(line.province, call)


def reporting_twice(line: Line, item_id: str) -> Met:
    """One call, one township, two reports: the second is no report of what is open."""
    request = letters.report(item_id, TOWNSHIPS[0], TOWNSHIPS[0])
    return Met(line.township, lambda: line.township.items.ReportAssignments(request))


def a_row(code: str) -> division.ImportDivisionsRequest:
    row = division_pb2.Division(
        code=code, name="某县", level=division_pb2.LEVEL_COUNTY, parent_code=code[:4]
    )
    return division.ImportDivisionsRequest(
        request_id=request_id(), actor=letters.ACTOR, divisions=[row]
    )


def past(request: pb.IssueItemRequest) -> None:
    request.item.receive_by_time.FromDatetime(datetime(2020, 1, 1, tzinfo=UTC))


def quorum_of_none(request: pb.IssueItemRequest) -> None:
    request.item.closing_rule.kind = nouns.ClosingRule.KIND_QUORUM


CASES: dict[type[TierError], Case] = (
    data_refusals.CASES
    | wall_refusals.CASES
    | calendar_rpcs.CASES
    | inbox_rpcs.CASES
    | life_refusals.CASES
    | petition_rpcs.CASES
    | supervision_rpcs.CASES
    | {
        assignment_errors.AssignmentUnknown: on_item(
            lambda line, item_id: Met(
                line.township,
                lambda: line.township.items.ReceiveAssignments(
                    letters.receive(item_id, TOWNSHIPS[0], "530102009")
                ),
            )
        ),
        assignment_errors.ChildrenOpen: children_open,
        assignment_errors.ClosingRuleInvalid: issuing(quorum_of_none),
        assignment_errors.ClosingRuleUnmet: on_item(
            lambda line, item_id: Met(
                line.province,
                lambda: line.province.items.ConcludeItem(letters.conclude(item_id)),
            )
        ),
        assignment_errors.DeadlineInvalid: issuing(past),
        assignment_errors.EpochStale: epoch_stale,
        assignment_errors.ItemEnded: item_ended,
        assignment_errors.LevelMayNotIssue: straight(
            lambda line: Met(
                line.township,
                lambda: line.township.items.IssueItem(
                    letters.issue("530102001001", division="530102001")
                ),
            )
        ),
        assignment_errors.MoveNotAllowed: on_item(reporting_twice),
        assignment_errors.NotAssigner: on_item(
            lambda line, item_id: Met(
                line.city,
                lambda: line.city.items.VerifyAssignments(
                    letters.verify(item_id, TOWNSHIPS[0], division="5301")
                ),
            )
        ),
        assignment_errors.NotCascade: on_item(
            lambda line, item_id: Met(
                line.township,
                lambda: line.township.items.SplitAssignment(
                    letters.split(item_id, "530102001", "530102001001")
                ),
            )
        ),
        assignment_errors.NotConcluded: not_concluded,
        assignment_errors.NotIssuer: on_item(
            lambda line, item_id: Met(
                line.county,
                lambda: line.county.items.WithdrawItem(
                    letters.withdraw(item_id, division="530102")
                ),
            )
        ),
        assignment_errors.SkipLevelUnreasoned: issuing(
            lambda request: request.item.ClearField("skip_level_reason")
        ),
        assignment_errors.TargetsInvalid: issuing(
            lambda request: request.targets.divisions.append("530199001")
        ),
        assignment_errors.UrgencyUnjustified: issuing(
            lambda request: setattr(request.item, "urgency", nouns.URGENCY_EMERGENCY)
        ),
        division_errors.DivisionRowsInvalid: straight(
            lambda line: Met(
                line.province,
                lambda: line.province.keeping.ImportDivisions(a_row("530901")),
            )
        ),
        division_errors.DivisionUnknown: straight(
            lambda line: Met(
                line.county,
                lambda: line.county.divisions.GetDivision(
                    division.GetDivisionRequest(code="530199")
                ),
            )
        ),
        link_errors.NeighbourUnknown: straight(
            lambda line: Met(
                line.city,
                lambda: line.city.links.Sync(link.SyncRequest(child="stranger")),
            )
        ),
        link_errors.QuarantineStands: quarantine_stands,
        link_errors.QuarantineUnknown: straight(
            lambda line: Met(
                line.county,
                lambda: line.county.operation.DropQuarantine(
                    link.DropQuarantineRequest(
                        quarantine_id=2**62, actor="甲", reason="无"
                    )
                ),
            )
        ),
        reporting_errors.ItemUnknown: straight(
            lambda line: Met(
                line.province,
                lambda: line.province.items.CloseItem(letters.close(UNKNOWN)),
            )
        ),
        errors.ResumeTokenInvalid: straight(
            lambda line: Met(
                line.city,
                lambda: line.city.progress.WatchDivision(
                    reporting.WatchDivisionRequest(division="5301", resume_token="gone")  # noqa: S106
                ).read(),
            )
        ),
        errors.Contended: contended,
        errors.DatabaseAway: database_away,
        errors.DivisionNotHosted: straight(
            lambda line: Met(
                line.province,
                lambda: line.province.items.IssueItem(
                    letters.issue("530102", division="5301")
                ),
            )
        ),
        errors.InvalidInput: issuing(lambda request: request.item.ClearField("title")),
        errors.PageTokenInvalid: straight(
            lambda line: Met(
                line.city,
                lambda: line.city.items.ListItems(pb.ListItemsRequest(page_token="?")),  # noqa: S106
            )
        ),
        errors.RequestIdReused: request_id_reused,
        TraceUnknown: trace_unknown,
    }
)
