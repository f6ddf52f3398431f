"""Readers at every tier who must never see time go backwards.

Each polls what its node shows of the newest items. An assignment's epoch never falls, and
within an epoch its state only goes on; a reader who saw it further before has seen a
regression (I5). A clock that stands still says nothing about how far the work is.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import grpc

from ducha.assignment.v1 import assignment_pb2 as pb
from ducha.assignment.v1 import assignment_service_pb2 as api
from tests.checkers.history import Key
from tests.journeys.office import Office

PAUSE_SECONDS = 0.25
ITEMS = 3
"""The newest items are read; older ones seldom change."""
PAGE = 2000
ORDER = (
    pb.ASSIGNMENT_STATE_RETURNED,  # begins an epoch
    pb.ASSIGNMENT_STATE_ISSUED,
    pb.ASSIGNMENT_STATE_RECEIVED,
    pb.ASSIGNMENT_STATE_REPORTED,
    pb.ASSIGNMENT_STATE_VERIFIED,
    pb.ASSIGNMENT_STATE_WITHDRAWN,
)
RANK: Mapping[int, int] = {
    **{int(state): rank for rank, state in enumerate(ORDER)},
    # What was closed may go on, and is what was verified.
    int(pb.ASSIGNMENT_STATE_CLOSED): ORDER.index(pb.ASSIGNMENT_STATE_VERIFIED),
}
"""States that never go back within an epoch, by how far on they are."""

Seen = Mapping[Key, tuple[int, int]]
"""(epoch, state) by assignment, at one moment."""


@dataclass(slots=True)
class Reader:
    """What one reader of one node saw last, and what went backwards."""

    node: str
    last: dict[Key, tuple[int, int]] = field(default_factory=dict)
    regressions: list[str] = field(default_factory=list)
    reads: int = 0

    def read(self, seen: Seen) -> None:
        """Compare what is seen with what was seen before, and remember it."""
        self.reads += 1
        for key, (epoch, state) in seen.items():
            if state == pb.ASSIGNMENT_STATE_SUSPENDED:
                continue
            place = epoch, RANK.get(state, len(RANK))
            before = self.last.get(key, (0, 0))
            if place < before:
                self.regressions.append(
                    f"{self.node}: {key} went from {before} back to {place}"
                )
            self.last[key] = max(place, before)


@dataclass(slots=True)
class Readers:
    """One reader at every node."""

    office: Office
    readers: dict[str, Reader] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Begin with nothing seen."""
        self.readers = {name: Reader(name) for name in self.office.places}

    @property
    def regressions(self) -> list[str]:
        """Return everything that any reader saw going backwards."""
        return [one for each in self.readers.values() for one in each.regressions]

    def forget(self, node: str) -> None:
        """Begin anew at a node whose database is put back: what it shows may be older."""
        self.readers[node].last.clear()

    async def run(self) -> None:
        """Read until cancelled; a node that is away is read later."""
        async with asyncio.TaskGroup() as tasks:
            for reader in self.readers.values():
                tasks.create_task(self._follow(reader))

    async def _follow(self, reader: Reader) -> None:
        while True:
            for item in self._newest():
                try:
                    reader.read(await self._page(reader.node, item))
                except grpc.aio.AioRpcError:
                    break  # away: it is read again in a moment
            await asyncio.sleep(PAUSE_SECONDS)

    def _newest(self) -> Iterable[str]:
        return list(self.office.history.targets)[-ITEMS:]

    async def _page(self, node: str, item: str) -> Seen:
        answer = await self.office.desks[node].assignments.ListAssignments(
            api.ListAssignmentsRequest(item_id=item, page_size=PAGE), timeout=5
        )
        return {
            (one.item_id, one.division): (one.epoch, int(one.state))
            for one in answer.assignments
        }
