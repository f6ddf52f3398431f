"""What a tier composes to have rectification lists."""

from __future__ import annotations

from pathlib import Path

from tier.app import Capability
from tier.rectification.facts import KINDS
from tier.rectification.rpc import add_service

CAPABILITY = Capability(
    name="rectification",
    schema=Path(__file__).parent / "schema",
    services=[add_service],
    kinds=KINDS,
)
