"""All faults of disks."""

from __future__ import annotations

from collections.abc import Sequence

from faults.places import full, power
from faults.scenario import Scenario

SCENARIOS: Sequence[Scenario] = (*power.SCENARIOS, *full.SCENARIOS)
