"""What a tier composes to hold data once."""

from __future__ import annotations

from pathlib import Path

from tier.app import Capability
from tier.registry.facts import KINDS
from tier.registry.rpc import add_service

CAPABILITY = Capability(
    name="registry",
    schema=Path(__file__).parent / "schema",
    services=[add_service],
    kinds=KINDS,
)
