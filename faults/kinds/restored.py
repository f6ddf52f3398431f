"""A node's PostgreSQL is put back to an old backup, while the others go on.

What it recorded itself since the backup stands nowhere above or below it until it is told
to its neighbours; what was told, they still have. The law: nothing that left the node is
lost or doubled anywhere else, and the node learns again all that concerns it from its
neighbours. What it alone had recorded may be gone from its own books: that is told here,
and not counted.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from faults.rigs import PLAIN, Rig
from faults.scenario import Context, Outcome, Scenario
from faults.verdict import Verdict, accounts, quarantined
from tests.checkers import collected, sets, snapshots, whole
from tests.checkers.places import Place
from tests.faults.backups import back_up, put_back

RIG = Rig("restored", PLAIN.open)
"""A line of its own, which is not used afterwards."""
LOST_ROUNDS = 2
"""Rounds of work between the backup and the loss."""


async def restore(context: Context, node: str) -> None:
    """Back up, work on, put back the old database, and see that work crosses again.

    The node that will forget issues nothing in the meantime: what only it recorded would
    be gone with it.
    """
    stage, line, flow = context.stage, context.stage.line, context.flow
    await flow.rounds(1)
    await whole.rest(stage.running.places)
    await back_up(stage.running, node)
    await asyncio.to_thread(line.start_node, node)
    await flow.rounds(LOST_ROUNDS, without=node)
    await whole.rest(stage.running.places)
    before = await head(stage.running.places[node])
    await put_back(stage.running, node)
    after = await head(stage.running.places[node])
    healed = await context.revive(node)
    if after < before:
        context.outcome.injections += 1
        context.outcome.saw(f"facts gone from the ledger of the {node}", before - after)
    else:
        context.outcome.missed += 1
    flow.readers.forget(node)
    await context.recover(healed)
    await flow.rounds(1)


async def head(place: Place) -> int:
    """Return how many facts a node's ledger holds."""
    return (await snapshots.take(place)).head


async def _upper(context: Context) -> Outcome:
    """Put back the tiers whose neighbours know all they knew."""
    for node in ("county", "city", "province")[: context.wanted]:
        context.tell(f"{node}: backed up, worked on, put back")
        await restore(context, node)
    return context.outcome


async def _township(context: Context) -> Outcome:
    """Put back the tier that only tells; the tiers above keep what it forgot."""
    context.tell("township: backed up, worked on, put back")
    await restore(context, "township")
    return context.outcome


async def _all_agree(context: Context) -> Verdict:
    """Every acknowledged operation is at every tier again, once, and they agree."""
    return await _judged(context, context.stage.running.places)


async def _above_agrees(context: Context) -> Verdict:
    """The tiers above have everything once; what the township forgot is only told."""
    places = dict(context.stage.running.places)
    below = places.pop("township")
    own = await snapshots.take(below)
    forgotten = [
        one
        for one in sets.check(context.stage.running.history, own)
        if one.kind == "lost"
    ]
    if forgotten:
        context.outcome.known.append(
            f"{len(forgotten)} acknowledged operations of the time since the backup are "
            "not in the township's own books any more; all of them stand at the tiers above"
        )
    return await _judged(context, places)


async def _judged(context: Context, places: Mapping[str, Place]) -> Verdict:
    """Judge some nodes; positions and lanes of a restored node begin a new life."""
    verdict = Verdict()
    for waits in await whole.rest(context.stage.running.places):
        verdict.disorder(waits)
    held = {name: await snapshots.take(place) for name, place in places.items()}
    history = context.stage.running.history
    for snapshot in held.values():
        for finding in sets.check(history, snapshot):
            verdict.add(finding)
    for what in whole.differences(held):
        verdict.differ(what)
    for what in context.flow.readers.regressions:
        verdict.disorder(what)
    await accounts(verdict, held, context.flow.readers)
    await quarantined(verdict, places)
    told = context.stage.collected
    for finding in await collected.findings(places, told, restored=True):
        verdict.add(finding)
    return verdict


SCENARIOS = (
    Scenario(
        "restore-upper",
        "PostgreSQL of county, city, province put back to an old backup",
        _upper,
        wanted=3,
        in_slice=1,
        rig=RIG,
        is_steady=False,
        spoils=True,
        check=_all_agree,
    ),
    Scenario(
        "restore-township",
        "PostgreSQL of the township put back to an old backup",
        _township,
        wanted=1,
        in_slice=1,
        rig=RIG,
        is_steady=False,
        spoils=True,
        check=_above_agrees,
    ),
)
