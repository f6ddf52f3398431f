"""What a tier composes to have assignments."""

from __future__ import annotations

from pathlib import Path

from tier.app import Capability
from tier.assignment.facts import KINDS
from tier.assignment.rpc import add_assignment_service

CAPABILITY = Capability(
    name="assignment",
    schema=Path(__file__).parent / "schema",
    services=[add_assignment_service],
    kinds=KINDS,
)
