"""What a case of a refusal is made of."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeAlias

from tests.doors.tiers import Line, Tier


@dataclass(frozen=True, slots=True)
class Met:
    """A call that is refused, and the node that refuses it."""

    tier: Tier
    call: Callable[[], Awaitable[object]]


Case: TypeAlias = Callable[[Line], Awaitable[Met]]


def straight(make: Callable[[Line], Met]) -> Case:
    """Return a case that needs nothing prepared."""

    async def case(line: Line) -> Met:
        return make(line)

    return case
