"""Rectification: what was found wrong is put right, point by point."""

from __future__ import annotations

from tier.rectification.actions.reminding import remind

__all__ = ["remind"]
