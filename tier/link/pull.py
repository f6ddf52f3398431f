"""One continuous pull of a lane's messages: what was asked for, and what came of it.

`fetch` of nats-py loses batches, and has no heartbeat that survives a restart of the
server; so this speaks the pull protocol itself (NATS ADR-13).
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Iterator

from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.errors import Error as NatsError

PULL_MESSAGES = 64
PULL_BYTES = 16 * 1024 * 1024
PULL_SECONDS = 10.0
"""What died with its asker takes messages no longer than this; the repair brings them."""
HEARTBEAT_SECONDS = 0.5
FIRST_PAUSE = 0.1
MAX_BACKOFF_SECONDS = 2.0


@contextlib.contextmanager
def heeding() -> Iterator[None]:
    """Raise the cancellation that nats-py keeps to itself while it sends.

    `Client._flush_pending` ends quietly where it is cancelled; who called it would go on,
    and the end of a service would wait for it for ever. Raises: asyncio.CancelledError.
    """
    try:
        yield
    finally:
        task = asyncio.current_task()
        if task is not None and task.cancelling():
            raise asyncio.CancelledError


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
        with heeding(), contextlib.suppress(NatsError, OSError):
            await self._message.ack()


class Pull:
    """The state of one continuous pull, until its connection ends."""

    def __init__(self, subject: str, inbox: str) -> None:
        """Prepare to ask at `subject`, to be answered under `inbox`."""
        self.inbox = inbox
        self._subject = subject
        # We ask for less than fits; whoever sends more than was asked for is not heard.
        self._queue: asyncio.Queue[Msg | None] = asyncio.Queue(4 * PULL_MESSAGES)
        self._number = 0
        self._backoff = FIRST_PAUSE
        self.outstanding = 0
        self.refused = False

    async def take(self, message: Msg) -> None:
        """Queue what came; called by the library."""
        with contextlib.suppress(asyncio.QueueFull):
            self._queue.put_nowait(message)

    def end(self) -> None:
        """Wake who waits: this connection is over."""
        with contextlib.suppress(asyncio.QueueFull):
            self._queue.put_nowait(None)

    async def ask(self, client: Client) -> None:
        """Ask for the next messages; on a dead connection wait a little."""
        self._number += 1
        self.refused = False
        request = {
            "batch": PULL_MESSAGES,
            "max_bytes": PULL_BYTES,
            "expires": int(PULL_SECONDS * 1e9),
            "idle_heartbeat": int(HEARTBEAT_SECONDS * 1e9),
        }
        try:
            with heeding():
                await client.publish(
                    self._subject,
                    json.dumps(request).encode(),
                    f"{self.inbox}.{self._number}",
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
        if message is None:
            return None
        headers = message.headers or {}
        if not message.subject.startswith(self.inbox):  # whatever its headers pretend
            self._backoff = FIRST_PAUSE
            self.outstanding -= 1
            return message
        status = headers.get("Status")
        if message.subject.endswith(f".{self._number}") and status != "100":
            self.outstanding = 0  # 404, 408, 409, 503: this pull is over
            full = "Batch Completed" in headers.get("Description", "")
            if status in {"503", "409", "404"} and not full:
                self.refused = True
                await self._rest()
        return None

    async def _rest(self) -> None:
        await asyncio.sleep(self._backoff)
        self._backoff = min(self._backoff * 2, MAX_BACKOFF_SECONDS)
