"""With the same permissions that stop a thief, honest nodes do their work."""

from __future__ import annotations

import pytest

from tests.walls.nats.ground import LINKS, Ground, of
from tier.lanes import DOWN, UP

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_every_link_carries_both_ways(ground: Ground) -> None:
    """A message each way over every link: it arrives once, and is acknowledged."""
    secrets = await ground.exchange()

    assert len(secrets) == 2 * len(LINKS)


async def test_each_parent_has_exactly_the_streams_of_its_children(
    ground: Ground,
) -> None:
    """In an account of its own name, each with one consumer; none is anybody else's."""
    found = await ground.snapshot()
    links = [*LINKS, ("wuhua", "huashan"), ("wuhua", "dabanqiao")]
    wanted = {of(way, *link).stream: link[0] for link in links for way in (DOWN, UP)}

    assert {name: state["account"] for name, state in found.items()} == wanted
    for name, state in found.items():
        consumers = state["consumers"]
        assert isinstance(consumers, list)
        assert [one[0] for one in consumers] == [name]
