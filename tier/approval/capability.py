"""What a tier composes to approve and lock periods."""

from __future__ import annotations

from pathlib import Path

from tier.app import Capability
from tier.approval.facts import KINDS
from tier.approval.rpc import add_service

CAPABILITY = Capability(
    name="approval",
    schema=Path(__file__).parent / "schema",
    services=[add_service],
    kinds=KINDS,
)
