"""The inbox, as a tier composes it; capabilities that tell units something come after it."""

from __future__ import annotations

from pathlib import Path

from tier.app import Capability
from tier.inbox import rpc

CAPABILITY = Capability(
    name="inbox",
    schema=Path(__file__).parent / "schema",
    services=[rpc.add_service],
)
