"""The fast road: NATS JetStream. Nothing but this and `pull` imports nats.

The road may lose, repeat and reorder: the marks notice, the repair mends. So a publish
that fails is counted and forgotten, and a message is acknowledged once its facts are
committed, only to stop the redelivery. The parent makes both streams of a link, one for
each direction, each with one durable consumer; every name carries both nodes.

Behind walls (`tls`) every node has an account of its own on the server, which it is let
into by its certificate; a child reaches its parent's account by three exact subjects
(`deploy/nats/permissions.py`). Whether server and parent's server are the same, or two in
a chain of leaf nodes, cannot be seen from here.
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from pathlib import Path

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

from tier.lanes import MESSAGE_BYTES, STREAM_BYTES, Lane
from tier.link.pull import (
    FIRST_PAUSE,
    PULL_BYTES,
    PULL_MESSAGES,
    Message,
    Pull,
    heeding,
)
from tier.runtime import telemetry

LOG = structlog.get_logger(__name__)

STREAM_SECONDS = 3600
DUPLICATE_SECONDS = 0.1
"""The least there is: nothing of ours relies on it, and an id could be squatted."""
PUBLISH_SECONDS = 2.0
CONNECT_SECONDS = 3.0
DIAL_SECONDS = 5 * CONNECT_SECONDS
"""The library bounds most steps of a connection by CONNECT_SECONDS, but not each."""
HANG_UP_SECONDS = 0.5
LOOK_SECONDS = 1.0
"""How often a connection is looked at that has not said anything of its end."""
LONGEST_PAUSE = 1.0
PENDING_BYTES = 8 * 1024 * 1024
"""What may wait for a slow server before a publish is refused."""

DENIED = telemetry.counter(
    "ducha_road_denied", "Times NATS refused this node a publish or a subscription"
)
STRAYS = telemetry.counter(
    "ducha_road_strays", "Messages in a stream under another subject than its lane's"
)

Tls = Callable[[], ssl.SSLContext]


class Road:
    """A connection to NATS that comes back by itself, for good."""

    def __init__(self, url: str, name: str, *, tls: Tls | None = None) -> None:
        """Prepare; `run` connects. `tls` is asked before each connection, for renewal."""
        self._url = url
        self._name = name
        self._tls = tls
        self._client = Client()
        self._own: Sequence[Lane] = ()
        self._pulls: set[Pull] = set()
        self._open = asyncio.Event()

    async def run(self, own: Sequence[Lane]) -> None:
        """Stay connected until cancelled; keep the lanes this node is the parent of.

        A connection that ends is never mended but made anew: with the certificate as it
        is then, and whatever the server said when it ended the last.
        """
        self._own = own
        pause = FIRST_PAUSE
        while True:
            closed = asyncio.Event()
            try:
                async with asyncio.timeout(DIAL_SECONDS):
                    self._client = await self._connected(closed)
            except (NatsError, OSError, TimeoutError, ValueError) as failure:
                LOG.info("no road", error=f"{type(failure).__name__}: {failure}")
                await asyncio.sleep(pause)
                pause = min(2 * pause, LONGEST_PAUSE)
                continue
            made = await self._make_lanes()
            self._open.set()
            await self._until_closed(closed, made=made)
            self._open.clear()
            for pull in self._pulls:
                pull.end()
            pause = FIRST_PAUSE
            await asyncio.sleep(pause)

    async def _until_closed(self, closed: asyncio.Event, *, made: bool) -> None:
        """Wait for the end of this connection; try again what lanes could not be made.

        A server that has just begun may be too busy to answer, and a lane nobody sends on
        would stay missing. Nor is the library's word for the end waited for alone: where
        the last bytes could not be sent, it ends without saying it.
        """
        while not self._client.is_closed:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(closed.wait(), LOOK_SECONDS)
            if not made and self._client.is_connected:
                made = await self._make_lanes()

    async def close(self) -> None:
        """Hang up; the library may wait for ever for the end of what is broken."""
        self._open.clear()
        if self._client.is_connected:
            with contextlib.suppress(
                NatsError, OSError, TimeoutError, asyncio.CancelledError
            ):
                async with asyncio.timeout(HANG_UP_SECONDS):
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
            # The library waits without end for room, if the connection breaks meanwhile.
            async with asyncio.timeout(2 * PUBLISH_SECONDS):
                with heeding():
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
        """Yield bundles of a lane as they come, without end, over cuts and restarts."""
        while True:
            await self._open.wait()
            async with contextlib.aclosing(self._pulled(lane)) as messages:
                async for message in messages:
                    yield message
            await asyncio.sleep(FIRST_PAUSE)

    async def _pulled(self, lane: Lane) -> AsyncGenerator[Message, None]:
        """Yield bundles of a lane until this connection ends."""
        client = self._client
        own = lane in self._own or self._tls is None
        pull = Pull(lane.next if own else lane.ask, client.new_inbox())
        with heeding(), contextlib.suppress(NatsError, OSError):
            await client.subscribe(
                f"{pull.inbox}.*",
                cb=pull.take,
                pending_msgs_limit=4 * PULL_MESSAGES,
                pending_bytes_limit=4 * PULL_BYTES,
            )
        self._pulls.add(pull)
        try:
            while not client.is_closed:
                if pull.outstanding <= 0:
                    if pull.refused and lane in self._own:
                        await self._make_lanes()  # the store was wiped under us
                    await pull.ask(client)
                message = await pull.next()
                if message is not None and message.subject == lane.subject:
                    yield Message(message)
                elif message is not None:
                    await self._set_aside(message, lane)
        finally:
            self._pulls.discard(pull)

    async def _set_aside(self, message: Msg, lane: Lane) -> None:
        """Acknowledge what came by another subject; nobody of ours sent it."""
        STRAYS.add(1)
        LOG.warning("not of this lane", lane=lane.stream)
        await Message(message).ack()

    async def _connected(self, closed: asyncio.Event) -> Client:
        """Return a new connection; `closed` is set when it ends, for whatever reason."""
        client = Client()

        async def note_end() -> None:
            closed.set()

        try:
            await client.connect(
                self._url,
                name=self._name,
                allow_reconnect=False,
                max_reconnect_attempts=1,
                reconnect_time_wait=0,
                connect_timeout=int(CONNECT_SECONDS),
                ping_interval=5,
                max_outstanding_pings=2,
                pending_size=PENDING_BYTES,
                flush_timeout=PUBLISH_SECONDS,
                closed_cb=note_end,
                error_cb=self._note_error,
                inbox_prefix=f"_INBOX.{self._name}".encode(),
                tls=self._tls() if self._tls else None,
                # Nothing is said before the handshake: who stands in between learns nothing,
                # and cannot talk us out of it.
                tls_handshake_first=self._tls is not None,
            )
        except BaseException:
            # A half-made connection would linger; the library may wait for its end for ever.
            with contextlib.suppress(NatsError, OSError, AssertionError, TimeoutError):
                async with asyncio.timeout(HANG_UP_SECONDS):
                    await client.close()
            raise
        return client

    async def _make_lanes(self) -> bool:
        """Make streams and consumers that are missing, such as after a wiped store.

        A lane refused does not keep the others waiting; a server that is silent is not
        asked again for each. Return whether all are there.
        """
        made = True
        jetstream = self._client.jetstream(timeout=PUBLISH_SECONDS)
        for lane in self._own:
            try:
                with heeding():
                    await jetstream.add_stream(_stream(lane))
                    await jetstream.add_consumer(lane.stream, _consumer(lane))
            except (NatsError, OSError, TimeoutError) as failure:
                made = False
                LOG.warning(
                    "lane not made yet",
                    lane=lane.stream,
                    error=f"{type(failure).__name__}: {failure}",
                )
                if isinstance(failure, TimeoutError):
                    break
        return made

    async def _note_error(self, failure: Exception) -> None:
        text = f"{type(failure).__name__}: {failure}"
        if "permissions violation" in text.lower():
            DENIED.add(1)
            LOG.warning("NATS refused us", error=text)
        else:
            LOG.info("road", error=text)


def tls_context(certificate: Path, key: Path, authorities: Path) -> ssl.SSLContext:
    """Read what a node proves itself by, and whom it trusts. Raises: OSError."""
    context = ssl.create_default_context(cafile=authorities)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(certificate, key)
    return context


def _stream(lane: Lane) -> StreamConfig:
    """Describe a stream: a bounded buffer, not the truth; nobody deletes from it."""
    return StreamConfig(
        name=lane.stream,
        subjects=[lane.subject],
        storage=StorageType.FILE,
        discard=DiscardPolicy.OLD,
        max_bytes=STREAM_BYTES,
        max_msg_size=MESSAGE_BYTES,
        max_age=STREAM_SECONDS,
        max_consumers=1,
        duplicate_window=DUPLICATE_SECONDS,
        deny_delete=True,
        deny_purge=True,
        allow_rollup_hdrs=False,
        allow_direct=False,
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
