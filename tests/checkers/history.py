"""What was acknowledged to clients: the only thing the databases are held against."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field

from tests.checkers.life import Life

Key = tuple[str, str]
"""(item id, division)."""


@dataclass(slots=True)
class History:
    """Acknowledged operations, as the clients who did them remember."""

    targets: dict[str, set[str]] = field(default_factory=dict)
    received: set[Key] = field(default_factory=set)
    reported: dict[Key, dict[int, str]] = field(
        default_factory=lambda: defaultdict(dict)
    )
    """By assignment: the mark in the report's text, by epoch."""
    epochs: dict[Key, int] = field(default_factory=dict)
    """The epoch after the last return; 1 where nothing was returned."""
    verified: set[Key] = field(default_factory=set)
    stale: set[tuple[Key, str]] = field(default_factory=set)
    """Marks of reports under an epoch that had passed: kept, and without effect."""
    life: Life = field(default_factory=Life)
    """Petitions, clocks, urges, points to rectify, and how items ended."""

    def made(self) -> set[Key]:
        """Return every assignment that was made."""
        return {(item, code) for item, codes in self.targets.items() for code in codes}

    def epoch(self, key: Key) -> int:
        """Return the epoch that stands."""
        return self.epochs.get(key, 1)

    @property
    def count(self) -> int:
        """How many operations on single assignments were acknowledged."""
        reports = sum(map(len, self.reported.values()))
        made = sum(map(len, self.targets.values()))
        done = made + len(self.received) + reports + len(self.verified)
        return done + self.life.done
