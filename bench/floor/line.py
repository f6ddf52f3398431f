"""Start the floor's four processes and drive them."""

from __future__ import annotations

import asyncio
import contextlib
import marshal
import sys
import uuid
from collections.abc import AsyncIterator, Mapping, Sequence

import nats
from nats.aio.client import Client
from nats.aio.msg import Msg

from bench import elements
from bench.answers import serialized
from bench.floor.tier import COUNTED, ISSUE, TIERS
from bench.line import Targets
from bench.servers import Servers

READY_SECONDS = 30
ISSUE_SECONDS = 60


class FloorLine:
    """The floor, driven over the same NATS server it runs on."""

    name = "floor"

    def __init__(
        self,
        client: Client,
        processes: Mapping[str, int],
        databases: Mapping[str, str],
    ) -> None:
        """Drive running tiers."""
        self.databases = databases
        self._client = client
        self._processes = processes
        self._waiting: dict[str, tuple[int, asyncio.Future[None]]] = {}

    async def issue(self, targets: Targets) -> asyncio.Future[None]:
        """Issue an item; the future is done when the province kept every answer."""
        return await self._begin(str(uuid.uuid4()), targets)

    async def ask(self, period: str, targets: Targets) -> None:
        """Need nothing: nobody asks here."""

    async def enter(self, period: str, targets: Targets) -> None:
        """Enter the values of a period; return when the province keeps all of them."""
        await (await self._begin(period, targets))

    async def _begin(self, item: str, targets: Targets) -> asyncio.Future[None]:
        counted: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting[item] = (len(targets), counted)
        body = marshal.dumps((item, targets.codes))
        await self._client.request(ISSUE, body, timeout=ISSUE_SECONDS)
        return counted

    async def count(self, message: Msg) -> None:
        """Take the province's word that it keeps more answers."""
        for item, kept in marshal.loads(message.data).items():  # noqa: S302 - our own tier's
            missing, counted = self._waiting[item]
            self._waiting[item] = (missing - kept, counted)
            if missing == kept:
                counted.set_result(None)

    def processes(self) -> Mapping[str, int]:
        """Return the process id of each tier."""
        return self._processes


@contextlib.asynccontextmanager
async def floor_line(
    servers: Servers, divisions: Sequence[str], work: str = "item"
) -> AsyncIterator[FloorLine]:
    """Run the floor on the servers; `divisions` are all that may have to answer.

    `work` is `item`, or the shape that values are kept in.
    """
    answers = servers.scratch / f"{work}.bin"
    answers.write_bytes(_answers(divisions, work))
    databases = {tier: servers.database(f"floor_{tier}") for tier in TIERS}
    async with contextlib.AsyncExitStack() as started:
        pids = {}
        for tier in reversed(TIERS):  # a stream must stand before it is published to
            around = (databases[tier], servers.nats.url, str(answers), work)
            process = await _start(tier, *around)
            started.push_async_callback(_stop, process)
            pids[tier] = process.pid
        client = await nats.connect(servers.nats.url)
        started.push_async_callback(client.close)
        line = FloorLine(client, pids, databases)
        await client.subscribe(COUNTED, cb=line.count)
        await client.flush()
        yield line


def _answers(divisions: Sequence[str], work: str) -> bytes:
    if work == "item":
        return marshal.dumps(serialized(divisions))
    return marshal.dumps({code: elements.numbers(code) for code in divisions})


async def _start(tier: str, *around: str) -> asyncio.subprocess.Process:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bench.floor", tier, *around),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None  # noqa: S101 - we asked for a pipe
    async with asyncio.timeout(READY_SECONDS):
        if await process.stdout.readline() != b"ready\n":
            raise RuntimeError(f"The floor's {tier} did not start; see its output.")
    return process


async def _stop(process: asyncio.subprocess.Process) -> None:
    assert process.stdin is not None  # noqa: S101 - we asked for a pipe
    process.stdin.close()
    try:
        async with asyncio.timeout(READY_SECONDS):
            await process.wait()
    except TimeoutError:
        process.kill()
        await process.wait()
