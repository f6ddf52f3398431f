"""One node that knows a small province, and what its indicators say (simulated data)."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from ducha.catalogue.v1 import catalogue_pb2
from ducha.indicator.v1 import indicator_pb2
from ducha.indicator.v1 import indicator_service_pb2 as pb
from ducha.indicator.v1 import indicator_service_pb2_grpc as stubs
from tests import catalogue
from tests.divisions import KEEPER, a_request, a_row, an_entry, load
from tests.registry import PERIOD, Clock, Line
from tests.servers import AnApp, served
from tier.app import App
from tier.catalogue import Aggregation
from tier.division import actions as division_actions
from tier.division import rules as division_rules
from tier.division import store as division_store
from tier.indicator.capability import CAPABILITY
from tier.jurisdiction import Code, Level
from tier.node import Node

ALONE = Node("province", Level.PROVINCE, (Code("53"),))
"""Without a node below, so that everything acts here."""

COUNTIES = ("530102", "530103", "530302")
TOWNS = tuple(f"{county}00{n}" for county in COUNTIES for n in (1, 2, 3))
VILLAGES = tuple(f"{town}00{n}" for town in TOWNS for n in (1, 2))
TREE = ("53", "5301", "5303", *COUNTIES, *TOWNS, *VILLAGES)

ELEMENTS = (
    catalogue.element("pop", collect_level=5, decimals=2),
    catalogue.element("homes", collect_level=5),
    catalogue.element("offices"),
    catalogue.element("remark", type=catalogue_pb2.VALUE_TYPE_TEXT),
)
INDICATORS = (
    catalogue.indicator("per_home", "pop / homes"),
    catalogue.indicator(
        "weighted",
        "pop / 1000.0",
        aggregation=catalogue_pb2.AGGREGATION_SUM,
        completeness_weighted=True,
    ),
    catalogue.indicator("mixed", "pop / offices"),
)


@dataclass
class Office:
    """A node, its clock, and its indicators as a caller sees them."""

    line: Line
    stub: stubs.IndicatorServiceAsyncStub
    app: App
    clock: Clock = field(default_factory=Clock)

    async def list(
        self, level: Level = Level.COUNTY, indicator: str = "", **given: Any
    ) -> pb.ListIndicatorValuesResponse:
        """Ask for an indicator, or for `element` aggregated by `how`."""
        element = given.pop("element", None)
        how = given.pop("how", Aggregation.SUM)
        request = pb.ListIndicatorValuesRequest(
            level=int(level),  # type: ignore[arg-type] # the proto's numbers
            period=str(given.pop("period", PERIOD)),
            **given,
        )
        if element is None:
            request.indicator = indicator
        else:
            request.aggregate.element = str(element)
            request.aggregate.aggregation = int(how)  # type: ignore[assignment] # the proto's numbers
        return await self.stub.ListIndicatorValues(request)

    async def values(
        self, level: Level = Level.COUNTY, indicator: str = "", **given: Any
    ) -> dict[str, indicator_pb2.IndicatorValue]:
        """Return one page of values, by area."""
        found = await self.list(level, indicator, **given)
        return {one.division: one for one in found.values}


@asynccontextmanager
async def an_office(
    an_app: AnApp, tree: Sequence[str] = TREE, node: Node = ALONE
) -> AsyncIterator[Office]:
    """Make the node, its tree and its catalogue, and mount its indicators."""
    clock = Clock()
    async with an_app(node, clock.now) as app:
        if node.parent is None:
            await load(app, [a_row(code) for code in tree])
        else:
            async with app.db.transaction() as tx:
                await division_store.upsert(tx, [an_entry(code) for code in tree])
        await catalogue.publish(app, *ELEMENTS, indicators=INDICATORS)
        async with served(app, CAPABILITY.services) as channel:
            stub = stubs.IndicatorServiceStub(channel)
            line = Line({node.name: app}, clock)
            yield Office(line, stub, app, clock)


async def pages(
    office: Office, level: Level, size: int, **given: Any
) -> list[indicator_pb2.IndicatorValue]:
    """Return all values, asked for page by page."""
    paged: list[indicator_pb2.IndicatorValue] = []
    token = ""
    while True:
        page = await office.list(level, page_size=size, page_token=token, **given)
        paged.extend(page.values)
        token = page.next_page_token
        if not token:
            return paged


async def end(office: Office, code: str, *successors: str) -> None:
    """End a division today, in favour of others."""
    last = division_rules.today(office.clock.at)
    await division_actions.retire(
        office.app, a_request(), KEEPER, Code(code), (last, successors)
    )
