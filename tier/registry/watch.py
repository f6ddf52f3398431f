"""Watches of data requests: one look for all who watch, and only when something happened.

Answers come hundreds of times a second; whoever watches a request sees how far it is, not
each of them. So a commit only says that there may be news. One reader then looks at all
requests that are watched, a few times a second at most, whoever many watch; a slow watcher
finds the newest state and holds up nobody. What another process on the same database
commits is found by a slow look at the ledger's head.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Iterator
from uuid import UUID

import asyncpg

from tier.app import App
from tier.ledger import Committed
from tier.ledger import store as ledger_store
from tier.registry import facts, request_store
from tier.registry.errors import DataRequestUnknown
from tier.registry.model import Counted, RequestState
from tier.runtime.area import AREA, seen_from
from tier.runtime.errors import Draining, Overloaded, TierError

REST_SECONDS = 0.02
POLL_SECONDS = 1.0
RETRY_SECONDS = 5.0
WATCHERS = 2000

Seen = tuple[str | None, UUID]
"""A request as an area sees it; None: whole."""

Look = tuple[int, dict[UUID, Counted]]
"""Where the ledger's head stood, and the requests as they stood then."""


class Watcher:
    """What one watcher has not been told yet: the newest state only."""

    __slots__ = ("_failure", "_known", "_news", "_position", "_woken")

    def __init__(self) -> None:
        """Begin with nothing known."""
        self._position = -1
        self._known: Counted | None = None
        self._news: Counted | None = None
        self._failure: Exception | None = None
        self._woken = asyncio.Event()

    def tell(self, position: int, counted: Counted) -> None:
        """Note a state, unless it is known or older than what is known."""
        if position < self._position:
            return
        self._position = position
        if counted != self._known:
            self._known = self._news = counted
            self._woken.set()

    def fail(self, failure: Exception) -> None:
        """End the watch."""
        self._failure = failure
        self._woken.set()

    async def next(self) -> Counted:
        """Wait for news.

        Raises:
            Exception: what ended the watch.
        """
        await self._woken.wait()
        self._woken.clear()
        if self._failure is not None or self._news is None:
            raise self._failure or Draining
        return self._news


class Watches:
    """All watches of data requests in this process."""

    def __init__(self, app: App) -> None:
        """Hear what `app` commits."""
        self._app = app
        self._watchers: dict[Seen, set[Watcher]] = {}
        self._count = 0
        self._head = 0
        self._stirred = asyncio.Event()
        app.feed.listen(self._hear)

    async def run(self) -> None:
        """Look whenever something happened, until the node drains; then end all watches."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._end())
            while not self._app.draining.is_set():
                if await self._is_stirred():
                    self._stirred.clear()  # before the look: what comes then stirs again
                    await self._tell_all()
                    await self._rest()

    async def request(self, request_id: UUID) -> AsyncGenerator[Counted, None]:
        """Yield a request at once, then whenever it changed, until it is at its end.

        Raises:
            DataRequestUnknown: it is not here.
            Overloaded: as many watch as this node carries.
            Draining: the node stops.
        """
        with self._watching((AREA.get(), request_id)) as watcher:
            position, found = await self._look([request_id])
            if request_id not in found:
                raise DataRequestUnknown(data_request_id=request_id)
            watcher.tell(position, found[request_id])
            while not self._app.draining.is_set():
                counted = await watcher.next()
                yield counted
                if counted.state is not RequestState.OPEN:
                    return
        raise Draining

    @contextlib.contextmanager
    def _watching(self, seen: Seen) -> Iterator[Watcher]:
        """Count a watcher in for as long as it stays."""
        if self._count >= WATCHERS:
            raise Overloaded(
                waiting=self._count,
                retry_after_seconds=RETRY_SECONDS,
                retry_after=RETRY_SECONDS,
            )
        watcher = Watcher()
        self._count += 1
        self._watchers.setdefault(seen, set()).add(watcher)
        try:
            yield watcher
        finally:
            self._count -= 1
            watchers = self._watchers[seen]
            watchers.discard(watcher)
            if not watchers:
                del self._watchers[seen]

    async def _look(self, request_ids: list[UUID]) -> Look:
        async with self._app.db.reading() as tx:
            head = await ledger_store.head(tx)
            return head, await request_store.several(tx, request_ids)

    async def _tell_all(self) -> None:
        """Look at all that is watched, and tell what is new; a failure ends all watches."""
        watched: dict[str | None, list[UUID]] = {}
        for area, request_id in self._watchers:
            watched.setdefault(area, []).append(request_id)
        try:
            for area, request_ids in watched.items():
                await self._tell(area, request_ids)
        except (TierError, asyncpg.PostgresError) as failure:
            self._fail_all(failure)

    async def _tell(self, area: str | None, request_ids: list[UUID]) -> None:
        """Look as an area sees it, and tell who watches for it."""
        with seen_from(area):
            position, found = await self._look(request_ids)
        self._head = max(self._head, position)
        for request_id, counted in found.items():
            for watcher in self._watchers.get((area, request_id), ()):
                watcher.tell(position, counted)

    def _fail_all(self, failure: Exception) -> None:
        for watchers in self._watchers.values():
            for watcher in watchers:
                watcher.fail(failure)

    async def _is_stirred(self) -> bool:
        """Wait until something happened; now and then, see whether another process did it."""
        try:
            async with asyncio.timeout(POLL_SECONDS):
                return await self._stirred.wait()
        except TimeoutError:
            return await self._is_behind()

    async def _is_behind(self) -> bool:
        if not self._watchers:
            return False
        try:
            async with self._app.db.reading() as tx:
                return await ledger_store.head(tx) > self._head
        except TierError:
            return True  # the database is away: the watchers learn it from the look

    async def _rest(self) -> None:
        """Let what happens gather for a while; not while the node drains."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(REST_SECONDS):
                await self._app.draining.wait()

    async def _end(self) -> None:
        """End all watches when the node drains."""
        await self._app.draining.wait()
        self._fail_all(Draining())
        self._stirred.set()

    def _hear(self, committed: Committed) -> None:
        """Look again if what was committed may concern a request."""
        self._head = max(self._head, committed.before + len(committed.entries))
        if self._watchers and any(e.kind in facts.KINDS for e in committed.entries):
            self._stirred.set()
