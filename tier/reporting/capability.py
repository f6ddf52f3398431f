"""Reporting, as a tier composes it; its schema comes after that of assignment."""

from __future__ import annotations

from pathlib import Path

from tier.app import Capability
from tier.reporting import rpc

CAPABILITY = Capability(
    name="reporting",
    schema=Path(__file__).parent / "schema",
    services=[rpc.add_service],
)
