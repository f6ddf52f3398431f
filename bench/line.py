"""What a benchmarked line is: items go in at the top, answers are counted there."""

from __future__ import annotations

import asyncio
import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Targets:
    """Divisions that one item goes to, all of one level."""

    level: str
    codes: tuple[str, ...]

    def __len__(self) -> int:
        """Count them."""
        return len(self.codes)


class Line(Protocol):
    """A line of four tiers that a workload can drive, whoever built it."""

    name: str

    async def issue(self, targets: Targets) -> asyncio.Future[None]:
        """Issue an item; the future is done when the top has counted every answer."""
        ...

    def processes(self) -> Mapping[str, int]:
        """Return the process id of each service of the line."""
        ...


class Entering(Protocol):
    """A line of four tiers that values are entered into."""

    name: str
    databases: Mapping[str, str]

    async def ask(self, period: str, targets: Targets) -> None:
        """Ask for a month; return when those who answer know."""
        ...

    async def enter(self, period: str, targets: Targets) -> None:
        """Enter a month's values; return when the top has all of them."""
        ...

    def processes(self) -> Mapping[str, int]:
        """Return the process id of each service of the line."""
        ...


def read_divisions(path: Path) -> list[dict[str, str]]:
    """Read a CSV of code, name, level, parent."""
    with path.open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines))


def targets(divisions: Sequence[Mapping[str, str]], level: str) -> Targets:
    """Return all divisions of a level."""
    codes = sorted(row["code"] for row in divisions if row["level"] == level)
    return Targets(level, tuple(codes))
