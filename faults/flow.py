"""A steady flow of acknowledged work: items down, answers up, data asked and given.

Everything is repeated with the same `request_id` until it is acknowledged, and only then
written into the history that the checkers hold the databases against. The flow goes on
until it is ended, and ends with everything it began being complete.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial

from faults.readers import Readers
from faults.rigs import Stage
from tests.faults.flow import Flow as Round
from tests.journeys.bureau import ELEMENTS, PERIODS, Bureau
from tests.journeys.office import Office, eventually
from tests.journeys.running import at_work

PAUSE_SECONDS = 0.2
"""Between rounds: a fault needs work under way, not a busy machine."""
CUT = 10
"""Townships of one data request."""
WIDTH = 2
"""Elements of one data request."""


@dataclass(slots=True)
class Flow:
    """Work under way on a line."""

    stage: Stage
    office: Office
    bureau: Bureau
    readers: Readers
    pause: float = PAUSE_SECONDS
    ending: asyncio.Event = field(default_factory=asyncio.Event)
    unreported: list[tuple[str, str]] = field(default_factory=list)
    """Assignments (item, township) that stand at their township and wait for a probe."""

    @property
    def done(self) -> int:
        """How many operations were ever acknowledged on this line."""
        return self.stage.done

    @property
    def towns(self) -> list[str]:
        """Return the townships of the line."""
        return self.stage.towns

    def end(self) -> None:
        """Begin nothing new; what is under way will be completed."""
        self.ending.set()

    async def run(self) -> None:
        """Work until ended. Raises what its callers would see: a refusal, no answer."""
        watching = asyncio.create_task(self.readers.run())
        try:
            async with asyncio.TaskGroup() as tasks:
                for issuer, area in self.stage.issuers:
                    tasks.create_task(self._supervise(issuer, area))
                tasks.create_task(self._collect())
        finally:
            watching.cancel()
            await asyncio.gather(watching, return_exceptions=True)

    async def rounds(self, number: int = 1, without: str = "") -> None:
        """Do so many rounds of everything, complete, and stop; for unsteady scenarios.

        The unit at the node `without` begins nothing.
        """
        async with asyncio.TaskGroup() as tasks:
            for issuer, area in self.stage.issuers:
                if self.office.home(issuer) != without:
                    work = Round(self.office, [issuer], number, area)
                    tasks.create_task(work.run())
            tasks.create_task(self._asked(number, without))

    async def _supervise(self, issuer: str, area: str) -> None:
        """Issue, receive, report, return, report again, verify; and again."""
        while not self.ending.is_set():
            await Round(self.office, [issuer], 1, area).run()
            await asyncio.sleep(self.pause)

    async def _collect(self) -> None:
        """Ask for data and answer what is asked; and again."""
        while not self.ending.is_set():
            await self._asked(1)
            await asyncio.sleep(self.pause)

    async def _asked(self, number: int, without: str = "") -> None:
        """Have three tiers ask for overlapping cells of a new month; answer all of it."""
        for _ in range(number):
            period = next(PERIODS)
            start = len(self.bureau.collected.requests) % len(self.towns)
            towns = (self.towns * 2)[start : start + CUT]
            made: list[str] = []
            for turn, (requester, _) in enumerate(self.stage.issuers):
                cut = [ELEMENTS[(turn + n) % len(ELEMENTS)] for n in range(WIDTH)]
                own = [code for code in towns if code.startswith(requester)]
                if own and self.office.home(requester) != without:
                    asked = await self.bureau.ask(requester, cut, period, own)
                    made.append(asked.data_request_id)
            await eventually(
                partial(self._given, made, period),
                "data requests complete at the province",
            )

    async def _given(self, request_ids: Sequence[str], period: str) -> bool:
        """Answer what is asked now; whether nothing is, and the province has it all."""
        worked = [
            await self.bureau.work(area, period) for area in self.stage.township_areas
        ]
        top = self.office.home(self.stage.root)
        return not any(worked) and await self.bureau.is_complete(top, request_ids)


@asynccontextmanager
async def opened(stage: Stage) -> AsyncIterator[Flow]:
    """Open the offices of a line; the first time, load divisions and catalogue."""
    async with at_work(stage.running, stage.codes) as office:
        bureau = Bureau(office, stage.collected)
        if not stage.is_open:
            await bureau.open()
            stage.is_open = True
        yield Flow(stage, office, bureau, Readers(office))
