"""Relief, as a tier composes it; its schema comes after that of the registry."""

from __future__ import annotations

from pathlib import Path

from tier.app import Capability
from tier.relief import rpc

CAPABILITY = Capability(
    name="relief",
    schema=Path(__file__).parent / "schema",
    services=[rpc.add_service],
)
