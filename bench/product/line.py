"""Drive Ducha: issue at the province, answer at the township, count at the province."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import cycle

import grpc

from bench.line import Targets
from bench.product import requests
from bench.product.reaching import channel_to
from deploy.embedded.line import Line
from ducha.assignment.v1 import assignment_service_pb2_grpc as assignment
from ducha.division.v1 import division_pb2
from ducha.reporting.v1 import reporting_pb2
from ducha.reporting.v1 import reporting_service_pb2 as watching
from ducha.reporting.v1 import reporting_service_pb2_grpc as reporting

REPORT = "/ducha.assignment.v1.AssignmentService/ReportAssignments"
CALL_SECONDS = 60
WATCH_SECONDS = 1.0
"""A watch says nothing before the first change: give it time to stand."""
ISSUED = "ducha.assignment.v1.ItemIssued"
CONNECTIONS = 4
OPTIONS = (
    ("grpc.max_receive_message_length", 16 << 20),
    ("grpc.use_local_subchannel_pool", 1),  # or all channels share one connection
)


@dataclass(frozen=True, slots=True)
class Issued:
    """An item on its way."""

    item: str
    targets: Targets
    counted: asyncio.Future[None]


class DuchaLine:
    """Ducha, driven as any integrator would."""

    name = "ducha"

    def __init__(
        self,
        root: str,
        top: grpc.aio.Channel,
        bottom: Sequence[grpc.aio.Channel],
        processes: Mapping[str, int],
        tasks: asyncio.TaskGroup,
    ) -> None:
        """Drive running services through channels to the two ends, several to the lower."""
        self.root = root
        self._items = assignment.AssignmentServiceStub(top)
        self._top = reporting.ReportingServiceStub(top)
        self._bottom = reporting.ReportingServiceStub(bottom[0])
        self._reports: Iterator[grpc.aio.UnaryUnaryMultiCallable[bytes, bytes]]
        self._reports = cycle(
            [one.unary_unary(REPORT, request_serializer=bytes) for one in bottom]
        )
        self._processes = processes
        self._tasks = tasks
        self._arrivals: dict[str, asyncio.Future[None]] = {}

    async def issue(self, targets: Targets) -> asyncio.Future[None]:
        """Issue an item and have it answered as soon as it arrives."""
        issued = await self.issue_only(targets)
        self._tasks.create_task(self._answer(issued))
        return issued.counted

    async def issue_only(self, targets: Targets) -> Issued:
        """Issue an item that nobody answers yet."""
        request = requests.issue(self.root, targets)
        response = await self._items.IssueItem(request, timeout=CALL_SECONDS)
        if response.target_count != len(targets):
            raise RuntimeError(
                f"Issued to {response.target_count}, not {len(targets)}."
            )
        counted: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        issued = Issued(response.item.item_id, targets, counted)
        self._tasks.create_task(self._count(issued))
        return issued

    async def issue_unanswered(self, targets: Targets, seconds: float) -> Issued:
        """Issue an item that nobody will answer, due within so many seconds."""
        request = requests.issue_within(self.root, targets, seconds)
        response = await self._items.IssueItem(request, timeout=CALL_SECONDS)
        never: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        return Issued(response.item.item_id, targets, never)

    async def withdraw(self, issued: Issued) -> None:
        """Take an item back."""
        request = requests.withdraw(self.root, issued.item)
        await self._items.WithdrawItem(request, timeout=CALL_SECONDS)

    async def arrived(self, issued: Issued) -> None:
        """Wait until the township's node says that the item is there."""
        async with asyncio.timeout(CALL_SECONDS):
            await self._arrival(issued.item)

    async def report(self, request: bytes) -> bytes:
        """Send one ReportAssignments request, already serialized."""
        return await next(self._reports)(request, timeout=CALL_SECONDS)

    async def watch_arrivals(self) -> None:
        """Note every item that arrives at the township's node, until cancelled."""
        watch = self._bottom.WatchDivision(
            watching.WatchDivisionRequest(division=self.root)
        )
        async for response in watch:
            for change in response.changes:
                if change.kind == ISSUED and not self._arrival(change.item_id).done():
                    self._arrival(change.item_id).set_result(None)

    def processes(self) -> Mapping[str, int]:
        """Return the process id of each service."""
        return self._processes

    async def _answer(self, issued: Issued) -> None:
        await self.arrived(issued)
        codes, batch = issued.targets.codes, requests.BATCH_REPORTS
        await asyncio.gather(
            *map(self.report, requests.reports(issued.item, codes, batch))
        )

    async def _count(self, issued: Issued) -> None:
        watch = self._top.WatchItem(watching.WatchItemRequest(item_id=issued.item))
        async for response in watch:
            if any(self._complete(count, issued) for count in response.progress):
                issued.counted.set_result(None)
                watch.cancel()
                return
        raise RuntimeError("The watch ended before every answer was counted.")

    def _complete(self, count: reporting_pb2.Progress, issued: Issued) -> bool:
        level = division_pb2.Level.Value(f"LEVEL_{issued.targets.level.upper()}")
        here = count.division == self.root and count.level == level
        return here and count.reported_count == len(issued.targets)

    def _arrival(self, item: str) -> asyncio.Future[None]:
        loop = asyncio.get_running_loop()
        return self._arrivals.setdefault(item, loop.create_future())


@contextlib.asynccontextmanager
async def driving(
    running: Line, processes: Mapping[str, int]
) -> AsyncIterator[DuchaLine]:
    """Drive services that run and know their divisions already."""
    async with contextlib.AsyncExitStack() as opened, asyncio.TaskGroup() as tasks:
        upper, *lower = [
            await opened.enter_async_context(channel_to(running, node, OPTIONS))
            for node in ("province", *["township"] * CONNECTIONS)
        ]
        line = DuchaLine(running.root, upper, lower, processes, tasks)
        arrivals = tasks.create_task(line.watch_arrivals())
        await asyncio.sleep(WATCH_SECONDS)
        yield line
        arrivals.cancel()
