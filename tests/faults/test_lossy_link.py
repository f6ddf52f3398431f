"""A road that drops 30% and repeats 10%: slower, and not one fact wrong."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from deploy.embedded.line import Line, Options
from deploy.embedded.nats import NatsServer
from tests.faults.flow import Flow
from tests.faults.lossy import LossyWire
from tests.journeys.papers import small_province
from tests.journeys.running import SMALL, Running, at_work

CODES = small_province(cities=1, counties=2, townships=12)
ITEMS_EACH = 3


@pytest.fixture
def wire(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LossyWire]:
    """A NATS server behind a wire that loses."""
    with (
        NatsServer(tmp_path_factory.mktemp("nats")) as server,
        LossyWire(server.port) as wire,
    ):
        yield wire


@pytest.fixture
def lossy_line(
    wire: LossyWire, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Running]:
    """Four tiers whose every message goes over the wire."""
    options = Options(
        environment={"DUCHA_NATS_URL": wire.url},
        postgres_settings=SMALL,
        auto_restart=False,
    )
    with ExitStack() as stack:
        data = tmp_path_factory.mktemp("lossy")
        yield Running(stack.enter_context(Line(data, options=options)))


async def test_a_lossy_road_loses_and_doubles_nothing(
    lossy_line: Running, wire: LossyWire
) -> None:
    """Gaps are seen and mended over the repair road; repeats have no second effect."""
    async with at_work(lossy_line, CODES) as office:
        await Flow(office, items_each=ITEMS_EACH).run()
        problems = await lossy_line.problems()
    fates = dict(wire.fates)

    assert problems == []
    assert wire.count("dropped") > 0, fates
    assert wire.count("repeated") > 0, fates
    assert wire.count("carried") > 0, fates
