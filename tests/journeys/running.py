"""A line that runs for many tests, with everything ever acknowledged on it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import grpc

from deploy.embedded.files import tail
from deploy.embedded.line import Line
from ducha.division.v1 import division_service_pb2 as divisions_api
from tests.checkers import whole
from tests.checkers.history import History
from tests.checkers.places import Place, places_of
from tests.journeys.office import Office, eventually, open_office

SMALL = {"shared_buffers": "64MB"}
"""What PostgreSQL needs for a test."""
LAST_LINES = 20


@dataclass(slots=True)
class Running:
    """A line and its history, over all tests that use it."""

    line: Line
    history: History = field(default_factory=History)
    codes: list[str] = field(default_factory=list)

    @property
    def places(self) -> dict[str, Place]:
        """Return where its nodes are now."""
        return places_of(self.line)

    async def revive(self, name: str) -> None:
        """Start a part that died."""
        await asyncio.to_thread(self.line.kill, name)  # reaps it
        await asyncio.to_thread(self.line.start_node, name)

    async def problems(self) -> list[str]:
        """Wait until the line rests and return everything that is wrong with it."""
        return await whole.problems(self.places, self.history)


@asynccontextmanager
async def at_work(running: Running, codes: Sequence[str]) -> AsyncIterator[Office]:
    """Open the offices of a line; the first time, load its divisions."""
    is_first = not running.codes
    running.codes = running.codes or list(codes)
    async with open_office(running.places, running.history, running.codes) as office:
        if is_first:
            await office.load()
            try:
                await eventually(lambda: arrived(office), "divisions at every node")
            except AssertionError as late:
                raise AssertionError(f"{late}\n{last_words(running.line)}") from late
        yield office


def last_words(line: Line) -> str:
    """Return which part runs, and what each said last: for who reads a failure later."""
    said = []
    for name, component in line.components().items():
        state = "runs" if component.is_running else "does not run"
        words = tail(line.site.logs / f"{name}.log", LAST_LINES)
        said += [f"{name} {state}:", words]
    return "\n".join(said)


async def arrived(office: Office) -> bool:
    """Whether every node knows its last division."""
    for name, place in office.places.items():
        last = [code for code in office.codes if place.holds(code)][-1]
        try:
            await office.desks[name].divisions.GetDivision(
                divisions_api.GetDivisionRequest(code=last)
            )
        except grpc.aio.AioRpcError:
            return False
    return True
