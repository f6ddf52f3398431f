"""The whole life of one item, as `ducha demo --life` plays it, on four real nodes."""

from __future__ import annotations

import asyncio
from pathlib import Path

from clients.cli.divisions import read_csv
from clients.demo import life, life_cast
from clients.demo.command import YUNNAN
from clients.demo.life import Life
from clients.demo.line import running_line
from clients.demo.run import Wish, spread_divisions
from clients.runtime import Endpoints
from deploy.embedded.line import Options
from ducha.division.v1 import division_pb2
from tests.journeys.running import SMALL

MINUTE = 60.0


async def played(endpoints: Endpoints, players: life_cast.Cast) -> Life:
    """Play it; what is told as it goes is for people."""
    wish = Wish(players.rows, "53", division_pb2.LEVEL_TOWNSHIP, 0.0)
    await spread_divisions(endpoints, wish)
    return await life.play(endpoints, players, lambda *_: None)


def test_every_step_of_a_life_is_told_at_both_sides(tmp_path: Path) -> None:
    """Issued to archived, with all that may happen between, within a minute."""
    players = life_cast.cast(read_csv(YUNNAN, "53")[0], "53")
    options = Options(
        environment={}, postgres_settings=SMALL, clock_rate=life_cast.RATE
    )
    with running_line(tmp_path / "life", "53", options) as endpoints:
        told = asyncio.run(played(endpoints, players))

    assert [step.english for step in told.steps if step.missing] == []
    assert [check for check in told.checks if not check.passed] == []
    assert len(told.steps) == 30
    assert told.agrees
    assert told.seconds < MINUTE
    ends = {tier: events[-1].kind for tier, events in told.courses.items()}
    assert set(ends.values()) == {"ItemArchived"}
