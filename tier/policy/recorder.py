"""The record of decisions: counted in memory, written a few times a second.

Nobody waits for it. What nodes are allowed, such as a child that syncs each second, is
counted by the minute: else an idle link would be most of the record. While the database
is away it is kept, up to a bound; what comes beyond is still counted, without saying of
whom.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from datetime import timedelta
from typing import Final

import asyncpg
import structlog

from tier.app import App
from tier.identity.model import Role
from tier.policy import store
from tier.policy.model import Decided
from tier.runtime.errors import TierError

LOG = structlog.get_logger(__name__)

FLUSH_SECONDS: Final = 0.2
PRUNE_SECONDS: Final = 3600.0
LAST_SECONDS: Final = 2.0
KEPT_DAYS: Final = 180
MINUTE: Final = 60
BOUND: Final = 20_000
"""Different decisions in memory; at 62 callers a second, five minutes without a database."""

BEYOND = "…"
"""Stands for everybody beyond the bound."""


class Recorder:
    """Counts equal decisions of a second together, and writes them down."""

    def __init__(self, app: App) -> None:
        """Write to the database of `app`."""
        self._app = app
        self._counts: Counter[Decided] = Counter()
        self._routine: Counter[Decided] = Counter()
        """Of nodes, allowed; written when their minute is over."""
        self._pruned = -PRUNE_SECONDS

    def note(self, decided: Decided) -> None:
        """Count a decision."""
        if decided.is_allowed and decided.roles == Role.NODE:
            self._routine[_of_minute(decided)] += 1
            return
        if len(self._counts) >= BOUND and decided not in self._counts:
            decided = _beyond(decided)
        self._counts[decided] += 1

    async def run(self) -> None:
        """Write until cancelled; then write once more."""
        try:
            while True:
                await asyncio.sleep(FLUSH_SECONDS)
                self._gather(time.time() - MINUTE)
                await self.flush()
                await self._prune()
        finally:
            self._gather(time.time())
            async with asyncio.timeout(LAST_SECONDS):
                await self.flush()

    async def flush(self) -> None:
        """Write what was counted; what cannot be written now is kept."""
        if not self._counts:
            return
        counts, self._counts = self._counts, Counter()
        try:
            async with self._app.db.transaction() as tx:
                await store.add(tx, counts)
        except (TierError, asyncpg.PostgresError) as away:
            LOG.warning("decisions wait", error=type(away).__name__)
            self._take_back(counts)
        except asyncio.CancelledError:
            self._take_back(counts)
            raise

    def _gather(self, until: float) -> None:
        """Take what is routine and began before a moment among what is to be written."""
        for decided in [one for one in self._routine if one.second <= until]:
            self._counts[decided] += self._routine.pop(decided)

    def _take_back(self, counts: Counter[Decided]) -> None:
        """Keep what was not written, before what came meanwhile."""
        newer, self._counts = self._counts, counts
        for decided, count in newer.items():
            if len(self._counts) >= BOUND and decided not in self._counts:
                self._counts[_beyond(decided)] += count
            else:
                self._counts[decided] += count

    async def _prune(self) -> None:
        """Forget, once an hour, what is older than it must be kept."""
        now = asyncio.get_running_loop().time()
        if now - self._pruned < PRUNE_SECONDS:
            return
        self._pruned = now
        try:
            async with self._app.db.transaction() as tx:
                await store.prune(tx, self._app.real() - timedelta(days=KEPT_DAYS))
        except (TierError, asyncpg.PostgresError) as away:
            LOG.warning("decisions not pruned", error=type(away).__name__)


def _of_minute(decided: Decided) -> Decided:
    return decided._replace(second=decided.second - decided.second % MINUTE)


def _beyond(decided: Decided) -> Decided:
    """Return a decision without whose and where: at most a few a call and minute."""
    return Decided(
        second=decided.second - decided.second % MINUTE,
        principal=BEYOND,
        proof="",
        division="",
        roles="",
        rpc=decided.rpc,
        concerned="",
        relation="",
        is_allowed=decided.is_allowed,
        reason=decided.reason,
    )
