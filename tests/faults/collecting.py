"""Data being asked and answered while something breaks (simulated).

Departments of three tiers ask for the same cells in different cuts; townships answer what
their lists of tasks show. It ends once every request is complete at the province.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from ducha.collection.v1 import collection_pb2
from tests.checkers import collected
from tests.journeys.bureau import ELEMENTS, PERIODS, Bureau
from tests.journeys.office import PAUSE_SECONDS
from tests.journeys.papers import small_province
from tests.journeys.running import Running, at_work

CODES = small_province(cities=1, counties=2, townships=6)
AREAS = ("530101", "530102")
TOWNS = tuple(code for code in CODES if len(code) == len("530101001"))
REQUESTERS = ("53", "5301", *AREAS)
ROUNDS = 6
WIDTH = 2
"""Elements of one request; the next begins one further."""


@dataclass(frozen=True, slots=True)
class Collecting:
    """What a fault interrupts."""

    bureau: Bureau
    rounds: int = ROUNDS
    periods: Sequence[str] = field(
        default_factory=lambda: (next(PERIODS), next(PERIODS))
    )

    @property
    def done(self) -> int:
        """How many operations were acknowledged."""
        return self.bureau.collected.count

    async def run(self) -> None:
        """Ask and answer until everything is complete at the province."""
        is_asked = asyncio.Event()
        async with asyncio.TaskGroup() as tasks:
            for area in AREAS:
                tasks.create_task(self._answer(area, is_asked))
            async with asyncio.TaskGroup() as departments:
                for requester in REQUESTERS:
                    departments.create_task(self._ask(requester))
            is_asked.set()

    async def _ask(self, requester: str) -> None:
        """Ask for one cut after the other; what the next asks is asked in part already."""
        towns = [code for code in TOWNS if code.startswith(requester)]
        for number in range(self.rounds):
            cut = [ELEMENTS[(number + n) % len(ELEMENTS)] for n in range(WIDTH)]
            period = self.periods[number % len(self.periods)]
            await self.bureau.ask(requester, cut, period, towns)

    async def _answer(self, area: str, is_asked: asyncio.Event) -> None:
        """Answer what is asked of an area, whatever the period."""
        while not is_asked.is_set():
            await self.bureau.work(area)
            await asyncio.sleep(PAUSE_SECONDS)
        await self.bureau.answer_until_complete(area)


async def problems(running: Running, bureau: Bureau) -> list[str]:
    """Wait until the line rests; return everything that is wrong with it."""
    found = await running.problems()
    return [
        *found,
        *await collected.problems(running.places, bureau.collected),
    ]


@asynccontextmanager
async def opened(running: Running) -> AsyncIterator[Bureau]:
    """Open the offices of a line, with a catalogue."""
    async with at_work(running, CODES) as office:
        bureau = Bureau(office)
        await bureau.open()
        yield bureau


def a_task(town: str, period: str, *elements: str) -> collection_pb2.Task:
    """Return a task that nobody set."""
    fields = [collection_pb2.Field(element=code) for code in elements]
    return collection_pb2.Task(division=town, period=period, fields=fields)
