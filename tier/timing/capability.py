"""Timers, as a tier composes them; their schema comes after that of assignments."""

from __future__ import annotations

from pathlib import Path

from tier.app import Capability
from tier.timing import rpc
from tier.timing.facts import KINDS

CAPABILITY = Capability(
    name="timing",
    schema=Path(__file__).parent / "schema",
    services=[rpc.add_service],
    kinds=KINDS,
)
