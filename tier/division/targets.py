"""Which divisions a selection means."""

from __future__ import annotations

from datetime import datetime
from typing import TypeAlias

from ducha.assignment.v1 import assignment_pb2
from ducha.division.v1 import division_pb2
from tier.division import store, wire
from tier.division.errors import TargetsInvalid
from tier.division.rules import today
from tier.jurisdiction import Code, Level
from tier.runtime.db import Tx

Selection: TypeAlias = assignment_pb2.TargetSelection | division_pb2.DivisionSelection
"""Both say the same of divisions; items call them targets."""


async def resolve(
    tx: Tx, assigner: Code, selection: Selection, now: datetime
) -> list[Code]:
    """Return the standing divisions that a selection means.

    Raises:
        TargetsInvalid: a named division does not stand, or nothing is named.
    """
    excluded = wire.codes(selection.excluded, "targets.excluded")
    if selection.divisions:
        named = list(
            dict.fromkeys(wire.codes(selection.divisions, "targets.divisions"))
        )
        known = await store.known(tx, named, today(now))
        unknown = next((code for code in named if code not in known), None)
        if unknown is not None:
            raise TargetsInvalid(
                problem=f"no such division stands: {unknown}", division=unknown
            )
        return [
            code
            for code in named
            if not any(code.startswith(area) for area in excluded)
        ]
    if selection.level == division_pb2.LEVEL_UNSPECIFIED:
        raise TargetsInvalid(problem="name divisions, or a level", division="")
    within = wire.codes(selection.within, "targets.within") or [assigner]
    return await store.select_codes(
        tx, Level(selection.level), within, excluded, today(now)
    )
