"""Terms under which timers fall due soon, and nothing else soon after them."""

from __future__ import annotations

import uuid

from bench.product.reaching import channel_to
from bench.product.requests import ACTOR
from deploy.embedded.line import Line
from ducha.assignment.v1 import assignment_pb2
from ducha.calendar.v1 import calendar_service_pb2 as api
from ducha.calendar.v1 import calendar_service_pb2_grpc as door

NEAR_PERCENT = 10
"""Of the time to a deadline, after which it is announced."""


async def announce_early(running: Line) -> None:
    """Publish terms by which deadlines of the items that are issued here are announced early."""
    async with channel_to(running, "province") as channel:
        shown = await door.CalendarServiceStub(channel).ListTerms(
            api.ListTermsRequest()
        )
        rows = [
            row
            for row in shown.rows
            if row.source_type == assignment_pb2.SOURCE_TYPE_PLAN_LINE
            and row.urgency == assignment_pb2.URGENCY_ROUTINE
        ]
        for row in rows:
            row.receipt_near_percent = row.near_percent = NEAR_PERCENT
        await door.CalendarKeepingServiceStub(channel).PublishTerms(
            api.PublishTermsRequest(
                request_id=str(uuid.uuid4()), actor=ACTOR, rows=rows
            )
        )
