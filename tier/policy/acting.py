"""What actions ask the policy, when only they know which division a call is about.

Without walls nobody is refused.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextvars import ContextVar
from typing import Protocol

from tier.identity.current import CALLER
from tier.identity.model import Caller
from tier.jurisdiction import Code


class Asked(Protocol):
    """Decides: `tier.policy.guard.Guard`."""

    def decide(self, rpc: str, caller: Caller, divisions: Iterable[Code]) -> bool:
        """Say whether a caller may."""

    def refuse(self, rpc: str, caller: Caller, divisions: Iterable[Code]) -> None:
        """Refuse unless they may."""


GUARD: ContextVar[Asked | None] = ContextVar("ducha_guard", default=None)
"""Set by the guard for each call that it admits."""


def may_act(rpc: str, division: Code) -> bool:
    """Whether the caller may call `rpc` for a division.

    Who may not must hear what they would hear if the thing were not there.
    """
    guard, caller = GUARD.get(), CALLER.get()
    return guard is None or caller is None or guard.decide(rpc, caller, [division])


def must_act(rpc: str, divisions: Iterable[Code]) -> None:
    """Refuse unless the caller may call `rpc` for all of these divisions.

    Raises:
        NotAllowed: they may not.
    """
    guard, caller, named = GUARD.get(), CALLER.get(), list(divisions)
    if guard is not None and caller is not None and named:
        guard.refuse(rpc, caller, named)
