"""Links: facts from node to neighbour, without gap, loss or double effect."""

from __future__ import annotations

from tier.link.actions import Doors
from tier.link.lines import Lines

__all__ = ["Doors", "Lines"]
