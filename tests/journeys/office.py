"""The offices of a line, as clients: they call, never give up, and remember every answer.

A write is repeated with the same `request_id` until the node acknowledges it; then, and
not before, it is written into the history that the checkers use.
"""

from __future__ import annotations

import asyncio
import itertools
import time
from collections import Counter
from collections.abc import (
    AsyncIterator,
    Awaitable,
    Callable,
    Iterable,
    Mapping,
    Sequence,
)
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, TypeVar
from uuid import uuid4

import grpc

from ducha.approval.v1 import approval_service_pb2_grpc as approval_grpc
from ducha.assignment.v1 import assignment_pb2 as pb
from ducha.assignment.v1 import assignment_service_pb2 as api
from ducha.assignment.v1 import assignment_service_pb2_grpc as work_grpc
from ducha.catalogue.v1 import catalogue_service_pb2_grpc as catalogue_grpc
from ducha.collection.v1 import collection_service_pb2_grpc as collection_grpc
from ducha.division.v1 import division_pb2
from ducha.division.v1 import division_service_pb2 as divisions_api
from ducha.division.v1 import division_service_pb2_grpc as divisions_grpc
from ducha.link.v1 import link_service_pb2_grpc as links_grpc
from ducha.petition.v1 import petition_service_pb2_grpc as petition_grpc
from ducha.rectification.v1 import rectification_service_pb2_grpc as points_grpc
from ducha.registry.v1 import registry_service_pb2_grpc as registry_grpc
from ducha.reporting.v1 import reporting_service_pb2_grpc as reporting_grpc
from ducha.urging.v1 import urging_service_pb2_grpc as urging_grpc
from tests.checkers.history import History
from tests.checkers.places import Place
from tests.journeys.papers import a_division, a_report, an_item
from tier.jurisdiction import Level, level_of, parse

AGAIN = {
    grpc.StatusCode.UNAVAILABLE,
    grpc.StatusCode.ABORTED,
    grpc.StatusCode.RESOURCE_EXHAUSTED,
    grpc.StatusCode.DEADLINE_EXCEEDED,
}
OPTIONS = (
    ("grpc.max_receive_message_length", 16 << 20),
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 500),
)
CALL_SECONDS = 10.0
PATIENCE_SECONDS = 60.0
PAUSE_SECONDS = 0.05
ROWS_A_CALL = 5000

Answered = TypeVar("Answered")


@dataclass(frozen=True, slots=True)
class Desk:
    """The stubs of one node."""

    assignments: work_grpc.AssignmentServiceAsyncStub
    divisions: divisions_grpc.DivisionServiceAsyncStub
    keeping: divisions_grpc.DivisionKeepingServiceAsyncStub
    links: links_grpc.LinkOperationServiceAsyncStub
    reporting: reporting_grpc.ReportingServiceAsyncStub
    catalogue: catalogue_grpc.CatalogueServiceAsyncStub
    publishing: catalogue_grpc.CatalogueKeepingServiceAsyncStub
    registry: registry_grpc.RegistryServiceAsyncStub
    collection: collection_grpc.CollectionServiceAsyncStub
    approval: approval_grpc.ApprovalServiceAsyncStub
    petitions: petition_grpc.PetitionServiceAsyncStub
    points: points_grpc.RectificationServiceAsyncStub
    urging: urging_grpc.UrgingServiceAsyncStub


@dataclass(slots=True)
class Office:
    """Everybody who works on a line."""

    places: Mapping[str, Place]
    history: History
    codes: list[str]
    """Divisions that were imported."""
    desks: dict[str, Desk] = field(default_factory=dict)
    errors: Counter[tuple[str, str]] = field(default_factory=Counter)
    """How often a call failed and was repeated, by node and status."""
    marks: itertools.count[int] = field(default_factory=itertools.count)

    def home(self, division: str) -> str:
        """Return the node where the unit of `division` acts."""
        level = min(level_of(parse(division)), Level.TOWNSHIP)
        (name,) = (
            place.name
            for place in self.places.values()
            if place.level == level and place.holds(division)
        )
        return name

    def at(self, division: str) -> Desk:
        """Return the desk of `division`."""
        return self.desks[self.home(division)]

    async def insist(
        self,
        node: str,
        method: Callable[..., Awaitable[Answered]],
        request: object,
    ) -> Answered:
        """Send a request to a node until it is answered; a refusal is raised."""
        end = time.monotonic() + PATIENCE_SECONDS
        while True:
            try:
                return await method(request, timeout=CALL_SECONDS)
            except grpc.aio.AioRpcError as failed:
                if failed.code() not in AGAIN or time.monotonic() > end:
                    raise
                self.errors[node, failed.code().name] += 1
            await asyncio.sleep(PAUSE_SECONDS)

    async def load(self) -> None:
        """Import the divisions at the top."""
        top = self.codes[0]
        for start in range(0, len(self.codes), ROWS_A_CALL):
            rows = self.codes[start : start + ROWS_A_CALL]
            request = divisions_api.ImportDivisionsRequest(
                request_id=str(uuid4()),
                actor="区划管理员",
                divisions=[a_division(code) for code in rows],
            )
            await self.insist(
                self.home(top), self.at(top).keeping.ImportDivisions, request
            )

    async def issue(
        self,
        issuer: str,
        level: Level = Level.TOWNSHIP,
        within: Sequence[str] = (),
        mode: pb.Mode.ValueType = pb.MODE_DIRECT,
    ) -> str:
        """Issue an item to all divisions of a level; return its id once acknowledged."""
        areas = list(within) or [issuer]
        request = api.IssueItemRequest(
            request_id=str(uuid4()),
            division=issuer,
            actor="督查专员",
            item=an_item(issuer, mode),
            targets=pb.TargetSelection(
                level=division_pb2.Level.ValueType(level), within=areas
            ),
        )
        answer: api.IssueItemResponse = await self.insist(
            self.home(issuer), self.at(issuer).assignments.IssueItem, request
        )
        targets = self.below(areas, level)
        assert answer.target_count == len(targets)
        self.history.targets[answer.item.item_id] = targets
        return str(answer.item.item_id)

    def below(self, areas: Sequence[str], level: Level) -> set[str]:
        """Return the divisions of a level within areas."""
        return {
            code
            for code in self.codes
            if level_of(parse(code)) is level and code.startswith(tuple(areas))
        }

    async def split(self, division: str, item: str) -> None:
        """Pass an assignment on to all divisions of the next tier."""
        level = Level(level_of(parse(division)) + 1)
        request = api.SplitAssignmentRequest(
            request_id=str(uuid4()),
            division=division,
            actor="督查专员",
            item_id=item,
            targets=pb.TargetSelection(level=division_pb2.Level.ValueType(level)),
            instructions=f"{division} 逐级分解",
        )
        await self.insist(
            self.home(division), self.at(division).assignments.SplitAssignment, request
        )
        self.history.targets[item] |= self.below([division], level)

    async def receive(self, item: str, divisions: Sequence[str]) -> None:
        """Confirm receipt for divisions of one node."""
        request = api.ReceiveAssignmentsRequest(
            request_id=str(uuid4()),
            actor="乡镇干部",
            assignments=[
                pb.AssignmentRef(item_id=item, division=code) for code in divisions
            ],
        )
        desk = self.at(divisions[0]).assignments
        await self.insist(self.home(divisions[0]), desk.ReceiveAssignments, request)
        self.history.received |= {(item, code) for code in divisions}

    async def report(
        self, item: str, divisions: Sequence[str], problems: int = 0, texts: int = 0
    ) -> None:
        """Report for divisions of one node, each with a mark of its own, and long texts."""
        marks = {code: f"第{next(self.marks)}号反馈" for code in divisions}
        # A return may overtake the answer: what counts is the epoch that was reported under.
        epochs = {code: self.history.epoch((item, code)) for code in divisions}
        request = api.ReportAssignmentsRequest(
            request_id=str(uuid4()),
            actor="乡镇干部",
            reports=[
                api.AssignmentReport(
                    assignment=pb.AssignmentRef(item_id=item, division=code),
                    epoch=epochs[code],
                    report=a_report(mark, problems, texts),
                )
                for code, mark in marks.items()
            ],
        )
        desk = self.at(divisions[0]).assignments
        await self.insist(self.home(divisions[0]), desk.ReportAssignments, request)
        for code, mark in marks.items():
            self.history.reported[item, code][epochs[code]] = mark

    async def send_back(self, issuer: str, item: str, divisions: Sequence[str]) -> None:
        """Return reports with a reason; each begins a new epoch."""
        request = api.ReturnAssignmentsRequest(
            request_id=str(uuid4()),
            division=issuer,
            actor="督查专员",
            item_id=item,
            divisions=divisions,
            reason="数据与台账不符，请核实后重报",
        )
        desk = self.at(issuer).assignments
        await self.insist(self.home(issuer), desk.ReturnAssignments, request)
        for code in divisions:
            self.history.epochs[item, code] = self.history.epoch((item, code)) + 1

    async def verify(self, issuer: str, item: str, divisions: Sequence[str]) -> None:
        """Accept reports."""
        request = api.VerifyAssignmentsRequest(
            request_id=str(uuid4()),
            division=issuer,
            actor="督查专员",
            item_id=item,
            divisions=divisions,
        )
        desk = self.at(issuer).assignments
        await self.insist(self.home(issuer), desk.VerifyAssignments, request)
        self.history.verified |= {(item, code) for code in divisions}

    async def end(self, issuer: str, item: str) -> None:
        """Conclude and close."""
        asked: dict[str, Any] = {
            "division": issuer,
            "actor": "督查专员",
            "item_id": item,
        }
        desk = self.at(issuer).assignments
        conclusion = pb.Conclusion(
            summary="问题已整改", outcome=pb.Conclusion.OUTCOME_SATISFIED
        )
        await self.insist(
            self.home(issuer),
            desk.ConcludeItem,
            api.ConcludeItemRequest(
                request_id=str(uuid4()), conclusion=conclusion, **asked
            ),
        )
        self.history.life.ends(item, pb.ITEM_STATE_CONCLUDED)
        await self.insist(
            self.home(issuer),
            desk.CloseItem,
            api.CloseItemRequest(request_id=str(uuid4()), **asked),
        )
        self.history.life.ends(item, pb.ITEM_STATE_CLOSED)

    async def withdraw(self, issuer: str, item: str) -> None:
        """Take an item back."""
        request = api.WithdrawItemRequest(
            request_id=str(uuid4()),
            division=issuer,
            actor="督查专员",
            item_id=item,
            reason="事项已由其他督查覆盖",
        )
        await self.insist(
            self.home(issuer), self.at(issuer).assignments.WithdrawItem, request
        )
        self.history.life.ends(item, pb.ITEM_STATE_WITHDRAWN)

    async def states(
        self, node: str, item: str, *wanted: pb.AssignmentState.ValueType
    ) -> set[str]:
        """Return the divisions whose assignment stands in one of the states at a node."""
        found: set[str] = set()
        token = ""
        while True:
            request = api.ListAssignmentsRequest(
                item_id=item, states=wanted, page_size=2000, page_token=token
            )
            desk = self.desks[node].assignments
            page: api.ListAssignmentsResponse = await self.insist(
                node, desk.ListAssignments, request
            )
            found |= {one.division for one in page.assignments}
            token = page.next_page_token
            if not token:
                return found

    async def until(
        self,
        node: str,
        item: str,
        divisions: Iterable[str],
        *wanted: pb.AssignmentState.ValueType,
    ) -> None:
        """Wait until the assignments stand in one of the states at a node."""
        expected = set(divisions)
        await eventually(
            lambda: self._stand(node, item, expected, wanted),
            f"{node} sees {len(expected)} assignments of {item} in {wanted}",
        )

    async def _stand(
        self,
        node: str,
        item: str,
        expected: set[str],
        wanted: Sequence[pb.AssignmentState.ValueType],
    ) -> bool:
        return expected <= await self.states(node, item, *wanted)


async def eventually(
    promise: Callable[[], Awaitable[object]],
    what: str,
    seconds: float = PATIENCE_SECONDS,
) -> None:
    """Wait until a promise holds; say what did not."""
    end = time.monotonic() + seconds
    while not await promise():
        assert time.monotonic() < end, f"not within {seconds:.0f} s: {what}"
        await asyncio.sleep(PAUSE_SECONDS)


@asynccontextmanager
async def open_office(
    places: Mapping[str, Place], history: History, codes: Sequence[str]
) -> AsyncIterator[Office]:
    """Open channels to all nodes, for the event loop of one test."""
    office = Office(places, history, list(codes))
    async with AsyncExitStack() as stack:
        for name, place in places.items():
            channel = await stack.enter_async_context(place.channel(OPTIONS))
            office.desks[name] = Desk(
                work_grpc.AssignmentServiceStub(channel),
                divisions_grpc.DivisionServiceStub(channel),
                divisions_grpc.DivisionKeepingServiceStub(channel),
                links_grpc.LinkOperationServiceStub(channel),
                reporting_grpc.ReportingServiceStub(channel),
                catalogue_grpc.CatalogueServiceStub(channel),
                catalogue_grpc.CatalogueKeepingServiceStub(channel),
                registry_grpc.RegistryServiceStub(channel),
                collection_grpc.CollectionServiceStub(channel),
                approval_grpc.ApprovalServiceStub(channel),
                petition_grpc.PetitionServiceStub(channel),
                points_grpc.RectificationServiceStub(channel),
                urging_grpc.UrgingServiceStub(channel),
            )
        yield office
