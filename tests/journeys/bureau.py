"""Departments that ask for data, and townships that answer what they are asked (simulated).

As clients: they never give up, and remember what was acknowledged. A township answers
exactly what its list of tasks shows, so that a cell which is asked twice is given twice.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import grpc

from ducha.catalogue.v1 import catalogue_service_pb2 as catalogue_api
from ducha.collection.v1 import collection_pb2
from ducha.collection.v1 import collection_service_pb2 as collection_api
from ducha.division.v1 import division_pb2
from ducha.registry.v1 import registry_pb2
from ducha.registry.v1 import registry_service_pb2 as registry_api
from tests.catalogue import element
from tests.checkers.collected import Collected
from tests.journeys.office import Office, eventually
from tier.jurisdiction import Level

ELEMENTS = tuple(f"bureau.{name}" for name in ("roads", "wells", "farms", "schools"))
WORKER = "网格员（模拟）"
BATCH = 8
PERIODS = (
    f"{year}-{month:02}" for year in itertools.count(1990) for month in range(1, 13)
)
"""Months, each given once: what tests ask does not meet."""
COMPLETE = registry_pb2.DATA_REQUEST_STATE_COMPLETE


@dataclass(slots=True)
class Bureau:
    """All who ask and answer on a line."""

    office: Office
    collected: Collected = field(default_factory=Collected)
    numbers: itertools.count[int] = field(default_factory=lambda: itertools.count(1))

    async def open(self) -> None:
        """Publish the catalogue, and wait until every node knows it."""
        request = catalogue_api.PublishCatalogueRequest(
            request_id=str(uuid4()),
            actor="目录管理员（模拟）",
            elements=[element(code) for code in ELEMENTS],
        )
        top = self.office.home("53")
        await self.office.insist(
            top, self.office.desks[top].publishing.PublishCatalogue, request
        )
        await eventually(self._is_known, "the catalogue at every node")

    async def _is_known(self) -> bool:
        asked = catalogue_api.GetElementRequest(code=ELEMENTS[-1])
        for desk in self.office.desks.values():
            try:
                await desk.catalogue.GetElement(asked)
            except grpc.aio.AioRpcError:
                return False
        return True

    async def ask(
        self,
        requester: str,
        elements: Sequence[str],
        period: str,
        towns: Sequence[str],
    ) -> registry_pb2.DataRequest:
        """Ask, and note it once it is acknowledged."""
        asked = registry_pb2.DataRequest(
            requester=f"{requester} 统计部门（模拟）",
            title="模拟用数申请",
            elements=elements,
            period=period,
            use="planning",
        )
        asked.deadline_time.FromDatetime(datetime.now(UTC) + timedelta(days=10))
        request = registry_api.RequestDataRequest(
            request_id=str(uuid4()),
            division=requester,
            actor="统计员（模拟）",
            data_request=asked,
            targets=division_pb2.DivisionSelection(divisions=towns),
        )
        home = self.office.home(requester)
        method = self.office.desks[home].registry.RequestData
        made: registry_api.RequestDataResponse
        made = await self.office.insist(home, method, request)
        self.collected.requests[made.data_request.data_request_id] = requester
        self.collected.cells |= {
            (period, town, code) for town in towns for code in elements
        }
        return made.data_request

    async def tasks(self, within: str, period: str = "") -> list[collection_pb2.Task]:
        """Return the open tasks of an area."""
        home = self._township_node(within)
        found: list[collection_pb2.Task] = []
        request = collection_api.ListTasksRequest(
            within=within, period=period, page_size=500
        )
        while True:
            page: collection_api.ListTasksResponse = await self.office.insist(
                home, self.office.desks[home].collection.ListTasks, request
            )
            found += page.tasks
            request.page_token = page.next_page_token
            if not page.next_page_token:
                return found

    def _township_node(self, within: str) -> str:
        """Return the node where the townships of an area act."""
        (name,) = (
            place.name
            for place in self.office.places.values()
            if place.level is Level.TOWNSHIP and within.startswith(place.hosts)
        )
        return name

    def an_answer(self, task: collection_pb2.Task) -> collection_pb2.Answer:
        """Return an answer to all of a task, with a mark of its own."""
        number = next(self.numbers)
        return collection_pb2.Answer(
            division=task.division,
            period=task.period,
            values=[
                registry_pb2.Value(element=one.element, number=number)
                for one in task.fields
            ],
            base_revision=task.revision,
            device=f"第{number}号（{uuid4().hex[:8]}）",
        )

    async def submit(self, *answers: collection_pb2.Answer, **over: Any) -> Any:
        """Send answers until they are acknowledged, and note them."""
        home = self.office.home(answers[0].division)
        fields = {"request_id": str(uuid4()), "actor": WORKER, "answers": answers}
        request = collection_api.SubmitAnswersRequest(**fields | over)
        method = self.office.desks[home].collection.SubmitAnswers
        told: collection_api.SubmitAnswersResponse
        told = await self.office.insist(home, method, request)
        for one in answers:
            self.collected.given[one.device] = one.period, one.division
            cells = [(one.period, one.division, value.element) for value in one.values]
            self.collected.times.update(cells)
        return told

    async def work(self, within: str, period: str = "") -> int:
        """Answer all that is asked now; return how many tasks that were."""
        found = await self.tasks(within, period)
        for start in range(0, len(found), BATCH):
            await self.submit(*map(self.an_answer, found[start : start + BATCH]))
        return len(found)

    async def is_complete(self, node: str, request_ids: Iterable[str]) -> bool:
        """Whether a node holds these requests, and all they wait for."""
        for request_id in request_ids:
            asked = registry_api.GetDataRequestRequest(data_request_id=request_id)
            method = self.office.desks[node].registry.GetDataRequest
            try:
                found = await self.office.insist(node, method, asked)
            except grpc.aio.AioRpcError as refused:
                if refused.code() is grpc.StatusCode.NOT_FOUND:
                    return False
                raise
            if found.data_request.state != COMPLETE:
                return False
        return True

    async def until_complete(self, node: str, *request_ids: str) -> None:
        """Wait until requests are complete at a node."""
        await eventually(
            lambda: self.is_complete(node, request_ids),
            f"{len(request_ids)} requests complete at {node}",
        )

    async def answer_until_complete(self, within: str, period: str = "") -> None:
        """Answer whatever is asked until every request is complete at the province."""
        top = self.office.home("53")

        async def is_done() -> bool:
            answered = await self.work(within, period)
            requests = self.collected.requests
            return not answered and await self.is_complete(top, requests)

        await eventually(is_done, f"all that was asked is complete, {within} answering")
