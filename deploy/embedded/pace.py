"""How fast the time of a line runs: for a demonstration or a test, faster than real time.

It is kept with the data. Simulated time is ahead of real time: facts dated by one and then by
the other would go backwards, so a directory stays with the rate that it was begun at.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from deploy.embedded.errors import DeploymentRefused
from deploy.embedded.files import write_private

FILE: Final = "clock.json"
REAL: Final = 1.0


class RateRefused(DeploymentRefused):
    """The data was begun with time that ran at another rate."""

    def __init__(self, data: Path, begun: float, asked: float) -> None:
        """Say which rates."""
        super().__init__(
            f"In {data} time runs {begun:g} times as fast as real time, not {asked:g}.",
            remedy="Use the same clock rate, or another data directory.",
        )


def kept_epoch(data: Path, rate: float, *, is_new: bool) -> datetime | None:
    """Return when time began to run fast in a data directory: now, if it is new.

    None for real time.

    Raises:
        RateRefused: it runs at another rate there.
    """
    file = data / FILE
    begun, epoch = _read(file) or (rate if is_new else REAL, None)
    if begun != rate:
        raise RateRefused(data, begun, rate)
    if rate != REAL and epoch is None:
        epoch = datetime.now(UTC)
        kept = {"simulated": True, "rate": rate, "epoch": epoch.isoformat()}
        write_private(file, json.dumps(kept))
    return epoch


def _read(file: Path) -> tuple[float, datetime | None] | None:
    if not file.exists():
        return None
    kept = json.loads(file.read_text())
    return kept["rate"], datetime.fromisoformat(kept["epoch"])
