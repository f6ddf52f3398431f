"""The whole life of one item, down four tiers and back, on a clock that runs fast.

Everybody is simulated (模拟), and so is time: `life_cast.RATE` seconds pass in one. Each step
is over when every tier that it concerns tells of it in its own timeline.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from clients.demo import life_acts, life_cast, life_end, life_proof
from clients.demo.life_cast import KEEPER, Cast
from clients.demo.life_office import new_id
from clients.demo.life_stage import Stage, Step, opened
from clients.demo.once import Check
from clients.runtime import Endpoints
from ducha.calendar.v1 import calendar_service_pb2 as calendar
from ducha.timeline.v1 import timeline_pb2

ACT_SECONDS = 180.0
POLL_SECONDS = 0.1
ACTS = (
    life_acts.down,
    life_acts.disputed,
    life_acts.extended,
    life_acts.returned,
    life_acts.late,
    life_end.back_up,
    life_end.reviewed,
    life_end.put_right,
    life_end.ended,
)


@dataclass(frozen=True, slots=True)
class Life:
    """What came of the act."""

    item: str
    cast: Cast
    steps: Sequence[Step]
    checks: Sequence[Check]
    courses: Mapping[str, Sequence[timeline_pb2.Event]]
    """What each tier tells at the end."""
    seconds: float

    @property
    def agrees(self) -> bool:
        """Say whether everything is as it must be."""
        told = all(not step.missing for step in self.steps)
        return bool(self.steps) and told and all(one.passed for one in self.checks)


async def play(
    endpoints: Endpoints, players: Cast, tell: Callable[[str, str], None]
) -> Life:
    """Play all acts, then prove that all tiers hold the same."""
    begin = time.monotonic()
    async with opened(endpoints, players, tell) as stage:
        async with asyncio.timeout(ACT_SECONDS):
            await _publish_terms(stage)
            for act in ACTS:
                await act(stage)
            stage.checks += await life_proof.checks(stage)
            courses = {tier: await stage.course(tier) for tier in stage.nodes}
        return Life(
            item=stage.item,
            cast=players,
            steps=stage.steps,
            checks=stage.checks,
            courses=courses,
            seconds=time.monotonic() - begin,
        )


async def _publish_terms(stage: Stage) -> None:
    """Publish the terms of the act, and wait until every node has them."""
    client = stage.nodes["province"]
    answer = await client.call(
        client.calendar_keeping.PublishTerms,
        calendar.PublishTermsRequest(
            request_id=new_id(), actor=KEEPER, rows=[life_cast.terms()]
        ),
    )
    for node in stage.nodes.values():
        while True:
            held = await node.call(node.calendar.ListTerms, calendar.ListTermsRequest())
            if held.terms_version >= answer.terms_version:
                break
            await asyncio.sleep(POLL_SECONDS)
