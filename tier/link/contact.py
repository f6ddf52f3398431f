"""What this process remembers of its neighbours: contact, heads, gaps. Not the truth."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
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
    head: Mark = field(default_factory=Mark)
    applied: Mark = field(default_factory=Mark)
    met: bool = False
    gaps: int = 0
    repair: asyncio.Event = field(default_factory=asyncio.Event)
    news: asyncio.Event = field(default_factory=asyncio.Event)


class Contacts:
    """All neighbours, as last seen."""

    def __init__(
        self, neighbours: Sequence[str], children: Sequence[str], limit: timedelta
    ) -> None:
        """Begin with nobody heard; a child silent for `limit` is out of contact."""
        self._contacts = {name: Contact() for name in neighbours}
        self._children = tuple(children)
        self._limit = limit

    def __getitem__(self, neighbour: str) -> Contact:
        """Return what is known of a neighbour."""
        return self._contacts[neighbour]

    def heard(self, neighbour: str, now: datetime) -> None:
        """Note that a neighbour spoke."""
        self._contacts[neighbour].heard_at = now

    def gap(self, neighbour: str) -> None:
        """Note that facts are missing; the repair wakes up."""
        contact = self._contacts[neighbour]
        contact.gaps += 1
        contact.repair.set()

    def in_contact(self, neighbour: str, now: datetime) -> bool:
        """Whether a neighbour spoke lately."""
        heard = self._contacts[neighbour].heard_at
        return heard is not None and now - heard <= self._limit

    def silent(self, now: datetime) -> list[tuple[str, datetime | None]]:
        """Return the child nodes out of contact, each with when it was last heard of."""
        return [
            (name, self._contacts[name].heard_at)
            for name in self._children
            if not self.in_contact(name, now)
        ]
