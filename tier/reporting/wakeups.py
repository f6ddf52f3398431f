"""Wake those who watch when, and only when, what they watch has changed.

A ledger grows hundreds of times a second; a watcher of one item must not read it each
time. What this process commits wakes by subject and by division; a slow poll of the
ledger's head finds what another process on the same database committed.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Generic, TypeVar

from tier.jurisdiction import LEVELS
from tier.ledger import Committed, Entry, Feed
from tier.runtime.errors import Overloaded, TierError

K = TypeVar("K")
V = TypeVar("V")

POLL_SECONDS = 1.0
WATCHERS = 2000
RETRY_SECONDS = 5.0


class Wakeups:
    """Who waits for what: for an item by its id, for a division by its code."""

    def __init__(self, feed: Feed) -> None:
        """Hear what `feed` passes on."""
        self._waiting: dict[str, set[asyncio.Event]] = {}
        self._count = 0
        self._areas = 0
        self._head = 0
        self.version = 0
        feed.listen(self._hear)

    @contextmanager
    def waiting(self, topic: str) -> Iterator[asyncio.Event]:
        """Set the event whenever `topic`, an item's id or a division's code, changes.

        Raises:
            Overloaded: as many watch as this node carries.
        """
        if self._count >= WATCHERS:
            raise Overloaded(
                waiting=self._count,
                retry_after_seconds=RETRY_SECONDS,
                retry_after=RETRY_SECONDS,
            )
        event = asyncio.Event()
        self._add(topic, 1)
        self._waiting.setdefault(topic, set()).add(event)
        try:
            yield event
        finally:
            self._add(topic, -1)
            events = self._waiting[topic]
            events.discard(event)
            if not events:
                del self._waiting[topic]

    def _add(self, topic: str, number: int) -> None:
        self._count += number
        self._areas += number if len(topic) in LEVELS else 0

    def wake_all(self) -> None:
        """Wake everybody."""
        self._wake(list(self._waiting))

    async def run(
        self, head: Callable[[], Awaitable[int]], stop: asyncio.Event
    ) -> None:
        """Watch the ledger's head for other writers until `stop`; then wake everybody."""
        while not stop.is_set():
            try:
                async with asyncio.timeout(POLL_SECONDS):
                    await stop.wait()
            except TimeoutError:
                await self._poll(head)
        self.wake_all()

    async def _poll(self, head: Callable[[], Awaitable[int]]) -> None:
        """Wake everybody if the ledger grew and nobody here did it."""
        if not self._count:
            return
        try:
            position = await head()
        except TierError:
            return  # the database is away: the watchers learn it when they look
        if position > self._head:
            self._head = position
            self.wake_all()

    def _hear(self, committed: Committed) -> None:
        """Wake those whose topic is in what was committed."""
        self._head = max(self._head, committed.before + len(committed.entries))
        if self._count:
            self._wake(self._topics(committed.entries))

    def _topics(self, entries: Iterable[Entry]) -> set[str]:
        """Return the subjects of `entries` and, if asked for, the areas they lie in."""
        topics = {entry.subject for entry in entries}
        if self._areas:
            codes = {entry.division for entry in entries}
            topics.update(code[:digits] for code in codes for digits in LEVELS)
            # What is said from above concerns the areas below as well.
            topics.update(
                topic
                for topic in self._waiting
                for code in codes
                if topic.startswith(code)
            )
        return topics

    def _wake(self, topics: Iterable[str]) -> None:
        self.version += 1
        for topic in topics:
            for event in self._waiting.get(topic, ()):
                event.set()


class Shared(Generic[K, V]):
    """Lets all who want the same value at the same time wait for one read of it."""

    def __init__(self) -> None:
        """Begin with nothing on its way."""
        self._pending: dict[K, asyncio.Future[V]] = {}

    async def get(self, key: K, read: Callable[[], Awaitable[V]]) -> V:
        """Return what `read` finds, or what another's read of `key` is about to find.

        `key` must name the moment too, or a value could be older than the question.
        """
        while (pending := self._pending.get(key)) is not None:
            await asyncio.wait([pending])
            if not pending.cancelled():
                return pending.result()
        future: asyncio.Future[V] = asyncio.get_running_loop().create_future()
        self._pending[key] = future
        try:
            value = await read()
            future.set_result(value)
        finally:
            del self._pending[key]
            future.cancel()  # if it failed: the next one asks for itself
        return value
