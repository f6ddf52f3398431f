"""Drive collect-once: ask above, answer at the township, wait until the province has it."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import cycle

import grpc

from bench.line import Targets
from bench.product import asking, catalogue
from bench.product.asking import Wanted
from bench.product.line import CONNECTIONS, OPTIONS
from bench.product.polling import until
from bench.product.reaching import channel_to
from deploy.embedded.line import Line
from ducha.registry.v1 import registry_pb2 as nouns
from ducha.registry.v1 import registry_service_pb2 as api
from ducha.registry.v1 import registry_service_pb2_grpc as door

STREAM = "/ducha.collection.v1.CollectionService/StreamAnswers"
SUBMIT = "/ducha.collection.v1.CollectionService/SubmitAnswers"
CALL_SECONDS = 60
ASK_SECONDS = 120
"""For one request of 1.5 million cells."""
SETTLE_SECONDS = 180


@dataclass(frozen=True, slots=True)
class Channels:
    """Connections of the driver: one to each upper tier, several to the township."""

    province: grpc.aio.Channel
    city: grpc.aio.Channel
    townships: Sequence[grpc.aio.Channel]


class Collecting:
    """Collect-once, driven as integrators and field workers would."""

    name = "ducha"

    def __init__(
        self,
        root: str,
        channels: Channels,
        processes: Mapping[str, int],
        databases: Mapping[str, str],
    ) -> None:
        """Drive running services."""
        self.root = root
        self.databases = databases
        self._processes = processes
        self._province = door.RegistryServiceStub(channels.province)
        self._city = door.RegistryServiceStub(channels.city)
        self._township = door.RegistryServiceStub(channels.townships[0])
        self._stream: grpc.aio.StreamStreamMultiCallable[bytes, bytes]
        self._stream = channels.townships[0].stream_stream(STREAM)
        self._submits: Iterator[grpc.aio.UnaryUnaryMultiCallable[bytes, bytes]]
        self._submits = cycle(
            [
                channel.unary_unary(SUBMIT, request_serializer=bytes)
                for channel in channels.townships
            ]
        )
        self._asked = ""

    def processes(self) -> Mapping[str, int]:
        """Return the process id of each service."""
        return self._processes

    async def gate(self, wanted: Wanted) -> api.RequestDataResponse:
        """Ask at the province; return what its gate decided."""
        made = asking.request(self.root, wanted)
        return await self._province.RequestData(made, timeout=ASK_SECONDS)

    async def cities_ask(self, wanted: Wanted, cities: Sequence[str]) -> None:
        """Let every city ask for itself."""
        for city in cities:
            made = asking.request(city, wanted)
            await self._city.RequestData(made, timeout=ASK_SECONDS)

    async def settled(
        self, wanted: Wanted, enough: Callable[[nouns.Outcomes], bool]
    ) -> None:
        """Wait until the province's gate, asked without consequence, decides as expected."""

        async def decides() -> bool:
            made = asking.request(self.root, wanted, only_checked=True)
            seen = await self._province.RequestData(made, timeout=ASK_SECONDS)
            return enough(seen.data_request.outcomes)

        await until(decides, SETTLE_SECONDS)

    async def arrived(self, data_request_id: str, cells: int) -> None:
        """Wait until the township's node knows all that it is asked by a request."""
        named = api.GetDataRequestRequest(data_request_id=data_request_id)

        async def known() -> bool:
            return await self._asked_below(named) == cells

        await until(known, SETTLE_SECONDS)

    async def ask(self, period: str, targets: Targets) -> None:
        """Ask for a month's values of all townships; return when they know."""
        response = await self.gate(asking.monthly(period))
        self._asked = response.data_request.data_request_id
        await self.arrived(self._asked, response.data_request.waiting_count)

    async def enter(self, period: str, targets: Targets) -> None:
        """Answer what `ask` asked; return when the province has all of it."""
        sent = asking.streamed(asking.monthly(period), targets.codes)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self.counted(self._asked))
            tasks.create_task(self.answer_all(sent))

    async def answer_all(self, sent: Sequence[bytes]) -> None:
        """Stream batches to the township's node, and wait for each one's answer."""
        call = self._stream(iter(sent), timeout=CALL_SECONDS)
        answered = 0
        async for _ in call:
            answered += 1
        if answered != len(sent):
            raise RuntimeError(f"{answered} of {len(sent)} batches were answered.")

    async def submit(self, request: bytes) -> bytes:
        """Send one SubmitAnswers call, on one connection after the other."""
        return await next(self._submits)(request, timeout=CALL_SECONDS)

    async def counted(self, data_request_id: str) -> None:
        """Wait until nothing of a request is missing at the province."""
        named = api.WatchDataRequestRequest(data_request_id=data_request_id)
        watch = self._province.WatchDataRequest(named)
        async for response in watch:
            if response.data_request.state == nouns.DATA_REQUEST_STATE_COMPLETE:
                watch.cancel()
                return
        raise RuntimeError("The watch ended before every value was counted.")

    async def waiting(self, data_request_id: str) -> int:
        """Return how many cells of a request are missing at the province."""
        named = api.GetDataRequestRequest(data_request_id=data_request_id)
        response = await self._province.GetDataRequest(named, timeout=CALL_SECONDS)
        return response.data_request.waiting_count

    async def _asked_below(self, named: api.GetDataRequestRequest) -> int:
        try:
            response = await self._township.GetDataRequest(named, timeout=CALL_SECONDS)
        except grpc.aio.AioRpcError as error:
            if error.code() is not grpc.StatusCode.NOT_FOUND:
                raise
            return 0
        return response.data_request.waiting_count


@contextlib.asynccontextmanager
async def collecting(
    running: Line, processes: Mapping[str, int], databases: Mapping[str, str]
) -> AsyncIterator[Collecting]:
    """Drive services that run and know their divisions; give them the catalogue first."""
    async with contextlib.AsyncExitStack() as opened:
        places = ("province", "city", *["township"] * CONNECTIONS)
        province, city, *townships = [
            await opened.enter_async_context(channel_to(running, place, OPTIONS))
            for place in places
        ]
        await catalogue.publish(province, townships[0])
        channels = Channels(province, city, townships)
        yield Collecting(running.root, channels, processes, databases)
