"""What a wire does to packets: loses, repeats, delays, reorders. Seeded and pure."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

Way: TypeAlias = Literal["up", "down"]
"""From the child to its parent, or back."""

WAYS: Final[Sequence[Way]] = ("up", "down")


@dataclass(frozen=True, slots=True)
class Weather:
    """Odds of a packet; the delay is in seconds, and each packet draws its own.

    Packets overtake each other where the spread is larger than the gap between them.
    """

    loss: float = 0.0
    repeat: float = 0.0
    delay: float = 0.0
    spread: float = 0.0
    cut: tuple[Way, ...] = ()
    """The ways on which nothing passes at all."""


FAIR: Final = Weather()
FOUL: Final = Weather(loss=0.3, repeat=0.1, delay=0.02, spread=0.02)


class Wire:
    """The fate of every packet of one wire."""

    def __init__(self, seed: str) -> None:
        """Begin fair."""
        self.weather = FAIR
        self.fates: Counter[str] = Counter()
        """How many packets were carried, lost, repeated, cut, by way: `up lost`."""
        self._chance = random.Random(seed)

    def fate(self, way: Way) -> tuple[float, ...]:
        """Return after how many seconds each copy of a packet arrives; none: lost."""
        weather, draw = self.weather, self._chance
        if way in weather.cut:
            self.fates[f"{way} cut"] += 1
            return ()
        if draw.random() < weather.loss:
            self.fates[f"{way} lost"] += 1
            return ()
        copies = 1
        if draw.random() < weather.repeat:
            self.fates[f"{way} repeated"] += 1
            copies = 2
        self.fates[f"{way} carried"] += 1
        return tuple(
            max(0.0, weather.delay + draw.uniform(-weather.spread, weather.spread))
            for _ in range(copies)
        )
