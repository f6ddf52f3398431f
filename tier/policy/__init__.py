"""Who may do what, where: one table, and the record of every decision."""

from __future__ import annotations

from tier.policy.acting import may_act, must_act
from tier.policy.errors import NotAllowed

__all__ = ["NotAllowed", "may_act", "must_act"]
