"""What a tier composes to take petitions; its schema comes after that of assignments."""

from __future__ import annotations

from pathlib import Path

from tier.app import Capability
from tier.petition.facts import KINDS
from tier.petition.rpc import add_service

CAPABILITY = Capability(
    name="petition",
    schema=Path(__file__).parent / "schema",
    services=[add_service],
    kinds=KINDS,
)
