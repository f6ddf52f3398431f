"""What only a township composes: values are entered where they are known."""

from __future__ import annotations

from pathlib import Path

from services.township.collection.rpc import add_service
from tier.app import Capability

CAPABILITY = Capability(
    name="collection",
    schema=Path(__file__).parent / "schema",
    services=[add_service],
)
