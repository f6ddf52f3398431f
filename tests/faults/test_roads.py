"""NATS loses its memory, or is not there at all: the repair road is enough."""

from __future__ import annotations

import asyncio
import json
import urllib.request

from tests.faults.flow import Flow, interrupted
from tests.journeys.office import Office, eventually
from tests.journeys.running import Running

FIRST_OPERATIONS = 60
LANES = 6
"""Three links, two directions each."""


async def streams(running: Running) -> int:
    """Return how many streams the server has, by its own account."""
    nats = running.line.nats
    assert nats is not None

    def ask() -> int:
        with urllib.request.urlopen(f"{nats.monitor_url}/jsz", timeout=5) as answer:
            return int(json.load(answer)["streams"])

    return await asyncio.to_thread(ask)


async def test_a_wiped_store_of_nats_loses_and_doubles_nothing(
    yunnan_line: Running, office: Office
) -> None:
    """Every message on the road vanishes in mid-flow; the streams are made anew."""
    line = yunnan_line.line
    nats = line.nats
    assert nats is not None
    seen: list[bool] = []

    async def wipe() -> None:
        await asyncio.to_thread(line.stop_node, "nats")
        seen.append(nats.store.exists())
        nats.wipe()
        seen.append(nats.store.exists())
        await asyncio.to_thread(line.start_node, "nats")

    await interrupted(Flow(office), FIRST_OPERATIONS, wipe)
    problems = await yunnan_line.problems()

    async def restored() -> bool:
        return await streams(yunnan_line) == LANES

    await eventually(restored, "every lane has its stream again")

    assert problems == []
    assert seen == [True, False]


async def test_without_nats_the_repair_road_is_enough(
    yunnan_line: Running, office: Office
) -> None:
    """Down and up, returned and reported again, while there is no road at all."""
    line = yunnan_line.line
    await asyncio.to_thread(line.stop_node, "nats")
    try:
        await Flow(office, items_each=1).run()
        problems = await yunnan_line.problems()
        pid = line.components()["nats"].pid
    finally:
        await asyncio.to_thread(line.start_node, "nats")

    assert problems == []
    assert pid == 0
