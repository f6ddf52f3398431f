"""Both shapes of NATS with walls; a thief with a stolen certificate on each."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.walls.nats.ground import SHAPES, Ground


@pytest_asyncio.fixture(scope="module", loop_scope="module", params=SHAPES)
async def ground(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Ground]:
    """The servers of one shape, the honest nodes at work."""
    made = Ground(str(request.param), tmp_path_factory.mktemp("walls"))
    with made.running():
        async with made.at_work():
            yield made
