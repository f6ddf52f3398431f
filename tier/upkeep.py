"""What a node does by itself, soon after a commit that may call for it.

Looking is cheap and doing it twice is doing it once: a node looks when it starts, for what
came while it was down, and then after each commit of the kinds it is about.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from collections.abc import Set as AbstractSet

import structlog

from tier.app import App
from tier.ledger import Committed
from tier.runtime.errors import TierError

LOG = structlog.get_logger(__name__)

REST_SECONDS = 0.25
"""Between two looks: in a rush every commit may call for one."""

RETRY_SECONDS = 5.0
SUBJECTS = 10_000
"""Remembered at most; beyond that the next look is at everything."""

Look = Callable[[App, AbstractSet[str] | None], Awaitable[object]]
"""Looks at the subjects of the facts that came, or at everything (None)."""


class Upkeep:
    """Looks after whatever is committed about some kinds of facts."""

    def __init__(self, app: App, about: tuple[str, ...], look: Look) -> None:
        """Hear of every commit of `app`; `about` names kinds by how they begin."""
        self._app = app
        self._about = about
        self._look = look
        self._subjects: set[str] = set()
        self._everything = True
        self._due = asyncio.Event()
        self._due.set()
        app.feed.listen(self._hear)

    def _hear(self, committed: Committed) -> None:
        came = {
            entry.subject
            for entry in committed.entries
            if entry.kind.startswith(self._about)
        }
        if came:
            self._subjects |= came
            self._everything = self._everything or len(self._subjects) > SUBJECTS
            self._due.set()

    async def run(self) -> None:
        """Look whenever something came, until cancelled."""
        while True:
            await self._due.wait()
            self._due.clear()
            subjects, everything = self._subjects, self._everything
            self._subjects, self._everything = set(), False
            try:
                await self._look(self._app, None if everything else subjects)
            except TierError as trouble:
                LOG.warning("upkeep failed", about=self._about, reason=trouble.reason)
                self._everything = True
                self._due.set()
                await asyncio.sleep(RETRY_SECONDS)
            await asyncio.sleep(REST_SECONDS)
