"""One line for the faults, all of Yunnan on it; what is killed stays down until started."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack

import pytest

from deploy.embedded.line import Line, Options
from deploy.embedded.nats import NatsServer
from tests.faults.lossy import LossyWire
from tests.journeys.office import Office
from tests.journeys.papers import yunnan
from tests.journeys.running import SMALL, Running, at_work


@pytest.fixture(scope="session")
def yunnan_line(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """One node a tier; every test finds all of it running."""
    options = Options(environment={}, postgres_settings=SMALL, auto_restart=False)
    with Line(tmp_path_factory.mktemp("faults"), options=options) as line:
        yield Running(line)


@pytest.fixture
async def office(yunnan_line: Running) -> AsyncIterator[Office]:
    """The offices of Yunnan, down to 1,461 townships; what a test left dead lives again."""
    for name, component in yunnan_line.line.components().items():
        if not component.is_running:
            await yunnan_line.revive(name)
    async with at_work(yunnan_line, yunnan()) as opened:
        yield opened


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
    """Four tiers whose every message goes over the wire.

    Without walls: a wire that can tell one message from the next is what TLS is against.
    Packets lost beneath TLS are what `faults/wire` is for.
    """
    options = Options(
        environment={"DUCHA_NATS_URL": wire.url},
        postgres_settings=SMALL,
        walls=False,
        auto_restart=False,
    )
    with ExitStack() as stack:
        data = tmp_path_factory.mktemp("lossy")
        yield Running(stack.enter_context(Line(data, options=options)))
