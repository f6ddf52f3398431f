"""Work under way while something breaks: items from three tiers, answers, returns, verdicts.

Everything is repeated until it is acknowledged, as clients do. The flow tells how many
operations were acknowledged so far, so that a fault can be put in the middle of it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from ducha.assignment.v1 import assignment_pb2 as pb
from tests.journeys.office import PAUSE_SECONDS, Office, eventually

BATCH = 8
RETURNED = 2
"""Reports of each item that are returned, and reported again."""
ISSUERS = ("53", "5301", "530102")
AREA = "530102"
ITEMS_EACH = 2
WORKABLE = (pb.ASSIGNMENT_STATE_ISSUED, pb.ASSIGNMENT_STATE_RECEIVED)


@dataclass(frozen=True, slots=True)
class Flow:
    """What a fault interrupts."""

    office: Office
    issuers: Sequence[str] = ISSUERS
    items_each: int = ITEMS_EACH
    area: str = AREA

    @property
    def done(self) -> int:
        """How many operations were ever acknowledged on this line."""
        return self.office.history.count

    async def run(self) -> None:
        """Work until everything is verified."""
        async with asyncio.TaskGroup() as tasks:
            for issuer in self.issuers:
                tasks.create_task(self._supervise(issuer))

    async def _supervise(self, issuer: str) -> None:
        """Issue items one after the other, each with everything that follows."""
        async with asyncio.TaskGroup() as tasks:
            for _ in range(self.items_each):
                item = await self.office.issue(issuer, within=[self.area])
                tasks.create_task(self._answer(item))
                tasks.create_task(self._judge(issuer, item))

    async def _answer(self, item: str) -> None:
        """Receive and report, batch by batch; report again what comes back."""
        office = self.office
        towns = sorted(office.history.targets[item])
        await office.until("township", item, towns, pb.ASSIGNMENT_STATE_ISSUED)
        for start in range(0, len(towns), BATCH):
            await office.receive(item, towns[start : start + BATCH])
        for start in range(0, len(towns), BATCH):
            await office.report(item, towns[start : start + BATCH])
        returned = towns[:RETURNED]
        await office.until("township", item, returned, pb.ASSIGNMENT_STATE_RETURNED)

        # What a killed node did may arrive before its caller was answered.
        async def is_acknowledged() -> bool:
            return all(office.history.epoch((item, code)) > 1 for code in returned)

        await eventually(is_acknowledged, "the return is acknowledged")
        await office.report(item, returned)

    async def _judge(self, issuer: str, item: str) -> None:
        """Return the first reports, verify the others as they come, then the rest."""
        office, home = self.office, self.office.home(issuer)
        towns = sorted(office.history.targets[item])
        returned = towns[:RETURNED]
        await office.until(home, item, returned, pb.ASSIGNMENT_STATE_REPORTED)
        await office.send_back(issuer, item, returned)
        open_ones = set(towns)
        while open_ones:
            ready = await office.states(home, item, pb.ASSIGNMENT_STATE_REPORTED)
            if ready:
                await office.verify(issuer, item, sorted(ready))
                open_ones -= ready
            await asyncio.sleep(PAUSE_SECONDS)


class Interruptible(Protocol):
    """Work that counts what was acknowledged."""

    @property
    def done(self) -> int:
        """Return how many operations were acknowledged."""
        ...

    async def run(self) -> None:
        """Do it all."""
        ...


async def interrupted(
    flow: Interruptible, after: int, fault: Callable[[], Awaitable[None]]
) -> None:
    """Run a flow; once it has done some more operations, break something, and go on."""
    start = flow.done
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(flow.run())

        async def reached() -> bool:
            return flow.done >= start + after

        await eventually(reached, f"{after} operations under way")
        await fault()
