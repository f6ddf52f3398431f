"""The two servers whose power is cut: PostgreSQL and NATS, set as Ducha insists or not."""

from __future__ import annotations

import asyncio
import contextlib
import time
import urllib.error
import urllib.request
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Final

import asyncpg
import nats
from nats.aio.client import Client
from nats.errors import Error as NatsError
from nats.js.api import DeliverPolicy, StorageType, StreamConfig
from nats.js.errors import NotFoundError

from deploy.embedded.nats import binary
from deploy.embedded.ports import LOOPBACK, free_port
from deploy.embedded.postgres import Postgres
from deploy.embedded.process import Command, Process, end, spawn
from faults.places.alone import Writes

ANSWER_SECONDS: Final = 5.0
START_SECONDS: Final = 30.0
STREAM: Final = "ACKED"
SMALL: Final = {
    "shared_buffers": "32MB",
    "min_wal_size": "32MB",
    "max_wal_size": "64MB",
}
_GONE = (
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    OSError,
    TimeoutError,
)


class PostgresAlone:
    """PostgreSQL with a table of numbers."""

    def __init__(self, place: Path, *, fsync: bool = True) -> None:
        """Prepare to serve from `place`; without `fsync` it is the control."""
        settings = {**SMALL, "fsync": "on" if fsync else "off"}
        log = place.with_name("postgres.log")
        self._server = Postgres(place / "postgres", settings=settings, log=log)

    async def start(self) -> None:
        """Start it, and make the table the first time."""
        await asyncio.to_thread(self._server.start)
        async with self._connected() as connection:
            await connection.execute("CREATE TABLE IF NOT EXISTS acked (n int UNIQUE)")

    def kill(self) -> None:
        """End it at once."""
        self._server.kill()

    async def write(self, writes: Writes) -> None:
        """Commit one number after the other until the power is gone."""
        with contextlib.suppress(*_GONE):
            async with self._connected() as connection:
                while True:
                    number = writes.next()
                    await connection.execute(
                        "INSERT INTO acked VALUES ($1)", number, timeout=ANSWER_SECONDS
                    )
                    writes.acknowledged.add(number)

    async def read(self) -> set[int]:
        """Return all numbers."""
        async with self._connected() as connection:
            return {row["n"] for row in await connection.fetch("SELECT n FROM acked")}

    @contextlib.asynccontextmanager
    async def _connected(
        self,
    ) -> AsyncIterator[asyncpg.Connection[asyncpg.Record]]:
        connection = await asyncpg.connect(self._server.dsn("postgres"))
        try:
            yield connection
        finally:
            connection.terminate()


class NatsAlone:
    """NATS with a stream of numbers."""

    def __init__(self, place: Path, *, sync: str = "always") -> None:
        """Prepare to keep streams in `place`; `sync` as in its configuration."""
        self._config = place.with_name("nats.conf")
        self._log = place.with_name("nats.log")
        self._place = place
        self._sync = sync
        self._port, self._monitor = free_port(), free_port()
        self._process: Process | None = None

    async def start(self) -> None:
        """Start it, and make the stream the first time."""
        self._config.write_text(
            f'listen: "{LOOPBACK}:{self._port}"\nhttp: "{LOOPBACK}:{self._monitor}"\n'
            f'jetstream {{\n store_dir: "{self._place}/store"\n'
            f" sync_interval: {self._sync}\n}}\n"
        )
        command = Command(arguments=[binary(), "-c", self._config], log=self._log)
        self._process = spawn(command)
        await asyncio.to_thread(self._await_served)
        async with self._connected() as client:
            jetstream = client.jetstream(timeout=ANSWER_SECONDS)
            await jetstream.add_stream(
                StreamConfig(name=STREAM, subjects=[STREAM], storage=StorageType.FILE)
            )

    def kill(self) -> None:
        """End it at once."""
        if self._process is not None:
            end(self._process)
            self._process = None

    async def write(self, writes: Writes) -> None:
        """Publish one number after the other, each acknowledged before the next."""
        with contextlib.suppress(NatsError, OSError, TimeoutError):
            async with self._connected() as client:
                jetstream = client.jetstream(timeout=ANSWER_SECONDS)
                while True:
                    number = writes.next()
                    await jetstream.publish(STREAM, str(number).encode())
                    writes.acknowledged.add(number)

    async def read(self) -> set[int]:
        """Return all numbers; a stream that is gone holds none."""
        async with self._connected() as client:
            jetstream = client.jetstream(timeout=ANSWER_SECONDS)
            with contextlib.suppress(NotFoundError):
                count = (await jetstream.stream_info(STREAM)).state.messages
                reader = await jetstream.subscribe(
                    STREAM, ordered_consumer=True, deliver_policy=DeliverPolicy.ALL
                )
                messages = [
                    await reader.next_msg(timeout=ANSWER_SECONDS) for _ in range(count)
                ]
                return {int(message.data) for message in messages}
        return set()

    @contextlib.asynccontextmanager
    async def _connected(self) -> AsyncIterator[Client]:
        client = await nats.connect(
            f"nats://{LOOPBACK}:{self._port}",
            allow_reconnect=False,
            error_cb=_quiet,
        )
        try:
            yield client
        finally:
            with contextlib.suppress(NatsError, OSError, TimeoutError):
                await client.close()

    def _await_served(self) -> None:
        deadline = time.monotonic() + START_SECONDS
        probe = f"http://{LOOPBACK}:{self._monitor}/healthz?js-enabled-only=true"
        while time.monotonic() < deadline:
            with contextlib.suppress(urllib.error.URLError, OSError):
                urllib.request.urlopen(probe, timeout=2).close()
                return
            time.sleep(0.02)
        raise TimeoutError(f"NATS does not answer; see {self._log}")


async def _quiet(_: Exception) -> None:
    """What goes wrong while the power is cut is no news."""
