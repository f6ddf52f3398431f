"""kill -9 in mid-flow: nothing acknowledged is lost, nothing is done twice."""

from __future__ import annotations

import asyncio
import os
import signal

import pytest

from tests.deploy.processes import is_alive
from tests.faults.flow import Flow, interrupted
from tests.journeys.office import Office
from tests.journeys.running import Running

DOWN_SECONDS = 0.5
FIRST_OPERATIONS = 60


async def kill_and_heal(running: Running, name: str, pids: list[int]) -> None:
    """Kill a part by its pid, leave it down a moment, start it again."""
    component = running.line.components()[name]
    pids.append(component.pid)
    os.kill(component.pid, signal.SIGKILL)
    await asyncio.sleep(DOWN_SECONDS)
    assert not is_alive(pids[0])
    await running.revive(name)
    pids.append(running.line.components()[name].pid)


@pytest.mark.parametrize("name", ["province", "city", "county", "township"])
async def test_a_killed_service_loses_and_doubles_nothing(
    yunnan_line: Running, office: Office, name: str
) -> None:
    """Its callers see errors and repeat; its neighbours catch up when it is back."""
    pids: list[int] = []
    flow = Flow(office)
    await interrupted(
        flow, FIRST_OPERATIONS, lambda: kill_and_heal(yunnan_line, name, pids)
    )
    problems = await yunnan_line.problems()
    life = office.history.life
    lived = (life.extended, life.withdrawn, life.urges, life.points, life.petitions)

    assert problems == []
    assert all(lived)
    assert pids[0] != pids[1]
    assert sum(times for (node, _), times in office.errors.items() if node == name) > 0


async def test_a_killed_postgresql_loses_and_doubles_nothing(
    yunnan_line: Running, office: Office
) -> None:
    """All databases at once: every acknowledged write was on disk; services stay up."""
    pids: list[int] = []
    services = {name: one.pid for name, one in yunnan_line.line.services.items()}
    await interrupted(
        Flow(office),
        FIRST_OPERATIONS,
        lambda: kill_and_heal(yunnan_line, "postgres", pids),
    )
    problems = await yunnan_line.problems()

    assert problems == []
    assert pids[0] != pids[1]
    assert sum(office.errors.values()) > 0
    assert services == {
        name: one.pid for name, one in yunnan_line.line.services.items()
    }


async def test_a_killed_nats_loses_and_doubles_nothing(
    yunnan_line: Running, office: Office
) -> None:
    """Work goes on at every tier while the road is gone, and over it when it is back."""
    pids: list[int] = []
    await interrupted(
        Flow(office), FIRST_OPERATIONS, lambda: kill_and_heal(yunnan_line, "nats", pids)
    )
    problems = await yunnan_line.problems()

    assert problems == []
    assert pids[0] != pids[1]
