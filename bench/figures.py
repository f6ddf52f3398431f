"""What was measured, set beside its floor and its goal. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Goal:
    """A limit on a figure, or on its ratio to the floor's."""

    limit: float
    at_most: bool
    of_floor: bool

    def reached(self, ducha: float, floor: float | None) -> bool:
        """Whether the figure keeps the limit; a ratio needs a floor."""
        value = ducha
        if self.of_floor:
            if not floor:
                return False
            value = ducha / floor
        return value <= self.limit if self.at_most else value >= self.limit

    def words(self) -> str:
        """Say the goal as it stands in the table."""
        sign = "≤" if self.at_most else "≥"
        return f"{sign} {self.limit:,g}{' x floor' if self.of_floor else ''}"


def at_most(limit: float) -> Goal:
    """Return a goal that the figure itself stays at or under a limit."""
    return Goal(limit, at_most=True, of_floor=False)


def at_least(limit: float) -> Goal:
    """Return a goal that the figure itself reaches a limit."""
    return Goal(limit, at_most=False, of_floor=False)


def times_floor(limit: float) -> Goal:
    """Return a goal that the figure takes at most so many times the floor's."""
    return Goal(limit, at_most=True, of_floor=True)


def share_of_floor(limit: float) -> Goal:
    """Return a goal that the figure reaches at least this share of the floor's."""
    return Goal(limit, at_most=False, of_floor=True)


@dataclass(frozen=True, slots=True)
class Figure:
    """One number of Ducha's, with its floor and its goals where it has them."""

    name: str
    title: str
    unit: str
    ducha: float
    floor: float | None = None
    goals: tuple[Goal, ...] = ()

    @property
    def ratio(self) -> float | None:
        """Ducha over floor."""
        return self.ducha / self.floor if self.floor else None

    @property
    def reached(self) -> bool | None:
        """Whether all its goals are reached; None where it has none."""
        if not self.goals:
            return None
        return all(goal.reached(self.ducha, self.floor) for goal in self.goals)

    def as_json(self) -> Mapping[str, object]:
        """Return it as `results.json` keeps it."""
        return {
            "name": self.name,
            "title": self.title,
            "unit": self.unit,
            "ducha": self.ducha,
            "floor": self.floor,
            "ratio": self.ratio,
            "goal": " and ".join(goal.words() for goal in self.goals),
            "reached": self.reached,
        }
