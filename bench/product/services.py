"""Start Ducha's four services on the benchmark's servers, each hosting its whole tier."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import signal
import socket
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

from bench.product.divisions import teach
from bench.product.line import DuchaLine, driving
from bench.servers import Servers

TIERS = ("province", "city", "county", "township")
START_SECONDS = 60.0
STOP_SECONDS = 20.0
POLL_SECONDS = 0.05


@dataclass(frozen=True, slots=True)
class Place:
    """A tier's service: where it listens, and what it is told."""

    tier: str
    grpc: str
    http: str

    def settings(self, servers: Servers, root: str, otlp: str) -> str:
        """Return its own settings as TOML, without neighbours."""
        return f"""\
node = "{self.tier}"
hosts = ["{root}"]
database_url = "{servers.database(f"ducha_{self.tier}")}"
nats_url = "{servers.nats.url}"
grpc_listen = "{self.grpc}"
http_listen = "{self.http}"
otlp_endpoint = "{otlp}"
log_level = "warning"
"""

    def as_parent(self) -> str:
        """Return what its child is told of it."""
        return f'[parent]\nnode = "{self.tier}"\ngrpc = "{self.grpc}"\n'

    def as_child(self, root: str) -> str:
        """Return what its parent is told of it."""
        return f'[[children]]\nnode = "{self.tier}"\nhosts = ["{root}"]\n'


@contextlib.asynccontextmanager
async def ducha_line(
    servers: Servers, rows: Sequence[Mapping[str, str]], otlp: str
) -> AsyncIterator[DuchaLine]:
    """Run the four services, give them their divisions, and drive them."""
    root = min((row["code"] for row in rows), key=len)
    places = [Place(tier, _free_address(), _free_address()) for tier in TIERS]
    texts = {place.tier: place.settings(servers, root, otlp) for place in places}
    for upper, lower in itertools.pairwise(places):
        texts[lower.tier] += upper.as_parent()
        texts[upper.tier] += lower.as_child(root)
    async with contextlib.AsyncExitStack() as started:
        pids = {}
        for tier, text in texts.items():
            file = servers.scratch / f"{tier}.toml"
            file.touch(mode=0o600)
            file.write_text(text)
            process = await _start(tier, file)
            started.push_async_callback(_stop, process)
            pids[tier] = process.pid
        for place in places:
            await _serving(place)
        top, bottom = places[0].grpc, places[-1].grpc
        await teach(rows, top, bottom)
        driven = driving(root, top, bottom, pids)
        yield await started.enter_async_context(driven)


async def _start(tier: str, settings: Path) -> asyncio.subprocess.Process:
    with settings.with_suffix(".log").open("ab") as log:
        return await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", f"services.{tier}", "--config", str(settings)),
            stderr=log,
        )


async def _stop(process: asyncio.subprocess.Process) -> None:
    if process.returncode is None:
        process.send_signal(signal.SIGTERM)
    try:
        async with asyncio.timeout(STOP_SECONDS):
            await process.wait()
    except TimeoutError:
        process.kill()
        await process.wait()


async def _serving(place: Place) -> None:
    async with (
        asyncio.timeout(START_SECONDS),
        grpc.aio.insecure_channel(place.grpc) as channel,
    ):
        await channel.channel_ready()
        health = health_pb2_grpc.HealthStub(channel)
        while True:
            answer = await health.Check(health_pb2.HealthCheckRequest())
            if answer.status == health_pb2.HealthCheckResponse.SERVING:
                return
            await asyncio.sleep(POLL_SECONDS)


def _free_address() -> str:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{probe.getsockname()[1]}"
