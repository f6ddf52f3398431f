"""The record of decisions, as every node composes it."""

from __future__ import annotations

from pathlib import Path

from tier.app import Capability
from tier.policy import rpc

CAPABILITY = Capability(
    name="access",
    schema=Path(__file__).parent / "schema",
    services=[rpc.add_service],
)
