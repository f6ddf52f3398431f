"""What is collected: twenty values of each division (simulated), the same in every line."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

COUNT = 20
MONTHLY = tuple(f"bench.monthly_{place:02}" for place in range(1, COUNT + 1))
"""Given by townships, once a month."""
DAILY = tuple(f"bench.daily_{place:02}" for place in range(1, COUNT + 1))
"""Given by grids, once a day."""
INDICATOR = "bench.daily_share"
FIRST_YEAR = 2027
"""No value is late, whenever the benchmark runs, as long as it is not run later."""


@dataclass(frozen=True, slots=True)
class Cells:
    """Cells of a period, and the sum of the values in them."""

    count: int
    total: int


def numbers(division: str) -> list[int]:
    """Return a division's values, one for each element in its order."""
    seed = int(division)
    return [seed % (97 + place * 13) + 1 for place in range(COUNT)]


def cells(divisions: Sequence[str]) -> Cells:
    """Return what is to be kept once all of them have given their values."""
    total = sum(sum(numbers(division)) for division in divisions)
    return Cells(COUNT * len(divisions), total)


def months() -> Iterator[str]:
    """Yield month after month, so that each round has a period of its own."""
    for place in itertools.count():
        years, month = divmod(place, 12)
        yield f"{FIRST_YEAR + years}-{month + 1:02}"


def grids(villages: Sequence[str], count: int) -> list[dict[str, str]]:
    """Return so many grids, spread evenly over villages (simulated): rows of a CSV."""
    turns = range(count)
    stride = 7919  # a prime that does not divide the villages: all are met in turn
    places = [turn * stride % len(villages) for turn in turns]
    rounds = [turn // len(villages) + 1 for turn in turns]
    return [
        {
            "code": f"{villages[place]}{serial:03}",
            "name": f"第{serial}网格（模拟）",
            "level": "grid",
            "parent": villages[place],
        }
        for place, serial in zip(places, rounds, strict=True)
    ]
