"""A watch: look, tell what is new, rest, wait until there is more.

Nothing is queued for a watcher. It keeps its place, and whatever happened since is
read when it comes to look; a slow one finds more at once, and holds up nobody.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Hashable
from uuid import UUID

from tier.app import App
from tier.jurisdiction import Code
from tier.ledger import store as ledger_store
from tier.reporting import actions, rules
from tier.reporting.actions import ItemView
from tier.reporting.model import Glimpse, Place, Token
from tier.reporting.wakeups import Shared, Wakeups
from tier.runtime.area import AREA
from tier.runtime.db import Tx
from tier.runtime.errors import Draining


class Watches:
    """All watches of this process."""

    def __init__(self, app: App) -> None:
        """Watch the ledger of `app`."""
        self._app = app
        self._wakeups = Wakeups(app.feed)
        self._shared: Shared[Hashable, Glimpse] = Shared()

    async def run(self) -> None:
        """Find what other processes commit, until the node drains."""
        await self._wakeups.run(self._head, self._app.draining)

    async def _head(self) -> int:
        async with self._app.db.reading() as tx:
            return await ledger_store.head(tx)

    async def item(
        self, view: ItemView, resume_token: str
    ) -> AsyncIterator[tuple[str, Glimpse]]:
        """Yield what is new of an item, each time with a token to go on from.

        Raises:
            ItemUnknown: nothing of it was counted here.
            ResumeTokenInvalid: the token names no place in this ledger.
            Draining: the node stops.
        """

        async def look(tx: Tx, place: Place) -> Glimpse:
            return await actions.look_at_item(tx, self._app.node, view, place)

        async with self._app.db.reading() as tx:
            await actions.known(tx, view.item_id)
        async for found in self._watch(str(view.item_id), view, look, resume_token):
            yield found

    async def division(
        self, division: Code, resume_token: str
    ) -> AsyncIterator[tuple[str, Glimpse]]:
        """Yield what happened within a division, each time with a token to go on from.

        Raises:
            ResumeTokenInvalid: the token names no place in this ledger.
            Draining: the node stops.
        """

        async def look(tx: Tx, place: Place) -> Glimpse:
            return await actions.look_at_division(tx, division, place)

        async for found in self._watch(division, division, look, resume_token):
            yield found

    async def _watch(
        self,
        topic: str,
        view: Hashable,
        look: Callable[[Tx, Place], Awaitable[Glimpse]],
        resume_token: str,
    ) -> AsyncIterator[tuple[str, Glimpse]]:
        """Look again and again, from where a token or this moment says."""
        with self._wakeups.waiting(topic) as woken:
            async with self._app.db.reading() as tx:
                origin, place = await actions.begin(tx, self._app.node, resume_token)
            is_first = True
            while not self._app.draining.is_set():
                woken.clear()  # before the look: what comes during it wakes again
                began = time.monotonic()
                found = await self._look(view, look, place)
                pause = rules.rest(time.monotonic() - began)
                if is_first or found.changes or found.progress:
                    yield _token(origin, found.place), found
                is_first = False
                place = found.place
                if not found.more:
                    await asyncio.sleep(pause)
                    await woken.wait()
        raise Draining

    async def _look(
        self,
        view: Hashable,
        look: Callable[[Tx, Place], Awaitable[Glimpse]],
        place: Place,
    ) -> Glimpse:
        """Look once; all who see the same from the same place look together."""

        async def read() -> Glimpse:
            async with self._app.db.reading() as tx:
                return await look(tx, place)

        key = (AREA.get(), view, place, self._wakeups.version)
        return await self._shared.get(key, read)


def _token(origin: UUID, place: Place) -> str:
    return rules.write_token(Token(origin, place.position))
