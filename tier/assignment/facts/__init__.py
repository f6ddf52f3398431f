"""The link door: what neighbours tell about items and assignments.

Facts are worked in their order. Those that change rows are folded in memory, so that a
bundle of hundreds is one load and one write; those that make rows, or end an item, come
between. What comes from below goes on to the parent as it is; what comes from above goes
on to the branches it concerns.
"""

from __future__ import annotations

from collections.abc import Sequence

from tier.app import App, Arrived, Verdict
from tier.assignment.facts.folding import Read, fold
from tier.assignment.facts.makers import MAKERS
from tier.assignment.facts.passing import trespasses
from tier.assignment.facts.readers import CHANGES
from tier.runtime.db import Tx


async def apply(app: App, tx: Tx, arrived: Sequence[Arrived]) -> Verdict:
    """Apply facts of this capability, in order."""
    verdict = Verdict()
    folding: list[Read] = []
    for one in arrived:
        reader = CHANGES.get(one.fact.kind)
        if reader is not None:
            payload, found = reader(one)
            changes = tuple(found)
            if trespasses(one, (key.division for key, _ in changes), verdict):
                continue
            folding.append(Read(one, payload, changes))
            continue
        await fold(app, tx, folding, verdict)
        folding.clear()
        await MAKERS[one.fact.kind](app, tx, one, verdict)
    await fold(app, tx, folding, verdict)
    return verdict


KINDS = dict.fromkeys([*CHANGES, *MAKERS], apply)
