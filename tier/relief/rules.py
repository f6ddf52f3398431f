"""How many minutes were saved, by estimate. Pure.

The constants are assumptions, not measurements; docs/relief.md says what stands behind them.
They are applied when savings are read: better ones change no table.
"""

from __future__ import annotations

from tier.relief.model import Counts

COLLECT_MINUTES = 2.0
"""To find a value out and fill it into an empty field."""

CONFIRM_MINUTES = 0.25
"""To confirm with one act that a value is unchanged."""

PREFILLED_MINUTES = 1.0
"""To check and correct a field that came filled in."""


def saved_minutes(counts: Counts) -> float:
    """Return by how many minutes less people were busy than if every cell were collected.

    What was served or joined cost nothing; what was confirmed is not counted again as
    prefilled.
    """
    spared = (counts.served + counts.joined) * COLLECT_MINUTES
    confirmed = counts.confirmed * (COLLECT_MINUTES - CONFIRM_MINUTES)
    corrected = max(0, counts.prefilled - counts.confirmed)
    prefilled = corrected * (COLLECT_MINUTES - PREFILLED_MINUTES)
    return max(0.0, spared + confirmed + prefilled)
