"""One line of four tiers for all journeys, and one of many nodes; each with its history."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest

from deploy.embedded.line import Line, Options
from deploy.embedded.topology import NodeSpec
from tests.journeys.office import Office
from tests.journeys.papers import small_province
from tests.journeys.running import SMALL, Running, at_work

FOUR_TIERS = small_province(cities=2, counties=2, townships=3, villages=2)
MANY_NODES = small_province(cities=2, counties=2, townships=2)


@pytest.fixture(scope="session")
def four_tiers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """One node a tier, as `ducha up` runs them."""
    options = Options(environment={}, postgres_settings=SMALL, auto_restart=False)
    with Line(tmp_path_factory.mktemp("tiers"), options=options) as line:
        yield Running(line)


@pytest.fixture(scope="session")
def many_nodes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """One province, two cities, a node for every county, a township node for each city."""
    nodes = [NodeSpec("province", "yunnan", ("53",))]
    for city in ("5301", "5302"):
        nodes.append(NodeSpec("city", f"city-{city}", (city,)))
        nodes += [
            NodeSpec("county", f"county-{city}{number:02}", (f"{city}{number:02}",))
            for number in (1, 2)
        ]
        nodes += [
            NodeSpec("township", f"towns-{city}{number:02}", (f"{city}{number:02}",))
            for number in (1, 2)
        ]
    options = Options(environment={}, postgres_settings=SMALL, auto_restart=False)
    with Line(tmp_path_factory.mktemp("nodes"), nodes=nodes, options=options) as line:
        yield Running(line)


@pytest.fixture
async def office(four_tiers: Running) -> AsyncIterator[Office]:
    """The offices of the four tiers, their divisions loaded once."""
    async with at_work(four_tiers, FOUR_TIERS) as opened:
        yield opened


@pytest.fixture
async def offices(many_nodes: Running) -> AsyncIterator[Office]:
    """The offices of many nodes, their divisions loaded once."""
    async with at_work(many_nodes, MANY_NODES) as opened:
        yield opened
