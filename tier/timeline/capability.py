"""The timeline, as a tier composes it; its schema comes after that of assignments."""

from __future__ import annotations

from pathlib import Path

from tier.app import Capability
from tier.timeline import rpc

CAPABILITY = Capability(
    name="timeline",
    schema=Path(__file__).parent / "schema",
    services=[rpc.add_service],
)
