"""What was acknowledged to clients: the only thing the databases are held against."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

Key = tuple[str, str]
"""(item id, division)."""

ISSUED = 1
"""Of an item; the numbers are those of the proto."""
PENDING = 1
"""Of a petition."""
OPEN = 1
"""Of a point to rectify."""


@dataclass(slots=True)
class Life:
    """What became of items beside receipts, reports and verdicts."""

    petitions: dict[str, tuple[Key, int]] = field(default_factory=dict)
    """By id: whose, and the state that it was brought to."""
    clocks: Counter[Key] = field(default_factory=Counter)
    """How often the assigner moved, stopped or started a clock."""
    extended: Counter[Key] = field(default_factory=Counter)
    stopped: set[Key] = field(default_factory=set)
    """Clocks that stand still."""
    withdrawn: dict[Key, str] = field(default_factory=dict)
    """Assignments taken back, each with who has it now; empty for nobody."""
    urges: dict[str, frozenset[Key]] = field(default_factory=dict)
    points: dict[str, tuple[Key, int]] = field(default_factory=dict)
    """By id: whose, and the state that it was brought to."""
    items: dict[str, int] = field(default_factory=dict)
    """The state that an item was brought to; others are issued."""
    reopened: Counter[str] = field(default_factory=Counter)
    done: int = 0
    """How many operations on single assignments were acknowledged."""

    def asks(self, petition: str, key: Key) -> None:
        """Note a petition that was filed."""
        self.petitions[petition] = key, PENDING
        self.done += 1

    def decides(self, petition: str, state: int) -> None:
        """Note a decision; what it effects is noted apart."""
        self.petitions[petition] = self.petitions[petition][0], state
        self.done += 1

    def stops(self, key: Key) -> None:
        """Note a clock that was stopped."""
        self.clocks[key] += 1
        self.stopped.add(key)

    def resumes(self, key: Key) -> None:
        """Note a clock that runs again."""
        self.clocks[key] += 1
        self.stopped.discard(key)

    def urged(self, urge: str, keys: Iterable[Key]) -> None:
        """Note an urge."""
        self.urges[urge] = frozenset(keys)
        self.done += len(self.urges[urge])

    def rectifies(self, point: str, key: Key, state: int = OPEN) -> None:
        """Note a point to rectify that was opened, reported or closed."""
        self.points[point] = key, state
        self.done += 1

    def ends(self, item: str, state: int) -> None:
        """Note that an item was concluded, closed or withdrawn."""
        self.items[item] = state
        self.done += 1

    def reopens(self, item: str) -> None:
        """Note that an item goes on."""
        self.items[item] = ISSUED
        self.reopened[item] += 1


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
