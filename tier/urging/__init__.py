"""Urging: who is late is urged, and hears of it once a day."""

from __future__ import annotations

from tier.urging.actions import by_rule

__all__ = ["by_rule"]
