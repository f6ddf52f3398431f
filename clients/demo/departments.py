"""Simulated departments (模拟部门): the keeper of the catalogue, and two that need data."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from clients.cli.registry_watch import follow
from clients.demo import things
from clients.demo.plan import PROVINCE
from clients.runtime import Client, Endpoints, Refused
from ducha.catalogue.v1 import catalogue_service_pb2 as catalogue
from ducha.division.v1 import division_pb2
from ducha.registry.v1 import registry_pb2 as pb
from ducha.registry.v1 import registry_service_pb2 as api
from ducha.relief.v1 import relief_pb2
from ducha.relief.v1 import relief_service_pb2 as relief

DUE_DAYS = 5
POLL_SECONDS = 0.05


@dataclass(frozen=True, slots=True)
class Department:
    """Who needs data: a department, its division, what for, and which elements."""

    client: Client
    division: str
    name: str
    title: str
    use: str
    elements: Sequence[str]

    async def request(self, period: str) -> api.RequestDataResponse:
        """Ask for the elements of all townships within the division, through the gate."""
        made = pb.DataRequest(
            requester=self.name,
            title=self.title,
            elements=self.elements,
            period=period,
            use=self.use,
        )
        made.deadline_time.FromDatetime(datetime.now(UTC) + timedelta(days=DUE_DAYS))
        request = api.RequestDataRequest(
            request_id=str(uuid.uuid4()),
            division=self.division,
            actor=f"{PROVINCE} {self.division}",
            data_request=made,
            targets=division_pb2.DivisionSelection(
                level=division_pb2.LEVEL_TOWNSHIP, within=[self.division]
            ),
        )
        return await self.client.call(self.client.registry.RequestData, request)


async def until(
    client: Client, data_request: str, reached: Callable[[pb.DataRequest], bool]
) -> pb.DataRequest:
    """Wait, with the node's own watch, until a request is so far. The caller bounds it."""
    last = pb.DataRequest()
    async with aclosing(follow(client, data_request)) as changes:
        async for last in changes:
            if reached(last):
                break
    return last


async def until_known(client: Client, data_request: str) -> pb.DataRequest:
    """Wait until a request has come to a node. The caller bounds it."""
    request = api.GetDataRequestRequest(data_request_id=data_request)
    while True:
        try:
            found = await client.call(client.registry.GetDataRequest, request)
        except Refused as refused:
            if refused.reason != "DATA_REQUEST_UNKNOWN":
                raise
            await asyncio.sleep(POLL_SECONDS)
        else:
            return found.data_request


async def publish(client: Client, root: str) -> catalogue.PublishCatalogueResponse:
    """Publish the simulated catalogue at its keeper."""
    request = catalogue.PublishCatalogueRequest(
        request_id=str(uuid.uuid4()),
        actor=things.KEEPER,
        elements=things.elements(root),
        indicators=[things.indicator(root)],
    )
    return await client.call(client.catalogue_keeping.PublishCatalogue, request)


async def until_published(endpoints: Endpoints, version: int) -> None:
    """Wait until every node holds this version of the catalogue. The caller bounds it."""
    async with asyncio.TaskGroup() as waits:
        for node in endpoints.nodes:
            waits.create_task(_until_held(endpoints.client(node), version))


async def _until_held(opened: Client, version: int) -> None:
    request = catalogue.ListElementsRequest(page_size=1)
    async with opened as client:
        while True:
            page = await client.call(client.catalogue.ListElements, request)
            if page.catalogue_version >= version:
                return
            await asyncio.sleep(POLL_SECONDS)


async def savings(client: Client) -> tuple[list[relief_pb2.Saving], relief_pb2.Saving]:
    """Return what was spared, for each who asked and over all, as the top node tells."""
    request = relief.ListSavingsRequest(
        level=division_pb2.LEVEL_PROVINCE, sum_months=True
    )
    page = await client.call(client.relief.ListSavings, request)
    return list(page.savings), page.total


async def differences(endpoints: Endpoints) -> tuple[int, list[str]]:
    """Let every node recompute its counts; return how many, and what differs."""
    compared, wrong = 0, []
    for node in endpoints.nodes:
        async with endpoints.client(node) as client:
            registry = await client.call(
                client.registry.AuditRegistry, api.AuditRegistryRequest()
            )
            spared = await client.call(
                client.relief.AuditSavings, relief.AuditSavingsRequest()
            )
        compared += registry.compared_count + spared.compared_count
        wrong += [
            f"{node.node}: {one.subject}: {one.kept} / {one.computed}"
            for one in registry.differences
        ]
        wrong += [
            f"{node.node}: savings {one.kept.division}" for one in spared.differences
        ]
    return compared, wrong
