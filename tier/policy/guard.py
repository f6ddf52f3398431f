"""The rules at the door, message by message: the table, put to work.

For each call its row is compiled once, for each set of roles what it may; so a message
costs a few microseconds: two lookups, the codes it names, and a count.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from google.protobuf.message import Message

from tier.app import App
from tier.identity.model import Caller, Role, area_of
from tier.jurisdiction import Code
from tier.policy import reading, rules
from tier.policy.acting import GUARD
from tier.policy.errors import NotAllowed
from tier.policy.model import Concern, Decided, Relation, Row, Verdict
from tier.policy.reading import Reader
from tier.policy.recorder import Recorder
from tier.policy.table import TABLE
from tier.runtime import telemetry
from tier.runtime.errors import InvalidInput

DENIED = telemetry.counter("ducha_access_denied", "Messages that the policy refused")
NO_ROW = "NO_ROW"
"""Reason of a refusal that no row foresees."""


@dataclass(slots=True)
class Call:
    """A call as the guard looks at it: its row, what reads its codes, who may what."""

    row: Row
    readers: list[Reader]
    allowed: dict[frozenset[Role], tuple[frozenset[Relation], frozenset[Relation]]] = (
        field(default_factory=dict)
    )

    def relations(
        self, roles: frozenset[Role]
    ) -> tuple[frozenset[Relation], frozenset[Relation]]:
        """Return in which relations roles may call it, and in which to the node they enter."""
        found = self.allowed.get(roles)
        if found is None:
            allowed = rules.relations(self.row, roles)
            found = self.allowed[roles] = (allowed, rules.at_door(self.row, allowed))
        return found


class Guard:
    """Decides what a caller may ask of a node, and has every decision recorded."""

    def __init__(self, app: App) -> None:
        """Decide for the node of `app`; decisions are written as long as its tasks run."""
        self._hosts = app.node.hosts
        self._area = area_of(app.node.hosts)
        self._calls: dict[str, Call] = {}
        self._to_node = lru_cache(65_536)(self._relation_to_node)
        self.recorder = Recorder(app)
        app.tasks.create_task(self.recorder.run())

    async def admit(self, method: str, request: Any, caller: Caller) -> None:
        """Let a message of a call pass: `method` as HTTP/2 has it, `/SERVICE/METHOD`.

        Raises:
            NotAllowed: the table has no row for it, or none of the caller's roles and
                relations in it.
            InvalidInput: a division that it names is no code.
        """
        GUARD.set(self)
        call = self._calls.get(method) or self._call(method, request)
        if call is None:
            verdict = Verdict(self._area, None, is_allowed=False)
            self._settle(method[1:], caller, verdict, NO_ROW)
            return
        self._settle(call.row.rpc, caller, self._verdict(call, request, caller))

    def turned_away(self, method: str, reason: str) -> None:
        """Record a call of a method by somebody who was not recognised, and why."""
        DENIED.add(1)
        self.recorder.note(
            Decided(
                second=int(time.time()),
                principal="",
                proof="",
                division="",
                roles="",
                rpc=method[1:],
                concerned="",
                relation="",
                is_allowed=False,
                reason=reason,
            )
        )

    def decide(self, rpc: str, caller: Caller, divisions: Iterable[Code]) -> bool:
        """Say whether a caller may call `rpc` for divisions found behind the door.

        It is recorded like any decision.
        """
        allowed = rules.relations(TABLE[rpc], caller.roles)
        verdict = rules.decide(caller.division, divisions, allowed)
        self._record(rpc, caller, verdict, "" if verdict.is_allowed else "NOT_ALLOWED")
        return verdict.is_allowed

    def refuse(self, rpc: str, caller: Caller, divisions: Iterable[Code]) -> None:
        """Refuse unless a caller may call `rpc` for all of these divisions.

        Raises:
            NotAllowed: they may not, for the first that is named.
        """
        allowed = rules.relations(TABLE[rpc], caller.roles)
        self._settle(rpc, caller, rules.decide(caller.division, divisions, allowed))

    def _call(self, method: str, request: Message) -> Call | None:
        """Look a call up, and read its row once; None if it has none."""
        row = TABLE.get(method[1:])
        if row is None:
            return None
        shape: Any = request.DESCRIPTOR  # upb's own class, which the stubs do not know
        readers = [reading.reader(shape, path) for path in row.paths]
        call = self._calls[method] = Call(row, readers)
        return call

    def _verdict(self, call: Call, request: Message, caller: Caller) -> Verdict:
        """Decide about one message."""
        allowed, at_door = call.relations(caller.roles)
        if call.row.concern is Concern.ACTING:
            codes = _codes(call, request)
            if not allowed:
                concerned = codes[0] if codes else caller.division
                return Verdict(concerned, None, is_allowed=False)
            return rules.decide(caller.division, codes, allowed)
        found = self._to_node(caller.division)
        if found in at_door and call.readers:
            named = reading.readable_codes(call.readers, request)
            if named:
                return rules.decide(caller.division, named, allowed)
        known = found if allowed else None
        return Verdict(self._area, known, is_allowed=found in at_door)

    def _relation_to_node(self, division: Code) -> Relation:
        return rules.relation_to_node(division, self._hosts)

    def _settle(
        self, rpc: str, caller: Caller, verdict: Verdict, reason: str = "NOT_ALLOWED"
    ) -> None:
        """Record a verdict, and refuse if that is what it says."""
        if verdict.is_allowed:
            self._record(rpc, caller, verdict, "")
            return
        self._record(rpc, caller, verdict, reason)
        raise NotAllowed(
            roles=_names(caller.roles),
            division=caller.division,
            rpc=rpc,
            concerned=verdict.concerned,
        )

    def _record(self, rpc: str, caller: Caller, verdict: Verdict, reason: str) -> None:
        if not verdict.is_allowed:
            DENIED.add(1)
        self.recorder.note(
            Decided(
                int(time.time()),
                caller.principal,
                caller.proof or caller.certificate,
                caller.division,
                _names(caller.roles),
                rpc,
                verdict.concerned,
                verdict.relation or "",
                verdict.is_allowed,
                reason,
            )
        )


def _codes(call: Call, request: Message) -> list[Code]:
    """Read the divisions that act.

    Raises:
        InvalidInput: one of them is no code.
    """
    try:
        return reading.codes(call.readers, request)
    except ValueError as wrong:
        raise InvalidInput(problem=str(wrong)) from wrong


@lru_cache(256)
def _names(roles: frozenset[Role]) -> str:
    return ",".join(sorted(roles))
