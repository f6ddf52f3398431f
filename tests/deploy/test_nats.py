"""The embedded NATS keeps what it acknowledged, and keeps others out."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import nats
import pytest
from nats.js.client import JetStreamContext
from nats.js.errors import NotFoundError

from deploy.embedded.errors import DirectoryInUse
from deploy.embedded.nats import NatsServer
from tests.deploy.processes import is_alive


@pytest.fixture
def server(tmp_path: Path) -> Iterator[NatsServer]:
    with NatsServer(tmp_path / "nats") as running:
        yield running


@contextlib.asynccontextmanager
async def connected(url: str) -> AsyncIterator[JetStreamContext]:
    client = await nats.connect(url)
    try:
        yield client.jetstream()
    finally:
        await client.close()
        await asyncio.sleep(0.05)  # the client closes its socket a little later


async def publish(url: str, count: int) -> None:
    async with connected(url) as stream:
        await stream.add_stream(name="KEPT", subjects=["kept"])
        for n in range(count):
            await stream.publish("kept", str(n).encode())


async def count(url: str) -> int:
    async with connected(url) as stream:
        return (await stream.stream_info("KEPT")).state.messages


def test_acknowledged_messages_survive_a_kill(server: NatsServer) -> None:
    """Kill -9, then start again: same port, same messages."""
    port = server.port
    asyncio.run(publish(server.url, 50))
    os.kill(server.pid, signal.SIGKILL)
    server.kill()
    server.start()

    assert asyncio.run(count(server.url)) == 50
    assert server.port == port


def test_a_wiped_store_starts_empty(server: NatsServer) -> None:
    """Losing the road's buffer is a fault the links must repair, not a dead server."""
    asyncio.run(publish(server.url, 3))
    server.kill()
    server.wipe()
    server.start()

    with pytest.raises(NotFoundError):
        asyncio.run(count(server.url))


def test_every_message_is_synced_and_only_loopback_is_served(
    server: NatsServer,
) -> None:
    """The settings the design rests on, as the server itself tells them."""
    with urllib.request.urlopen(f"{server.monitor_url}/varz") as answer:
        told = json.load(answer)

    assert told["host"] == "127.0.0.1"
    assert told["http_host"] == "127.0.0.1"
    assert told["max_payload"] == 4 * 1024 * 1024
    assert told["ping_interval"] == 5_000_000_000
    assert told["jetstream"]["config"]["sync_always"] is True


def test_a_second_supervisor_is_refused_at_once(server: NatsServer) -> None:
    """nats-server itself would start twice on one store."""
    script = (
        "import sys; from pathlib import Path;"
        "from deploy.embedded.nats import NatsServer;"
        "NatsServer(Path(sys.argv[1])).start()"
    )
    began = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-c", script, server.root],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )

    assert done.returncode != 0
    assert DirectoryInUse.__name__ in done.stderr
    assert time.monotonic() - began < 10


def test_the_server_dies_with_its_supervisor(tmp_path: Path) -> None:
    """Kill -9 of the supervisor ends the server, and the next start works."""
    script = (
        "import sys, time; from pathlib import Path;"
        "from deploy.embedded.nats import NatsServer;"
        "n = NatsServer(Path(sys.argv[1])); n.start();"
        "print(n.pid, flush=True); time.sleep(600)"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script, tmp_path], stdout=subprocess.PIPE, text=True
    ) as supervisor:
        assert supervisor.stdout is not None
        pid = int(supervisor.stdout.readline())
        supervisor.kill()
    with NatsServer(tmp_path) as again:
        serving = again.is_running

    assert serving
    assert not is_alive(pid)


def test_a_child_started_from_a_short_lived_thread_lives_on(tmp_path: Path) -> None:
    """The kernel ties children to threads; the supervisor ties them to itself."""

    async def start_in_a_worker() -> NatsServer:
        server = NatsServer(tmp_path)
        await asyncio.to_thread(server.start)
        return server

    server = asyncio.run(start_in_a_worker())  # the worker thread ends here
    time.sleep(0.3)
    alive = server.is_running
    server.stop()

    assert alive
