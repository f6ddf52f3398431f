"""Petitions in any order: links cut and healed, moves that cross; all tiers end alike."""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress

import pytest

from ducha.assignment.v1 import assignment_pb2 as nouns
from ducha.petition.v1 import petition_pb2 as pb
from ducha.petition.v1 import petition_service_pb2 as api
from tests.servers import AnApp, quarantined
from tests.stores.petitioning import (
    ABOVE,
    COLLEAGUE,
    DISPUTE,
    EXTENSION,
    GRANTED,
    MIDDLE,
    OTHER,
    REFUSED,
    RESUMPTION,
    REVIEW,
    SPARE,
    SUSPENSION,
    TOWN,
    Line,
    a_call,
    a_line,
)
from tier.app import App
from tier.assignment import item_of
from tier.assignment.actions import judge
from tier.jurisdiction import Code
from tier.petition import queries
from tier.petition.settling import settle
from tier.runtime.errors import TierError

STEPS = 150
KINDS = (EXTENSION, SUSPENSION, RESUMPTION, RESUMPTION, DISPUTE, REVIEW)
ASKING = (TOWN, OTHER, SPARE, MIDDLE)


async def petitions(app: App) -> list[pb.Petition]:
    """Return all petitions as a node holds them, but for when it heard of them."""
    found = await queries.list_petitions(app, api.ListPetitionsRequest(page_size=500))
    for one in found.petitions:
        one.ClearField("record_time")
    return list(found.petitions)


async def one_step(line: Line, dice: random.Random) -> None:
    """Do one thing that somebody might do now; it may be refused."""
    moves: Sequence[Callable[[], Awaitable[object]]] = (
        lambda: line.ask(dice.choice(ASKING), dice.choice(KINDS)),
        lambda: line.ask(dice.choice(ASKING), dice.choice(KINDS)),
        lambda: decided(line, dice),
        lambda: decided(line, dice),
        lambda: taken_back(line, dice),
        lambda: line.report(dice.choice(ASKING)),
        lambda: returned(line, dice.choice((TOWN, OTHER))),
        line.up,
        line.down,
        lambda: settle(dice.choice(line.apps)),
        lambda: concluded(line),
    )
    line.clock.wait(minutes=dice.choice((1, 10, 600)))
    with suppress(TierError):
        await dice.choice(moves)()


async def decided(line: Line, dice: random.Random) -> None:
    """Decide something that a decider knows of."""
    app = dice.choice((line.city, line.county))
    acting = ABOVE if app is line.city else MIDDLE
    known = [one for one in await petitions(app) if one.decider_division == acting]
    if known:
        await line.decide(
            acting,
            dice.choice(known).petition_id,
            outcome=dice.choice((GRANTED, REFUSED)),
            transfer_to=dice.choice((SPARE, "")),
        )


async def taken_back(line: Line, dice: random.Random) -> None:
    """Take something back that was asked at the townships' node."""
    known = await petitions(line.streets)
    if known:
        one = dice.choice(known)
        await line.withdraw(Code(one.division), one.petition_id)


async def returned(line: Line, division: Code) -> None:
    """Send a report back."""
    await judge.send_back(line.county, a_call(MIDDLE), line.item_id, [division], "重办")


async def concluded(line: Line) -> None:
    """Bring the item as near to its conclusion as it goes, or end it."""
    with suppress(TierError):
        await line.verify(MIDDLE, TOWN, OTHER)
    await line.verify(ABOVE, MIDDLE)
    await line.conclude(actor=COLLEAGUE)


@pytest.mark.parametrize("seed", [11, 13, 14, 19])
async def test_whatever_crosses_all_tiers_end_alike(an_app: AnApp, seed: int) -> None:
    """The same petitions and assignments everywhere, nothing set aside, no hold left over."""
    dice = random.Random(seed)
    async with a_line(an_app) as line:
        for _ in range(STEPS):
            await one_step(line, dice)
        for _ in range(3):  # what rules decide makes facts of its own
            await line.settled()
            for app in line.apps:
                await settle(app)
        held = [await petitions(app) for app in line.apps]
        assigned = [await everybody(line, app) for app in (line.county, line.streets)]
        async with line.city.db.reading() as tx:
            item = await item_of(tx, line.item_id)

        assert item is not None
        assert held[0] == held[1]
        assert held[2] == [one for one in held[0] if one.division != MIDDLE]
        assert assigned[0] == assigned[1]
        waiting = [
            one
            for one in held[0]
            if (one.kind, one.state) == (REVIEW, pb.PETITION_STATE_PENDING)
        ]
        assert item.reviews == len(waiting)
        assert [await quarantined(app) for app in line.apps] == [[], [], []]
        assert len(held[0]) > 2


async def everybody(line: Line, app: App) -> list[nouns.Assignment]:
    """Return the assignments of the townships as a node holds them."""
    found = []
    for division in (TOWN, OTHER, SPARE):
        with suppress(TierError):
            found.append(await line.seen(app, division))
    return found
