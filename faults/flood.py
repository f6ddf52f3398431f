"""Callers who do not listen: as many calls as they can send, sent again at once if refused.

A process of its own: `python -m faults.flood PLAN.json` writes what came of it beside the
plan. A call whose outcome is not known is repeated at the end until it is: what was
accepted is told completely.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections import deque
from dataclasses import asdict, dataclass, field
from pathlib import Path
from uuid import uuid4

import grpc
import uvloop

from clients.runtime import Credentials
from clients.runtime.answers import read
from clients.runtime.credentials import PEOPLE, Issuing
from ducha.assignment.v1 import assignment_pb2 as pb
from ducha.assignment.v1 import assignment_service_pb2 as api
from ducha.assignment.v1 import assignment_service_pb2_grpc as work_grpc
from tests.journeys.papers import a_report

CALL_SECONDS = 20.0
LOOKED_AT = 10
"""One refusal in so many is read in full: reading all would slow the flood."""
NOT_KNOWN = {
    grpc.StatusCode.UNAVAILABLE,
    grpc.StatusCode.DEADLINE_EXCEEDED,
    grpc.StatusCode.ABORTED,
    grpc.StatusCode.CANCELLED,
}


@dataclass(frozen=True, slots=True)
class Plan:
    """Whom to flood, with what, for how long."""

    data: str
    """The line's data directory."""
    address: str
    root: str
    seconds: float
    name: str
    """What its callers are called, with a number each."""
    callers: int
    in_flight: int
    """Calls of each caller at once."""
    targets: list[tuple[str, str]]
    """Assignments (item, division) that nobody else reports."""
    reports: int
    """Reports of one call: little work to send, much to do."""


@dataclass(slots=True)
class Came:
    """What came of a flood."""

    accepted: list[tuple[str, str, str]] = field(default_factory=list)
    """(item, division, mark)."""
    codes: dict[str, int] = field(default_factory=dict)
    looked_at: int = 0
    with_hint: int = 0
    """Refusals with a RetryInfo, of those that were looked at."""
    sent: int = 0
    seconds: float = 0.0


@dataclass(slots=True)
class Flood:
    """Everybody who floods."""

    plan: Plan
    waiting: deque[api.ReportAssignmentsRequest]
    end: float
    came: Came = field(default_factory=Came)
    open: list[api.ReportAssignmentsRequest] = field(default_factory=list)
    """Calls whose outcome is not known."""

    async def work(self, stub: work_grpc.AssignmentServiceAsyncStub) -> None:
        """Send one call after the other until the time is over."""
        while self.waiting and time.monotonic() < self.end:
            request = self.waiting.popleft()
            self.came.sent += 1
            try:
                await stub.ReportAssignments(request, timeout=CALL_SECONDS)
            except grpc.aio.AioRpcError as failed:
                self.note(failed, request)
            else:
                self.accept(request)

    def count(self, code: str) -> int:
        """Count an answer; return how often it came."""
        self.came.codes[code] = self.came.codes.get(code, 0) + 1
        return self.came.codes[code]

    def accept(self, request: api.ReportAssignmentsRequest) -> None:
        """Note what was acknowledged."""
        self.count("OK")
        for one in request.reports:
            of, mark = one.assignment, one.report.summary
            self.came.accepted.append((of.item_id, of.division, mark))

    def note(
        self, failed: grpc.aio.AioRpcError, request: api.ReportAssignmentsRequest
    ) -> None:
        """Note a failure: a refusal is sent again, the rest is looked into at the end."""
        code = failed.code()
        times = self.count(code.name)
        if code is grpc.StatusCode.RESOURCE_EXHAUSTED:
            self.waiting.append(request)
            if times % LOOKED_AT == 1:
                self.came.looked_at += 1
                self.came.with_hint += read(failed).retry_after is not None
        elif code in NOT_KNOWN:
            self.open.append(request)

    async def settle(self, stub: work_grpc.AssignmentServiceAsyncStub) -> None:
        """Repeat calls whose outcome is not known, until it is."""
        for request in self.open:
            while True:
                try:
                    await stub.ReportAssignments(request, timeout=CALL_SECONDS)
                except grpc.aio.AioRpcError:
                    await asyncio.sleep(0.2)
                else:
                    self.accept(request)
                    break


def requests(plan: Plan) -> deque[api.ReportAssignmentsRequest]:
    """Return calls that report every target once, each with a mark of its own."""
    reports = [
        api.AssignmentReport(
            assignment=pb.AssignmentRef(item_id=item, division=code),
            epoch=1,
            report=a_report(f"洪水第{number}号反馈"),
        )
        for number, (item, code) in enumerate(plan.targets)
    ]
    return deque(
        api.ReportAssignmentsRequest(
            request_id=str(uuid4()),
            actor="乡镇干部（模拟）",
            reports=reports[start : start + plan.reports],
        )
        for start in range(0, len(reports), plan.reports)
    )


def channel(credentials: Credentials, plan: Plan, number: int) -> grpc.aio.Channel:
    """Return a line of one caller's own, with a token of its own if there are walls."""
    if isinstance(credentials.bearer, Issuing):
        token = credentials.bearer.issue(
            plan.root, PEOPLE, subject=f"{plan.name}-{number}"
        )
        credentials = Credentials(
            credentials.authorities,
            credentials.certificate,
            credentials.key,
            Held(token),
        )
    return credentials.channel(plan.address, [("grpc.use_local_subchannel_pool", 1)])


@dataclass(frozen=True, slots=True)
class Held:
    """One token for everything."""

    held: str

    def token(self, request: object) -> str:
        """Return it."""
        return self.held


async def flood(plan: Plan) -> Came:
    """Flood, then settle; return what came of it."""
    credentials = Credentials.load(Path(plan.data))
    lines = [channel(credentials, plan, number) for number in range(plan.callers)]
    stubs = [work_grpc.AssignmentServiceStub(line) for line in lines]
    began = time.monotonic()
    flooding = Flood(plan, requests(plan), began + plan.seconds)
    async with asyncio.TaskGroup() as workers:
        for stub in stubs:
            for _ in range(plan.in_flight):
                workers.create_task(flooding.work(stub))
    flooding.came.seconds = time.monotonic() - began
    await flooding.settle(stubs[0])
    for line in lines:
        await line.close()
    return flooding.came


def main() -> None:
    """Read the plan, flood, write what came of it."""
    file = Path(sys.argv[1])
    plan = Plan(**json.loads(file.read_text()))
    came = uvloop.run(flood(plan))
    file.with_suffix(".came").write_text(json.dumps(asdict(came)))


if __name__ == "__main__":
    main()
