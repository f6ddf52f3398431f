"""Who calls, for the work that is done for them."""

from __future__ import annotations

from contextvars import ContextVar

from tier.identity.model import Caller

CALLER: ContextVar[Caller | None] = ContextVar("ducha_caller", default=None)
"""Set by the door for each call; None for what the node does by itself."""


def principal() -> str:
    """Return who is to be recorded for what is done now; empty for the node itself."""
    caller = CALLER.get()
    return caller.principal if caller is not None else ""
