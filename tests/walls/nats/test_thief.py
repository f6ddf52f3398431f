"""A stolen township certificate is good for the township's own lanes, and nothing else.

Each attack is made on one server for all, as a client, and on a chain, by a leaf node
that the thief administers. What counts is not what the thief is told but what is so
afterwards: every stream and consumer as before, the honest nodes at work, none of their
secrets heard.
"""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from tests.walls.nats.attacks import EVERY, INBOX, OWN_DOWN, OWN_UP
from tests.walls.nats.ground import LINKS, ONE, Ground, Snapshot, of
from tests.walls.nats.raw import Address, Pub
from tests.walls.nats.thieves import Thief, thief
from tier.lanes import DOWN, UP

pytestmark = pytest.mark.asyncio(loop_scope="module")

OWN = {OWN_UP.stream, OWN_DOWN.stream}


@pytest.fixture(scope="module")
def rogue(
    ground: Ground, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Address | None]:
    """The thief's own leaf node; None where there is one server for all."""
    if ground.shape == ONE:
        yield None
        return
    with ground.rogue("huashan", tmp_path_factory.mktemp("rogue")) as address:
        yield address


def others(state: Snapshot) -> Snapshot:
    """Return what is not the thief's own."""
    return {name: one for name, one in state.items() if name not in OWN}


def exchanged(state: Snapshot) -> Snapshot:
    """Return what is so once every honest lane has carried one message more."""
    carrying = {of(way, *link).stream for link in LINKS for way in (DOWN, UP)}
    return {
        name: {
            **one,
            "messages": int(str(one["messages"])) + 1,
            "last": int(str(one["last"])) + 1,
            "consumers": [(name, int(str(one["last"])) + 1, int(str(one["last"])) + 1)],
        }
        if name in carrying
        else one
        for name, one in state.items()
    }


def only_grew(before: Snapshot, after: Snapshot) -> bool:
    """Whether nothing is gone from the thief's own streams, and their rules stand."""
    return all(
        before[name]["config"] == after[name]["config"]
        and before[name]["first"] == after[name]["first"]
        and int(str(before[name]["last"])) <= int(str(after[name]["last"]))
        and int(str(before[name]["messages"])) <= int(str(after[name]["messages"]))
        for name in OWN
    )


@pytest.mark.parametrize("name", EVERY)
async def test_the_thief_changes_and_hears_nothing(
    ground: Ground, rogue: Address | None, name: str
) -> None:
    """Every stream stands as before; honest traffic runs on, unheard."""
    attack = EVERY[name]
    before = await ground.snapshot()
    async with thief(ground, "huashan", "wuhua", rogue) as one:
        for frame in attack.frames:
            one.say(frame)
        await one.settled()
        after = await ground.snapshot()
        secrets = await ground.exchange()
        await one.settled()
        later = await ground.snapshot()

    assert others(after) == others(before)
    assert others(later) == others(exchanged(before))
    assert only_grew(before, after) if attack.is_own else after == before
    assert not [secret for secret in secrets if one.knows(secret)]
    assert attack.is_own or not one.answers(INBOX), one.answers(INBOX)
    if rogue is None and not attack.is_own:
        assert told_no(one) >= len(attack.frames), one.errors


def told_no(one: Thief) -> int:
    """Return how often the server said no: a client is told each time."""
    return sum("Permissions Violation" in error for error in one.errors)


async def test_what_the_thief_may_is_seen(
    ground: Ground, rogue: Address | None
) -> None:
    """The other way round: the thief's own lane changes, so a change would be seen."""
    before = await ground.snapshot()
    async with thief(ground, "huashan", "wuhua", rogue) as one:
        one.say(Pub(OWN_UP.subject, b"my own", INBOX))
        await one.near.until(lambda: one.answers(INBOX))
    after = await ground.snapshot()
    receipt = json.loads(one.answers(INBOX)[0].body)

    assert receipt["stream"] == OWN_UP.stream
    assert after != before
    assert others(after) == others(before)
