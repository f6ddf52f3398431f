"""The fast road: NATS JetStream. Nothing else imports nats.

The road may lose, repeat and reorder: the marks notice, the repair mends. So a publish
that fails is counted and forgotten, and a message is acknowledged once its facts are
committed, only to stop the redelivery. The parent makes both streams of a link, one for
each direction, each with one durable consumer; every name carries both nodes.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass

import structlog
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.errors import Error as NatsError
from nats.js.api import (
    AckPolicy,
    ConsumerConfig,
    DiscardPolicy,
    StorageType,
    StreamConfig,
)

LOG = structlog.get_logger(__name__)

STREAM_BYTES = 64 * 1024 * 1024
STREAM_SECONDS = 3600
PULL_MESSAGES = 64
PULL_SECONDS = 30.0
HEARTBEAT_SECONDS = 0.5
PUBLISH_SECONDS = 2.0
MAX_BACKOFF_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class Lane:
    """One direction of one link, by the names it has on the road."""

    way: str
    parent: str
    child: str

    @property
    def subject(self) -> str:
        """Where its bundles are published."""
        return f"ducha.{self.way}.{self.parent}.{self.child}"

    @property
    def stream(self) -> str:
        """The stream that keeps them a while; its consumer has the same name."""
        return f"{self.way}_{self.parent}_{self.child}"


def down(parent: str, child: str) -> Lane:
    """Name the lane from parent to child."""
    return Lane("dn", parent, child)


def up(parent: str, child: str) -> Lane:
    """Name the lane from child to parent."""
    return Lane("up", parent, child)


class Road:
    """A connection to NATS that comes back by itself, for good."""

    def __init__(self, url: str, name: str) -> None:
        """Prepare; `run` connects."""
        self._url = url
        self._name = name
        self._client = Client()
        self._own: list[Lane] = []
        self._open = asyncio.Event()

    async def run(self, own: list[Lane]) -> None:
        """Connect, make the lanes this node is the parent of, and stay connected."""
        self._own = own
        await self._client.connect(
            self._url,
            name=self._name,
            max_reconnect_attempts=-1,
            reconnect_time_wait=1,
            ping_interval=5,
            max_outstanding_pings=2,
            pending_size=8 * 1024 * 1024,
            reconnected_cb=self._make_lanes,
            error_cb=self._log_error,
            inbox_prefix=f"_INBOX.{self._name}".encode(),
        )
        await self._make_lanes()
        self._open.set()

    async def close(self) -> None:
        """Hang up."""
        with contextlib.suppress(NatsError, OSError, asyncio.CancelledError):
            await self._client.close()

    @property
    def is_connected(self) -> bool:
        """Whether the road is open now."""
        return bool(self._client.is_connected)

    async def publish(self, lane: Lane, data: bytes) -> bool:
        """Publish one bundle; False if the road did not confirm it."""
        if not self._client.is_connected:
            return False
        try:
            await self._client.jetstream(timeout=PUBLISH_SECONDS).publish(
                lane.subject, data, stream=lane.stream
            )
        except (NatsError, OSError, TimeoutError) as failure:
            LOG.info(
                "road refused a bundle", lane=lane.stream, error=type(failure).__name__
            )
            if lane in self._own:
                await self._make_lanes()
            return False
        return True

    async def messages(self, lane: Lane) -> AsyncIterator[Message]:
        """Yield bundles of a lane as they come, without end, over cuts and restarts.

        Our own loop over the pull protocol: `fetch` of nats-py loses batches, and has no
        heartbeat that survives a restart of the server.
        """
        inbox = self._client.new_inbox()
        pull = _Pull(lane, inbox)
        await self._open.wait()
        subscription = await self._client.subscribe(f"{inbox}.*", cb=pull.take)
        try:
            while True:
                if pull.outstanding <= 0:
                    if pull.refused and lane in self._own:
                        await self._make_lanes()  # the store was wiped under us
                    await pull.ask(self._client)
                message = await pull.next()
                if message is not None:
                    yield Message(message)
        finally:
            with contextlib.suppress(NatsError, OSError):
                await subscription.unsubscribe()

    async def _make_lanes(self) -> None:
        """Make streams and consumers that are missing, such as after a wiped store."""
        jetstream = self._client.jetstream(timeout=PUBLISH_SECONDS)
        try:
            for lane in self._own:
                await jetstream.add_stream(_stream(lane))
                await jetstream.add_consumer(lane.stream, _consumer(lane))
        except (NatsError, OSError, TimeoutError) as failure:
            LOG.warning(
                "lanes not made yet", error=f"{type(failure).__name__}: {failure}"
            )

    async def _log_error(self, failure: Exception) -> None:
        LOG.info("road", error=f"{type(failure).__name__}: {failure}")


class Message:
    """A bundle that arrived; acknowledge it when its facts are committed."""

    __slots__ = ("_message",)

    def __init__(self, message: Msg) -> None:
        """Wrap it."""
        self._message = message

    @property
    def data(self) -> bytes:
        """The bundle's bytes."""
        return self._message.data

    async def ack(self) -> None:
        """Stop the redelivery; if this is lost, the marks drop the repeat."""
        with contextlib.suppress(NatsError, OSError):
            await self._message.ack()


class _Pull:
    """The state of one continuous pull."""

    def __init__(self, lane: Lane, inbox: str) -> None:
        self._subject = f"$JS.API.CONSUMER.MSG.NEXT.{lane.stream}.{lane.stream}"
        self._inbox = inbox
        self._queue: asyncio.Queue[Msg] = asyncio.Queue()
        self._number = 0
        self._backoff = 0.1
        self.outstanding = 0
        self.refused = False

    async def take(self, message: Msg) -> None:
        self._queue.put_nowait(message)  # bounded by what we asked for

    async def ask(self, client: Client) -> None:
        """Ask for the next messages; on a dead connection wait a little."""
        self._number += 1
        self.refused = False
        request = {
            "batch": PULL_MESSAGES,
            "expires": int(PULL_SECONDS * 1e9),
            "idle_heartbeat": int(HEARTBEAT_SECONDS * 1e9),
        }
        try:
            await client.publish(
                self._subject,
                json.dumps(request).encode(),
                f"{self._inbox}.{self._number}",
            )
            self.outstanding = PULL_MESSAGES
        except (NatsError, OSError):
            await self._rest()

    async def next(self) -> Msg | None:
        """Return the next message; None for heartbeats, ends and silence."""
        try:
            async with asyncio.timeout(2 * HEARTBEAT_SECONDS + 0.5):
                message = await self._queue.get()
        except TimeoutError:  # two heartbeats missed: this pull is dead
            self.outstanding = 0
            return None
        status = message.headers.get("Status") if message.headers else None
        if status is None:
            self._backoff = 0.1
            self.outstanding -= 1
            return message
        if message.subject.endswith(f".{self._number}") and status != "100":
            self.outstanding = 0  # 404, 408, 409, 503: this pull is over
            if status in {"503", "409", "404"}:
                self.refused = True
                await self._rest()
        return None

    async def _rest(self) -> None:
        await asyncio.sleep(self._backoff)
        self._backoff = min(self._backoff * 2, MAX_BACKOFF_SECONDS)


def _stream(lane: Lane) -> StreamConfig:
    """Describe a stream: a bounded buffer, not the truth."""
    return StreamConfig(
        name=lane.stream,
        subjects=[lane.subject],
        storage=StorageType.FILE,
        discard=DiscardPolicy.OLD,
        max_bytes=STREAM_BYTES,
        max_age=STREAM_SECONDS,
        duplicate_window=1,
    )


def _consumer(lane: Lane) -> ConsumerConfig:
    """Describe the lane's one consumer."""
    return ConsumerConfig(
        durable_name=lane.stream,
        ack_policy=AckPolicy.EXPLICIT,
        ack_wait=30,
        max_ack_pending=1000,
        max_waiting=16,
    )
