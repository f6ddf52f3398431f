"""The one place that reads the clock; everything else is given the time.

A running node does not look at the wall for every moment. Its `Clock` goes by the monotonic
clock, which nobody can set, from where the wall stood when the node began; once a second the
two are compared. Decided so, because timers fire by this time and what they raise is told to
others: a reminder cannot be unsaid.

* **A small correction is followed at once** (`SMALL`): NTP keeps machines together by such.
  Backwards, the node's time stands still until the wall has caught up: within a run no moment
  comes twice, so what happened later is not dated earlier.
* **A jump is not believed at once.** It is logged, and the node goes on as before. If the wall
  agrees with itself for `HOLD` seconds it was set on purpose, and is followed: forward, timers
  that are due by then fire; backward, time is repeated, the only case in which it is. What was
  raised stands in its table and is not raised again. A jump that is taken back within these
  seconds was never seen by any timer.
* **A restart believes the wall**, as there is nothing else to believe.

The order of facts does not depend on any of this: it is that of their positions.

*Simulated time*, for demonstrations and tests only: from `Pace.epoch` on a node's time runs
`rate` times as fast as real time. All nodes of a line have the same pace and so the same time.
Only what the node dates and times goes by it. Who proves what (tokens, certificates, seals)
and whether a neighbour is in contact is real: `Clock.real`.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

import structlog

LOG = structlog.get_logger(__name__)

LOOK_SECONDS: Final = 1.0
SMALL: Final = timedelta(seconds=2)
HOLD: Final = 30.0


def now() -> datetime:
    """Return this moment by the clock on the wall, in UTC."""
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Pace:
    """How fast time runs from a real moment on; at the default it is real time."""

    rate: float = 1.0
    epoch: datetime | None = None

    @property
    def is_simulated(self) -> bool:
        """Whether this is not real time."""
        return self.rate != 1.0 and self.epoch is not None

    def shown(self, real: datetime) -> datetime:
        """Return the time that a real moment is shown as."""
        if self.epoch is None or real <= self.epoch:
            return real
        return self.epoch + (real - self.epoch) * self.rate

    def real_seconds(self, shown: timedelta) -> float:
        """Return how many real seconds a span of shown time lasts."""
        return shown.total_seconds() / self.rate


REAL: Final = Pace()


@dataclass(slots=True)
class _Jump:
    """A wall that is off, by how much, and since when it has agreed with itself."""

    off: timedelta
    since: float


class Clock:
    """A node's time: steady while it runs, and as fast as its pace says."""

    def __init__(
        self,
        pace: Pace = REAL,
        *,
        wall: Callable[[], datetime] = now,
        ticks: Callable[[], float] = time.monotonic,
    ) -> None:
        """Begin where the wall stands; `ticks` counts seconds that nobody can set."""
        self.pace = pace
        self._wall = wall
        self._ticks = ticks
        self._anchor = wall() - timedelta(seconds=ticks())
        self._latest = datetime.min.replace(tzinfo=UTC)
        self._jump: _Jump | None = None

    def now(self) -> datetime:
        """Return the node's time, simulated if its pace says so."""
        return self.pace.shown(self.real())

    def real(self) -> datetime:
        """Return real time; within a run it goes back only where a jump was followed."""
        self._latest = max(self._latest, self._steady())
        return self._latest

    def _steady(self) -> datetime:
        return self._anchor + timedelta(seconds=self._ticks())

    async def run(self) -> None:
        """Compare with the wall once a second, until cancelled."""
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            self.look()

    def look(self) -> None:
        """Compare with the wall; follow it where it may be believed."""
        off = self._wall() - self._steady()
        if abs(off) <= SMALL:
            if self._jump is not None:
                LOG.warning("the wall clock is right again")
                self._jump = None
            self._anchor += off
        elif self._jump is None or abs(off - self._jump.off) > SMALL:
            LOG.error("the wall clock jumped", seconds=off.total_seconds())
            self._jump = _Jump(off, self._ticks())
        elif self._ticks() - self._jump.since >= HOLD:
            LOG.error("the wall clock is followed", seconds=off.total_seconds())
            self._jump = None
            self._anchor += off
            self._latest = self._steady()
