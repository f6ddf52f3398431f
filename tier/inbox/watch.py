"""Watches of inboxes: one look for all who watch, and each reads its own.

A commit only says that there may be news: what it told whom is looked up once, a few times
a second at most, whoever many watch. Who was told something wakes and reads from its
place on; nothing is queued for anybody. What another process on the same database commits
is found by a slow look.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator, Sequence

import asyncpg

from tier.app import App
from tier.inbox import rules, store
from tier.inbox.model import Kept, Place, Scope
from tier.ledger import Committed
from tier.runtime.errors import Draining, Overloaded, ResumeTokenInvalid, TierError

PAGE = 500
REST_SECONDS = 0.1
POLL_SECONDS = 1.0
RETRY_SECONDS = 5.0
WATCHERS = 2000


class Watches:
    """All watches of inboxes in this process."""

    def __init__(self, app: App) -> None:
        """Hear what `app` commits."""
        self._app = app
        self._waiting: dict[Scope, set[asyncio.Event]] = {}
        self._count = 0
        self._head: int | None = None
        self._stirred = asyncio.Event()
        app.feed.listen(self._hear)

    async def run(self) -> None:
        """Look whenever something happened, until the node drains; then wake everybody."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._end())
            while not self._app.draining.is_set():
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(POLL_SECONDS):
                        await self._stirred.wait()
                self._stirred.clear()  # before the look: what comes then stirs again
                if self._waiting:
                    await self._look()
                else:
                    self._head = None  # whoever comes next begins with what is there
                await self._rest()
        self._wake_all()

    async def notices(
        self, scope: Scope, resume_token: str
    ) -> AsyncIterator[tuple[str, Sequence[Kept]]]:
        """Yield what is told, each time with a token to go on from; the first at once.

        Raises:
            ResumeTokenInvalid: the token names no place in this inbox.
            Overloaded: as many watch as this node carries.
            Draining: the node stops.
        """
        with self._watching(scope) as woken:
            place = await self._begin(scope, resume_token)
            is_first = True
            while not self._app.draining.is_set():
                woken.clear()  # before the look: what comes during it wakes again
                async with self._app.db.reading() as tx:
                    found = await store.after(tx, scope, place, PAGE)
                if found:
                    place = Place(found[-1].serial, found[-1].notice_id)
                if found or is_first:
                    yield rules.write_token(place), found
                is_first = False
                if len(found) < PAGE:
                    await woken.wait()
        raise Draining

    async def _begin(self, scope: Scope, resume_token: str) -> Place:
        """Return the place that a token names; without one, the end of the inbox."""
        async with self._app.db.reading() as tx:
            if not resume_token:
                return await store.last(tx, scope)
            place = rules.read_token(resume_token)
            if place is None or not await store.is_there(tx, place):
                raise ResumeTokenInvalid
            return place

    @contextlib.contextmanager
    def _watching(self, scope: Scope) -> Iterator[asyncio.Event]:
        """Count a watcher in for as long as it stays."""
        if self._count >= WATCHERS:
            raise Overloaded(
                waiting=self._count,
                retry_after_seconds=RETRY_SECONDS,
                retry_after=RETRY_SECONDS,
            )
        woken = asyncio.Event()
        self._count += 1
        self._waiting.setdefault(scope, set()).add(woken)
        try:
            yield woken
        finally:
            self._count -= 1
            events = self._waiting[scope]
            events.discard(woken)
            if not events:
                del self._waiting[scope]

    async def _look(self) -> None:
        """Find who was told something, and wake those who watch it."""
        try:
            async with self._app.db.reading() as tx:
                if self._head is None:
                    self._head = await store.head(tx)
                    return self._wake_all()
                told = await store.told_after(tx, self._head)
        except (TierError, asyncpg.PostgresError):
            return self._wake_all()  # the watchers learn it when they look
        self._head = max(self._head, *told.values()) if told else self._head
        for scope, events in self._waiting.items():
            if any(rules.covers(scope, division) for division in told):
                for woken in events:
                    woken.set()
        return None

    def _wake_all(self) -> None:
        for events in self._waiting.values():
            for woken in events:
                woken.set()

    async def _rest(self) -> None:
        """Let what happens gather for a while; not while the node drains."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(REST_SECONDS):
                await self._app.draining.wait()

    async def _end(self) -> None:
        """Stop waiting when the node drains."""
        await self._app.draining.wait()
        self._stirred.set()

    def _hear(self, committed: Committed) -> None:
        """Look again: what was committed may have told somebody something."""
        if self._waiting and committed.entries:
            self._stirred.set()
