"""What a tier composes to urge, and to be urged."""

from __future__ import annotations

from pathlib import Path

from tier.app import Capability
from tier.urging.facts import KINDS
from tier.urging.rpc import add_service

CAPABILITY = Capability(
    name="urging",
    schema=Path(__file__).parent / "schema",
    services=[add_service],
    kinds=KINDS,
)
