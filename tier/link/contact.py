"""What this process remembers of its neighbours: contact, heads, gaps. Not the truth."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from tier.link.model import Mark


@dataclass(slots=True)
class Contact:
    """One neighbour, as last seen.

    `met` is false until this process and the neighbour have compared their marks: before
    that, nothing may be sent ahead of what a restored database has to send again.
    """

    heard_at: datetime | None = None
    """When it spoke last, for people to read."""
    heard_tick: float = 0.0
    """The same by a clock that nobody can set: whether it is in contact goes by this."""
    head: Mark = field(default_factory=Mark)
    applied: Mark = field(default_factory=Mark)
    met: bool = False
    gaps: int = 0
    repair: asyncio.Event = field(default_factory=asyncio.Event)
    news: asyncio.Event = field(default_factory=asyncio.Event)


class Contacts:
    """All neighbours, as last seen."""

    def __init__(
        self,
        neighbours: Sequence[str],
        children: Sequence[str],
        limit: timedelta,
        ticks: Callable[[], float] = time.monotonic,
    ) -> None:
        """Begin with nobody heard; a child silent for `limit` is out of contact.

        `ticks` counts seconds, whatever becomes of the clock on the wall.
        """
        self._contacts = {name: Contact() for name in neighbours}
        self._children = tuple(children)
        self._limit = limit.total_seconds()
        self._ticks = ticks

    def __getitem__(self, neighbour: str) -> Contact:
        """Return what is known of a neighbour."""
        return self._contacts[neighbour]

    def heard(self, neighbour: str, now: datetime) -> None:
        """Note that a neighbour spoke."""
        contact = self._contacts[neighbour]
        contact.heard_at, contact.heard_tick = now, self._ticks()

    def gap(self, neighbour: str) -> None:
        """Note that facts are missing; the repair wakes up."""
        contact = self._contacts[neighbour]
        contact.gaps += 1
        contact.repair.set()

    def in_contact(self, neighbour: str) -> bool:
        """Whether a neighbour spoke lately."""
        contact = self._contacts[neighbour]
        ago = self._ticks() - contact.heard_tick
        return contact.heard_at is not None and ago <= self._limit

    def silent(self) -> list[tuple[str, datetime | None]]:
        """Return the child nodes out of contact, each with when it was last heard of."""
        return [
            (name, self._contacts[name].heard_at)
            for name in self._children
            if not self.in_contact(name)
        ]
