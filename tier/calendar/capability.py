"""The calendar as every tier composes it: known everywhere, kept by the province."""

from __future__ import annotations

from pathlib import Path

from tier.app import Capability
from tier.calendar import actions, facts, rpc

CAPABILITY = Capability(
    name="calendar",
    schema=Path(__file__).parent / "schema",
    services=[rpc.add_calendar_service],
    kinds=facts.KINDS,
    greet=actions.greet,
)
