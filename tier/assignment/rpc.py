"""The gRPC door: translate, act, translate back."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import grpc

from ducha.assignment.v1 import assignment_service_pb2 as pb
from ducha.assignment.v1.assignment_service_pb2_grpc import (
    AssignmentServiceServicer,
    add_AssignmentServiceServicer_to_server,
)
from tier import division
from tier.acting import call_of
from tier.app import App
from tier.assignment import queries, recounting, settling, wire
from tier.assignment.actions import clocks, end, issue, judge, report, withdraw
from tier.assignment.actions.report import Filing, Piece
from tier.assignment.model import Key
from tier.calendar import term_from
from tier.runtime import moments, requests
from tier.runtime.batch import Batcher
from tier.upkeep import Upkeep

Context = grpc.aio.ServicerContext[Any, Any]

BATCH_PIECES = 256
WAITING_CALLS = 2000


class AssignmentService(AssignmentServiceServicer):
    """Serve `ducha.assignment.v1.AssignmentService`."""

    def __init__(self, app: App) -> None:
        """Answer from the database of `app`; receipts and reports are batched."""
        self._app = app
        self._filings: Batcher[Filing, bytes] = Batcher(
            lambda filings: report.file(app, filings),
            weigh=lambda filing: len(filing.pieces),
            bound=BATCH_PIECES,
            limit=WAITING_CALLS,
        )
        app.tasks.create_task(self._filings.run())
        app.tasks.create_task(Upkeep(app, settling.ABOUT, settling.settle).run())
        app.tasks.create_task(Upkeep(app, recounting.ABOUT, recounting.recount).run())

    async def IssueItem(
        self, request: pb.IssueItemRequest, context: Context
    ) -> pb.IssueItemResponse:
        """Issue an item, or only check it."""
        if request.validate_only:
            issuer = division.code(request.division, "division")
            return await issue.validate(
                self._app, issuer, request.item, request.targets
            )
        return await issue.issue(
            self._app, call_of(request), request.item, request.targets
        )

    async def SplitAssignment(
        self, request: pb.SplitAssignmentRequest, context: Context
    ) -> pb.SplitAssignmentResponse:
        """Pass an assignment on."""
        asked = issue.Split(
            UUID(request.item_id),
            request.targets,
            moments.optional_moment(
                request.receive_by_time, there=request.HasField("receive_by_time")
            ),
            moments.optional_moment(
                request.deadline_time, there=request.HasField("deadline_time")
            ),
            request.instructions,
            term_from(request.receive_within),
            term_from(request.work_within),
        )
        return await issue.split(self._app, call_of(request), asked)

    async def ReceiveAssignments(
        self, request: pb.ReceiveAssignmentsRequest, context: Context
    ) -> pb.ReceiveAssignmentsResponse:
        """Confirm receipt."""
        pieces = tuple(
            Piece(_key(ref.item_id, ref.division, f"assignments[{index}].division"))
            for index, ref in enumerate(request.assignments)
        )
        filing = Filing(
            requests.identify(request, request.request_id), request.actor, pieces
        )
        answer = await self._file(filing)
        return pb.ReceiveAssignmentsResponse.FromString(answer)

    async def ReportAssignments(
        self, request: pb.ReportAssignmentsRequest, context: Context
    ) -> pb.ReportAssignmentsResponse:
        """Take reports."""
        answer = await self._file(_reports(request))
        return pb.ReportAssignmentsResponse.FromString(answer)

    async def StreamReports(
        self, request_iterator: AsyncIterator[pb.StreamReportsRequest], context: Context
    ) -> AsyncIterator[pb.StreamReportsResponse]:
        """Take batch after batch."""
        async for request in request_iterator:
            answer = await self._file(_reports(request.batch))
            yield pb.StreamReportsResponse(
                request_id=request.batch.request_id,
                result=pb.ReportAssignmentsResponse.FromString(answer),
            )

    async def ReturnAssignments(
        self, request: pb.ReturnAssignmentsRequest, context: Context
    ) -> pb.ReturnAssignmentsResponse:
        """Send reports back."""
        divisions = division.codes(request.divisions, "divisions")
        return await judge.send_back(
            self._app,
            call_of(request),
            UUID(request.item_id),
            divisions,
            request.reason,
        )

    async def VerifyAssignments(
        self, request: pb.VerifyAssignmentsRequest, context: Context
    ) -> pb.VerifyAssignmentsResponse:
        """Accept reports."""
        divisions = division.codes(request.divisions, "divisions")
        return await judge.verify(
            self._app, call_of(request), UUID(request.item_id), divisions
        )

    async def ConcludeItem(
        self, request: pb.ConcludeItemRequest, context: Context
    ) -> pb.ConcludeItemResponse:
        """Write the conclusion."""
        return await end.conclude(
            self._app, call_of(request), UUID(request.item_id), request.conclusion
        )

    async def CloseItem(
        self, request: pb.CloseItemRequest, context: Context
    ) -> pb.CloseItemResponse:
        """Close an item."""
        return await end.close(self._app, call_of(request), UUID(request.item_id))

    async def WithdrawItem(
        self, request: pb.WithdrawItemRequest, context: Context
    ) -> pb.WithdrawItemResponse:
        """Take an item back."""
        return await end.withdraw(
            self._app, call_of(request), UUID(request.item_id), request.reason
        )

    async def ReopenItem(
        self, request: pb.ReopenItemRequest, context: Context
    ) -> pb.ReopenItemResponse:
        """Let an item go on."""
        return await end.reopen_call(
            self._app, call_of(request), UUID(request.item_id), request.reason
        )

    async def ArchiveItem(
        self, request: pb.ArchiveItemRequest, context: Context
    ) -> pb.ArchiveItemResponse:
        """Close an item for good."""
        return await end.archive(self._app, call_of(request), UUID(request.item_id))

    async def ResumeAssignments(
        self, request: pb.ResumeAssignmentsRequest, context: Context
    ) -> pb.ResumeAssignmentsResponse:
        """Let stopped clocks run again."""
        return await clocks.resume_call(
            self._app,
            call_of(request),
            UUID(request.item_id),
            division.codes(request.divisions, "divisions"),
            request.reason,
        )

    async def WithdrawAssignments(
        self, request: pb.WithdrawAssignmentsRequest, context: Context
    ) -> pb.WithdrawAssignmentsResponse:
        """Take assignments back."""
        return await withdraw.withdraw(
            self._app,
            call_of(request),
            UUID(request.item_id),
            division.codes(request.divisions, "divisions"),
            request.reason,
        )

    async def GetItem(
        self, request: pb.GetItemRequest, context: Context
    ) -> pb.GetItemResponse:
        """Return an item."""
        return await queries.get_item(self._app, UUID(request.item_id))

    async def ListItems(
        self, request: pb.ListItemsRequest, context: Context
    ) -> pb.ListItemsResponse:
        """Page through items."""
        return await queries.list_items(self._app, request)

    async def GetAssignment(
        self, request: pb.GetAssignmentRequest, context: Context
    ) -> pb.GetAssignmentResponse:
        """Return an assignment with its report."""
        ref = request.assignment
        key = _key(ref.item_id, ref.division, "assignment.division")
        return await queries.get_assignment(self._app, key)

    async def ListAssignments(
        self, request: pb.ListAssignmentsRequest, context: Context
    ) -> pb.ListAssignmentsResponse:
        """Page through assignments."""
        return await queries.list_assignments(self._app, request)

    async def ListDeadlineMoves(
        self, request: pb.ListDeadlineMovesRequest, context: Context
    ) -> pb.ListDeadlineMovesResponse:
        """Page through moved deadlines."""
        return await queries.list_deadline_moves(self._app, request)

    async def ListFencedWork(
        self, request: pb.ListFencedWorkRequest, context: Context
    ) -> pb.ListFencedWorkResponse:
        """Page through fenced work."""
        return await queries.list_fenced(self._app, request)

    async def _file(self, filing: Filing) -> bytes:
        """Work a call with whatever came with it, callers in turn."""
        return await self._filings.submit(filing, filing.principal)


def _key(item_id: str, text: str, field: str) -> Key:
    return Key(wire.item_id(item_id), division.code(text, field))


def _reports(request: pb.ReportAssignmentsRequest) -> Filing:
    """Read a batch of reports."""
    pieces = tuple(
        Piece(
            _key(
                one.assignment.item_id,
                one.assignment.division,
                f"reports[{index}].assignment.division",
            ),
            one.epoch,
            one.report,
        )
        for index, one in enumerate(request.reports)
    )
    return Filing(requests.identify(request, request.request_id), request.actor, pieces)


def add_assignment_service(app: App, server: grpc.aio.Server) -> str:
    """Mount the service on a node's server."""
    add_AssignmentServiceServicer_to_server(AssignmentService(app), server)
    return "ducha.assignment.v1.AssignmentService"
