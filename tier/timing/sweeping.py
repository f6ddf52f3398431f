"""Timers at work: wakes when the first clock is due, and works what is due in small bits.

Nothing is kept in memory that matters: a node that was killed looks into its tables and
goes on. Who waits for the one writing transaction is served in turn, so live calls come
between any two of these; where others write, it rests as long as its last one took.
"""

from __future__ import annotations

import asyncio
import time
from datetime import datetime
from uuid import UUID

import structlog

from tier import calendar
from tier.app import App
from tier.ledger import Committed
from tier.runtime.errors import TierError
from tier.timing import actions, store
from tier.timing.model import Known

LOG = structlog.get_logger(__name__)

TICK_SECONDS = 0.25
"""How often the clock is compared with the first due moment; no query."""

LOOK_SECONDS = 15.0
"""How often the tables are asked for it, whatever is heard: another process may write."""

POINTS_SECONDS = 5.0
"""How often points to rectify are asked whether one is overdue."""

RETRY_SECONDS = 2.0
CALM_SECONDS = 0.005
"""Who got the one writing transaction within this time has nobody to give way to."""

REST_SHARE = 1.0
"""Of the time a transaction took, to rest after it where others write too."""

KNOWN_ITEMS = 10_000
WHAT_MOVES_CLOCKS = frozenset(
    f"ducha.assignment.v1.{name}"
    for name in (
        "ItemIssued",
        "AssignmentSplit",
        "AssignmentsReturned",
        "DeadlinesMoved",
        "AssignmentsSuspended",
        "AssignmentsResumed",
        "ItemReopened",
    )
)
CALENDAR = "ducha.calendar.v1.CalendarPublished"


class Sweeping:
    """Watches the clocks of a node."""

    def __init__(self, app: App) -> None:
        """Hear of every commit of `app`."""
        self._app = app
        self._known: dict[UUID, Known] = {}
        self._next: datetime | None = None
        self._asked = self._pointed = -LOOK_SECONDS
        self._moved = True
        self._new_calendar = True  # one may have come while the node was down
        app.feed.listen(self._hear)

    def _hear(self, committed: Committed) -> None:
        for entry in committed.entries:
            if entry.kind in WHAT_MOVES_CLOCKS:
                self._moved = True
            elif entry.kind == CALENDAR:
                self._moved = self._new_calendar = True

    async def run(self) -> None:
        """Work what is due whenever it is, until cancelled."""
        while True:
            try:
                await self.wake()
            except TierError as trouble:
                LOG.warning("timers failed", reason=trouble.reason)
                self._moved = True
                await asyncio.sleep(RETRY_SECONDS)
            await asyncio.sleep(TICK_SECONDS)

    async def wake(self) -> None:
        """Ask when the first clock is due, if that may have changed; work if it is."""
        if self._new_calendar:
            self._new_calendar = False
            await self._rearm()
        if self._moved or time.monotonic() - self._asked >= LOOK_SECONDS:
            self._moved = False
            await self._ask()
        if self._next is not None and self._next <= self._app.now():
            await self.sweep()
            await self._ask()
        if time.monotonic() - self._pointed >= POINTS_SECONDS:
            self._pointed = time.monotonic()
            await actions.remind_of_points(self._app)

    async def _ask(self) -> None:
        self._asked = time.monotonic()
        async with self._app.db.reading() as tx:
            self._next = await store.soonest(tx)

    async def _rearm(self) -> None:
        """Reckon anew what was reckoned by a calendar that no longer holds."""
        try:
            async with self._app.db.transaction() as tx:
                await store.rearm(tx, (await calendar.current(tx)).version)
        except TierError:
            self._new_calendar = True
            raise

    async def sweep(self) -> int:
        """Work all that is due, bit by bit; return for how many something was raised."""
        raised = 0
        while not self._app.draining.is_set():
            if len(self._known) > KNOWN_ITEMS:
                self._known.clear()
            look = await actions.look(self._app, self._app.now(), self._known)
            if look is None:
                break
            done = await actions.work(self._app, look)
            raised += done.raised
            is_calm = done.waited < CALM_SECONDS
            await asyncio.sleep(0 if is_calm else done.seconds * REST_SHARE)
        return raised
