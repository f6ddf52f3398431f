"""What a disk holds at a power cut: all up to the last flush, and of the rest what luck says.

A disk keeps what is written to it in a volatile cache until it is told to flush; a write
that was followed by no flush may be there after a cut, or not, or half: sector by sector,
in any order. The model is that of `dm-log-writes` and of SQLite's and ext4's own tests.
"""

from __future__ import annotations

import os
import random
from dataclasses import dataclass
from pathlib import Path
from typing import Final

SECTOR: Final = 4096
"""What such a disk writes whole or not at all; the loop device announces the same."""


@dataclass(slots=True)
class Loss:
    """What a cut took: writes since the last flush, and how much of them is gone."""

    flushes: int = 0
    """Flushes the disk had obeyed."""
    ignored: int = 0
    """Flushes it acknowledged and did not obey; only of a lying disk."""
    writes: int = 0
    """Writes that no flush had followed."""
    sectors_kept: int = 0
    sectors_lost: int = 0


class Platter:
    """A disk with a volatile cache, on two sparse files: as seen now, and as it is safe.

    A `lies` disk says that it flushed and did not: the control that shows what a missing
    flush costs.
    """

    def __init__(self, safe: Path, seen: Path, *, lies: bool = False) -> None:
        """Use `safe`, the image as a cut would leave it, and `seen`, a copy of it."""
        self.size = safe.stat().st_size
        self._safe = os.open(safe, os.O_RDWR)
        self._seen = os.open(seen, os.O_RDWR)
        self._lies = lies
        self._cache: list[tuple[int, bytes]] = []
        self._loss = Loss()

    def read(self, offset: int, size: int) -> bytes:
        """Return what was written last, flushed or not."""
        return os.pread(self._seen, size, offset)

    def write(self, offset: int, data: bytes) -> None:
        """Take a write into the cache."""
        os.pwrite(self._seen, data, offset)
        self._cache.append((offset, bytes(data)))

    def flush(self) -> None:
        """Make safe whatever was written before."""
        if self._lies:
            self._loss.ignored += 1
            return
        self._loss.flushes += 1
        for offset, data in self._cache:
            os.pwrite(self._safe, data, offset)
        self._cache.clear()

    def cut(self, chance: random.Random, kept: float) -> Loss:
        """Cut the power: each unflushed sector is kept with probability `kept`.

        Returns what was lost; `safe` is now the image that is found afterwards. A write
        to the same place that came later does not depend on the earlier one: both reach
        the disk or not for themselves, in the order of writing.
        """
        self._loss.writes = len(self._cache)
        for offset, data in self._cache:
            for start in range(0, len(data), SECTOR):
                if chance.random() < kept:
                    self._loss.sectors_kept += 1
                    os.pwrite(self._safe, data[start : start + SECTOR], offset + start)
                else:
                    self._loss.sectors_lost += 1
        self._cache.clear()
        return self._loss

    def close(self) -> None:
        """Let go of both files."""
        os.close(self._safe)
        os.close(self._seen)
