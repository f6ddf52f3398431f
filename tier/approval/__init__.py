"""Approval: periods approved and locked, bottom up."""

from __future__ import annotations

from tier.approval.actions import locked

__all__ = ["locked"]
