"""Work under way while something breaks: items from three tiers, answers, returns, verdicts.

Of each item some assignments live a longer life: more time is asked and granted, a clock
stopped and started, one is disputed and given to another, one is urged and has a point to
rectify; some items are concluded, reviewed and closed. Everything is repeated until it is
acknowledged, as clients do. The flow tells how many operations were acknowledged so far,
so that a fault can be put in the middle of it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Protocol, Self

from ducha.assignment.v1 import assignment_pb2 as pb
from tests.faults.life import Life
from tests.journeys.office import PAUSE_SECONDS, Office, eventually
from tier.jurisdiction import Level

BATCH = 8
RETURNED = 2
"""Reports of each item that are returned, and reported again."""
LIVED = 4
"""Assignments of each item that live a longer life, one of each kind."""
LEAST = RETURNED + LIVED
"""Assignments of an item that has room for all of it."""
REVIEWED = 4
"""Every so many items are concluded, reviewed and closed."""
ISSUERS = ("53", "5301", "530102")
AREA = "530102"
ITEMS_EACH = 2
WORKABLE = (pb.ASSIGNMENT_STATE_ISSUED, pb.ASSIGNMENT_STATE_RECEIVED)


@dataclass(frozen=True, slots=True)
class Plan:
    """Who of an item's executors does what."""

    number: int
    """How many items there were before it: what is done in turns goes by it."""
    towns: Sequence[str]
    extended: str = ""
    paused: str = ""
    urged: str = ""
    disputed: str = ""
    heir: str = ""
    """Who has the disputed assignment afterwards; nobody where the issuer has no other."""

    @classmethod
    def of(cls, office: Office, issuer: str, item: str) -> Self:
        """Make it of an item that was issued; a small one lives no longer life."""
        number, towns = (
            len(office.history.targets),
            sorted(office.history.targets[item]),
        )
        if len(towns) < LEAST:
            return cls(number, towns)
        others = office.below([issuer], Level.TOWNSHIP) - set(towns)
        extended, paused, urged, disputed = towns[-LIVED:]
        heir = min(others, default="")
        return cls(number, towns, extended, paused, urged, disputed, heir)

    @property
    def plain(self) -> list[str]:
        """Return who is not kept from reporting at once by anything."""
        own = {self.extended, self.paused, self.urged, self.disputed}
        return [town for town in self.towns if town not in own]

    @property
    def verified(self) -> set[str]:
        """Return who will have reported in the end."""
        return ({*self.towns, self.heir} - {self.disputed}) - {""}


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
                tasks.create_task(self._live(issuer, item))

    async def _live(self, issuer: str, item: str) -> None:
        """Do everything with an item, to its end where it is its turn."""
        plan = Plan.of(self.office, issuer, item)
        life = Life(self.office, issuer, item)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._answer(life, plan))
            tasks.create_task(self._judge(issuer, item, plan))
        turn, rest = divmod(plan.number, REVIEWED)
        if plan.disputed and not rest:
            await life.review(plan.towns[0], overturned=bool(turn % 2))

    async def _answer(self, life: Life, plan: Plan) -> None:
        """Receive and report, batch by batch; report again what comes back."""
        office, item, towns = self.office, life.item, plan.plain
        await office.until("township", item, plan.towns, pb.ASSIGNMENT_STATE_ISSUED)
        async with asyncio.TaskGroup() as tasks:
            if plan.disputed:
                tasks.create_task(self._extended(life, plan.extended))
                tasks.create_task(self._paused(life, plan))
                tasks.create_task(self._urged(life, plan.urged))
                tasks.create_task(self._disputed(life, plan))
            for start in range(0, len(towns), BATCH):
                await office.receive(item, towns[start : start + BATCH])
            for start in range(0, len(towns), BATCH):
                await office.report(item, towns[start : start + BATCH])
            await self._again(item, towns[:RETURNED])

    async def _again(self, item: str, returned: Sequence[str]) -> None:
        """Report again what was returned."""
        office = self.office
        await office.until("township", item, returned, pb.ASSIGNMENT_STATE_RETURNED)

        # What a killed node did may arrive before its caller was answered.
        async def is_acknowledged() -> bool:
            return all(office.history.epoch((item, code)) > 1 for code in returned)

        await eventually(is_acknowledged, "the return is acknowledged")
        await office.report(item, returned)

    async def _extended(self, life: Life, town: str) -> None:
        """Ask for more time, have it, and report."""
        await life.extend(town)
        await self.office.report(life.item, [town])

    async def _paused(self, life: Life, plan: Plan) -> None:
        """Have the clock stopped and started, and report."""
        await life.pause(plan.paused, by_petition=bool(plan.number % 2))
        await self.office.report(life.item, [plan.paused])

    async def _urged(self, life: Life, town: str) -> None:
        """Be urged, put a point right, and report."""
        await life.urge([town])
        await life.rectify(town)
        await self.office.report(life.item, [town])

    async def _disputed(self, life: Life, plan: Plan) -> None:
        """Say whose it is; who has it then receives and reports."""
        await life.dispute(plan.disputed, plan.heir)
        if plan.heir:
            heirs, issued = [plan.heir], pb.ASSIGNMENT_STATE_ISSUED
            await self.office.until("township", life.item, heirs, issued)
            await self.office.receive(life.item, heirs)
            await self.office.report(life.item, heirs)

    async def _judge(self, issuer: str, item: str, plan: Plan) -> None:
        """Return the first reports, verify the others as they come, then the rest."""
        office, home = self.office, self.office.home(issuer)
        returned = plan.plain[:RETURNED]
        await office.until(home, item, returned, pb.ASSIGNMENT_STATE_REPORTED)
        await office.send_back(issuer, item, returned)
        open_ones = set(plan.verified)
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
