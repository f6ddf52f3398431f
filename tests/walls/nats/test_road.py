"""The road behind walls: renewed without a restart, and not to be fooled by what comes."""

from __future__ import annotations

import asyncio
import functools
import os
import signal
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import nats
import pytest
import structlog
from nats.js import JetStreamContext
from nats.js.errors import NotFoundError

from deploy.authority import actions, wishes
from deploy.authority.store import Store
from deploy.embedded.nats import NatsServer
from tests.walls.nats.ground import ONE, PLACES, Ground, of, own_lanes
from tests.walls.nats.raw import Pub, opened
from tier.lanes import DOWN, UP, Lane
from tier.link.road import Road, tls_context

SECONDS = 20.0
HUASHAN_UP = of(UP, "wuhua", "huashan")


@asynccontextmanager
async def at_work(site: Ground) -> AsyncIterator[tuple[Road, Road, list[bytes]]]:
    """Run the roads of wuhua and huashan; what comes up is put into the list."""
    arrived: list[bytes] = []

    async def take(road: Road) -> None:
        async for message in road.messages(HUASHAN_UP):
            arrived.append(message.data)
            await message.ack()

    roads = [
        Road(site.server(node).url, node, tls=functools.partial(site.tls, node))
        for node in ("wuhua", "huashan")
    ]
    tasks = [
        asyncio.create_task(roads[0].run(own_lanes(PLACES["wuhua"]))),
        asyncio.create_task(roads[1].run([])),
        asyncio.create_task(take(roads[0])),
    ]
    try:
        yield roads[0], roads[1], arrived
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for road in roads:
            await road.close()


async def published(road: Road, one: Lane, word: bytes) -> None:
    async with asyncio.timeout(SECONDS):
        while not await road.publish(one, word):
            await asyncio.sleep(0.05)


async def exists(jetstream: JetStreamContext, lane: Lane) -> bool:
    try:
        await jetstream.stream_info(lane.stream)
    except NotFoundError:
        return False
    return True


async def come(arrived: list[bytes], word: bytes) -> None:
    async with asyncio.timeout(SECONDS):
        while word not in arrived:
            await asyncio.sleep(0.01)


@pytest.fixture
def site(tmp_path: Path) -> Ground:
    return Ground(ONE, tmp_path)


async def test_a_renewed_certificate_is_used_by_the_next_connection(
    site: Ground,
) -> None:
    """The server restarts, the road dials again: with the files as they are then."""
    store = Store(site.site.identity)
    shown: list[int] = []
    folder = site.site.identity / "nodes" / "huashan"

    def counted() -> ssl.SSLContext:
        shown.append((folder / "tls.crt").stat().st_mtime_ns)
        return site.tls("huashan")

    with site.running():
        server = site.server("huashan")
        road = Road(server.url, "huashan", tls=counted)
        async with at_work(site) as (_, _, arrived):
            running = asyncio.create_task(road.run([]))
            await published(road, HUASHAN_UP, b"before")
            spec = PLACES["huashan"].spec
            with store.locked():
                wish = wishes.node(spec.name, spec.tier, spec.hosts)
                actions.write(store, store.authorities()[0], [wish])
            await asyncio.to_thread(server.stop)
            await asyncio.to_thread(server.start)
            await published(road, HUASHAN_UP, b"after")
            await come(arrived, b"after")
            running.cancel()
            await road.close()

    assert len(set(shown)) == 2


async def test_a_lane_that_could_not_be_made_is_made_later_and_keeps_no_other_waiting(
    tmp_path: Path,
) -> None:
    """Nobody sends on it, nobody asks for it: the road itself tries again."""
    lanes = own_lanes(PLACES["wuhua"])
    with NatsServer(tmp_path) as server, structlog.testing.capture_logs() as logs:
        client = await nats.connect(server.url)
        jetstream = client.jetstream()
        await jetstream.add_stream(name="in-the-way", subjects=[lanes[0].subject])
        road = Road(server.url, "wuhua")
        running = asyncio.create_task(road.run(lanes))
        async with asyncio.timeout(SECONDS):
            while not [one for one in logs if one["event"] == "lane not made yet"]:
                await asyncio.sleep(0.05)
            for lane in lanes[1:]:
                while not await exists(jetstream, lane):
                    await asyncio.sleep(0.05)
            in_the_way = await exists(jetstream, lanes[0])
            await jetstream.delete_stream("in-the-way")
            while not await exists(jetstream, lanes[0]):
                await asyncio.sleep(0.05)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        await road.close()
        await client.close()

    assert not in_the_way
    assert {one["lane"] for one in logs if one["event"] == "lane not made yet"} == {
        lanes[0].stream
    }


async def test_a_connection_that_ends_with_words_unsent_is_made_anew(
    tmp_path: Path,
) -> None:
    """The library then fails while it closes, and never says that it has."""
    with NatsServer(tmp_path) as server:
        road = Road(server.url, "wuhua")
        running = asyncio.create_task(road.run(own_lanes(PLACES["wuhua"])))
        down = of(DOWN, "wuhua", "huashan")
        await published(road, down, b"before")
        os.kill(server.pid, signal.SIGSTOP)
        talking = []
        for _ in range(20):
            talking.append(asyncio.create_task(road.publish(down, bytes(900_000))))
            await asyncio.sleep(0.001)  # one by one: first the kernel's room, then ours
        await asyncio.sleep(0.3)
        os.kill(server.pid, signal.SIGKILL)
        sent = await asyncio.gather(*talking)
        await asyncio.to_thread(server.stop)
        await asyncio.to_thread(server.start)
        await published(road, down, b"after")
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        await road.close()

    assert not any(sent)


async def test_a_message_that_pretends_to_be_the_server_is_a_message(
    site: Ground,
) -> None:
    """A header of the protocol in a stored message neither ends nor hides anything."""
    with site.running():
        async with at_work(site) as (_, huashan, arrived):
            await published(huashan, HUASHAN_UP, b"first")
            async with opened(site.address("huashan"), site.tls("huashan")) as raw:
                for status in ("100", "404", "409", "503"):
                    words = {"Status": status, "Description": "Batch Completed"}
                    raw.say(Pub(HUASHAN_UP.subject, status.encode(), "", words))
                await raw.flush()
            await published(huashan, HUASHAN_UP, b"last")
            await come(arrived, b"last")

    assert arrived == [b"first", b"100", b"404", b"409", b"503", b"last"]


async def test_a_refusal_is_told_and_counted(site: Ground) -> None:
    """A node whose rights are short learns it from its log, not from silence alone."""
    with site.running(), structlog.testing.capture_logs() as logs:
        async with at_work(site) as (wuhua, _, _):
            await published(wuhua, of(DOWN, "wuhua", "huashan"), b"allowed")
            foreign = of(DOWN, "panlong", "qingyun")
            confirmed = await wuhua.publish(foreign, b"not allowed")

    assert not confirmed
    assert [one for one in logs if one["event"] == "NATS refused us"]


async def test_without_a_right_certificate_nothing_is_said(
    site: Ground, tmp_path: Path
) -> None:
    """A server of another authority is not believed: the node keeps its words."""
    (tmp_path / "other").mkdir()
    other = Ground(ONE, tmp_path / "other")
    folder = other.site.identity / "nodes" / "huashan"
    foreign = functools.partial(
        tls_context, folder / "tls.crt", folder / "tls.key",
        other.site.identity / "ca.crt",
    )  # fmt: skip
    with site.running(), structlog.testing.capture_logs() as logs:
        road = Road(site.server("huashan").url, "huashan", tls=foreign)
        running = asyncio.create_task(road.run([]))
        async with asyncio.timeout(SECONDS):
            while not [one for one in logs if one["event"] == "no road"]:
                await asyncio.sleep(0.05)
        connected = road.is_connected
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        await road.close()

    assert not connected
    assert "CERTIFICATE_VERIFY_FAILED" in str(logs)
