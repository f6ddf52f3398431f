"""What a tier composes to show statistics; they keep no table of their own."""

from __future__ import annotations

from pathlib import Path

from tier.app import Capability
from tier.statistics import rpc

CAPABILITY = Capability(
    name="statistics",
    schema=Path(__file__).parent / "schema",
    services=[rpc.add_service],
)
