"""Approval's gRPC door."""

from __future__ import annotations

from typing import Any

import grpc

from ducha.approval.v1 import approval_service_pb2 as pb
from ducha.approval.v1.approval_service_pb2_grpc import (
    ApprovalServiceServicer,
    add_ApprovalServiceServicer_to_server,
)
from tier import division
from tier.acting import call_of
from tier.app import App
from tier.approval import actions, queries
from tier.approval.actions import Wanted
from tier.registry import parse_period
from tier.runtime import fields, moments

Context = grpc.aio.ServicerContext[Any, Any]


class ApprovalService(ApprovalServiceServicer):
    """Serve `ducha.approval.v1.ApprovalService`."""

    def __init__(self, app: App) -> None:
        """Answer from the database of `app`."""
        self._app = app

    async def ApprovePeriod(
        self, request: pb.ApprovePeriodRequest, context: Context
    ) -> pb.ApprovePeriodResponse:
        """Approve and lock a period."""
        return await actions.approve(self._app, call_of(request), _period(request))

    async def UnlockPeriod(
        self, request: pb.UnlockPeriodRequest, context: Context
    ) -> pb.UnlockPeriodResponse:
        """Allow corrections for a while."""
        wanted = Wanted(
            division.code(request.within, "within"),
            _period(request),
            request.reason,
            moments.moment(request.expire_time),
        )
        return await actions.unlock(self._app, call_of(request), wanted)

    async def ListApprovals(
        self, request: pb.ListApprovalsRequest, context: Context
    ) -> pb.ListApprovalsResponse:
        """Page through approvals."""
        return await queries.list_approvals(self._app, request)

    async def ListUnlockings(
        self, request: pb.ListUnlockingsRequest, context: Context
    ) -> pb.ListUnlockingsResponse:
        """Page through unlockings."""
        return await queries.list_unlockings(self._app, request)


def _period(request: pb.ApprovePeriodRequest | pb.UnlockPeriodRequest) -> str:
    return fields.read("period", parse_period, request.period).text


def add_service(app: App, server: grpc.aio.Server) -> str:
    """Mount approval on a tier's server."""
    add_ApprovalServiceServicer_to_server(ApprovalService(app), server)
    return "ducha.approval.v1.ApprovalService"
