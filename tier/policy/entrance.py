"""The entrance of a node with walls: who calls, whether they may, and when they must leave.

A call is admitted message by message. While it lasts, the work done for it knows its
caller, and reads only what lies in the caller's area. Who is revoked meanwhile, or whose
time is over, is cut off.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any, Final, Protocol

from tier.identity.current import CALLER
from tier.identity.errors import IdentityRevoked
from tier.identity.model import Caller
from tier.identity.recognition import Recognition
from tier.jurisdiction import Code, contains
from tier.runtime.area import AREA
from tier.runtime.errors import TierError
from tier.runtime.limits import hang_up

SWEEP_SECONDS: Final = 1.0


class Rules(Protocol):
    """Decides what a caller may ask: `tier.policy.guard`."""

    async def admit(self, method: str, request: Any, caller: Caller) -> None:
        """Return, or refuse. Raises: TierError."""

    def turned_away(self, method: str, reason: str) -> None:
        """Take note of a call by somebody who was not recognised."""


class WalledEntrance:
    """Lets in who is recognised, and remembers who is inside."""

    def __init__(
        self, recognition: Recognition, rules: Rules, hosts: Sequence[Code]
    ) -> None:
        """Serve a node of `hosts`: who stands above all of it sees all of it."""
        self._recognition = recognition
        self._rules = rules
        self._hosts = hosts
        self._inside: set[WalledVisit] = set()

    def enter(self, method: str, context: Any) -> WalledVisit:
        """Recognise the caller.

        Raises:
            Unidentified, TokenRefused, IdentityRevoked: they did not prove who they are.
        """
        try:
            caller = self._recognition.caller(context)
        except TierError as refusal:
            self._rules.turned_away(method, refusal.reason)
            raise
        CALLER.set(caller)
        AREA.set(self._area(caller))
        visit = WalledVisit(self, method, caller, context.peer())
        self._inside.add(visit)
        return visit

    async def admit(self, visit: WalledVisit, request: Any) -> None:
        """Ask the rules. Raises: TierError."""
        await self._rules.admit(visit.method, request, visit.caller)

    def leave(self, visit: WalledVisit) -> None:
        """Forget a visit that is over."""
        self._inside.discard(visit)

    def cut(self) -> None:
        """End the calls of everybody who is no longer who they were."""
        for visit in list(self._inside):
            if not self._recognition.stands(visit.caller):
                visit.cut()
                if self._recognition.is_line_revoked(visit.caller):
                    # The refusal is to arrive first.
                    loop = asyncio.get_running_loop()
                    loop.call_later(SWEEP_SECONDS, hang_up, visit.peer)

    async def sweep(self) -> None:
        """Do so each second, until cancelled."""
        while True:
            await asyncio.sleep(SWEEP_SECONDS)
            self.cut()

    def _area(self, caller: Caller) -> str | None:
        """Return what a caller's readings are confined to; a node is confined by its door."""
        covers = all(contains(caller.division, host) for host in self._hosts)
        return None if caller.is_node or covers else caller.division


class WalledVisit:
    """One call of a recognised caller."""

    __slots__ = ("_cut", "_entrance", "_task", "caller", "method", "peer")

    def __init__(
        self, entrance: WalledEntrance, method: str, caller: Caller, peer: str
    ) -> None:
        """Begin a call in the current task."""
        self._entrance = entrance
        self._task = asyncio.current_task()
        self._cut: TierError | None = None
        self.method = method
        self.caller = caller
        self.peer = peer

    @property
    def who(self) -> str:
        """Whose calls count together."""
        return f"{self.caller.principal} {self.caller.division}"

    async def admit(self, request: Any) -> None:
        """Let one message pass. Raises: TierError."""
        await self._entrance.admit(self, request)

    def refusal(self) -> TierError | None:
        """Return why the call was cut, if it was."""
        return self._cut

    def leave(self) -> None:
        """The call is over."""
        self._entrance.leave(self)

    def cut(self) -> None:
        """End the call now."""
        if self._cut is None and self._task is not None:
            self._cut = IdentityRevoked()
            self._task.cancel()
