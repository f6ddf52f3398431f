"""What a tier composes to compute indicators; they keep no table of their own."""

from __future__ import annotations

from pathlib import Path

from tier.app import Capability
from tier.indicator import rpc

CAPABILITY = Capability(
    name="indicator",
    schema=Path(__file__).parent / "schema",
    services=[rpc.add_service],
)
