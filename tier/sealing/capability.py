"""Sealing, as every tier composes it; its schema comes after that of the ledger."""

from __future__ import annotations

from pathlib import Path

from tier.app import Capability
from tier.sealing import rpc

CAPABILITY = Capability(
    name="sealing",
    schema=Path(__file__).parent / "schema",
    services=[rpc.add_ledger_service, rpc.add_witness_service],
)
