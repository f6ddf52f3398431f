"""Floods: what they cost the others. Measured, with bounds a busy machine can hold."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from ducha.reporting.v1 import reporting_service_pb2 as reporting
from tests.hostile.calling import caller, memory, outcome
from tests.hostile.raw import Target, flood
from tier.runtime.limits import Limits

pytestmark = pytest.mark.asyncio(loop_scope="session")

LOG = logging.getLogger(__name__)
INFO = "/ducha.server.v1.ServerService/GetServerInfo"
SECONDS = 4.0
HONEST = 5
PAUSE = 0.02
BOUND_SECONDS = 1.0
"""Of an honest caller's p99 in a flood; some 0.04 s on a quiet machine of two cores."""
FLOOD = 10 * Limits().caller_calls


def address_of(target: Target) -> str:
    return f"{target.host}:{target.port}"


async def honest(running: Path, target: Target) -> list[float]:
    """Call at a modest pace for a while, and return how long each call took, sorted."""
    times: list[float] = []

    async def calls(subject: str) -> None:
        ends = time.monotonic() + SECONDS
        async with caller(running, address_of(target), subject) as one:
            while time.monotonic() < ends:
                began = time.perf_counter()
                await one.ask()
                times.append(time.perf_counter() - began)
                await asyncio.sleep(PAUSE)

    await asyncio.gather(*(calls(f"honest {number}") for number in range(HONEST)))
    return sorted(times)


def p99(times: list[float]) -> float:
    return times[int(len(times) * 0.99)]


async def in_a_flood(
    running: Path, target: Target, pour: Callable[[], Awaitable[object]]
) -> tuple[float, float]:
    """Return the honest callers' p99 before and in a flood."""
    quiet = p99(await honest(running, target))
    pouring = asyncio.ensure_future(pour())
    await asyncio.sleep(0.5)
    flooded = p99(await honest(running, target))
    await pouring
    return quiet, flooded


@pytest.mark.parametrize("reset", [True, False], ids=["rapid reset", "calls"])
async def test_a_flood_of_streams_is_not_felt(
    running: Path, wire: Target, *, reset: bool
) -> None:
    """Thousands of streams a second on one connection, taken back at once or not."""
    before = memory(running)
    poured = 0

    async def pour() -> None:
        nonlocal poured
        poured = await asyncio.to_thread(
            lambda: asyncio.run(flood(wire, INFO, SECONDS + 1, reset=reset))
        )

    quiet, flooded = await in_a_flood(running, wire, pour)
    LOG.info("p99 %.4f s, in a flood of %d %.4f s", quiet, poured, flooded)

    assert poured > 1000
    assert flooded < BOUND_SECONDS
    assert memory(running) - before < 256 * 2**20


async def test_many_who_come_and_go_do_no_harm(running: Path, wire: Target) -> None:
    """Handshakes at once, over and over: nobody is turned away, and nothing breaks."""
    ends = time.monotonic() + 2 * SECONDS
    served = 0

    async def come_and_go(number: int) -> None:
        nonlocal served
        while time.monotonic() < ends:
            async with caller(running, address_of(wire), f"guest {number}") as one:
                await one.ask()
            served += 1

    await asyncio.gather(*(come_and_go(number) for number in range(HONEST)))
    LOG.info("%d connections in %.0f s", served, 2 * SECONDS)

    assert served > 50


async def test_ten_times_too_many_calls_of_one_caller_are_not_felt_by_others(
    running: Path, wire: Target
) -> None:
    """They are refused at once, each with when to come back; no honest call is."""
    told: dict[str, int] = {}

    async def pour() -> None:
        flooding = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "tests.hostile.calling", running, address_of(wire)),
            *(str(FLOOD), str(SECONDS + 1)),
            stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        )
        printed, _ = await flooding.communicate()
        told.update(json.loads(printed))

    quiet, flooded = await in_a_flood(running, wire, pour)
    LOG.info("p99 %.4f s, in a flood %.4f s: %s", quiet, flooded, dict(told))

    assert set(told) <= {"", "CALLER_OVERLOADED", "REFUSED_STREAM"}
    assert flooded < BOUND_SECONDS


async def test_a_caller_has_so_many_watches_and_others_have_theirs(
    running: Path, wire: Target
) -> None:
    """One more is refused with RetryInfo; one that ends gives its place back."""
    asked = reporting.WatchDivisionRequest(division="53")
    most = Limits().caller_streams
    async with (
        caller(running, address_of(wire), "watcher") as watcher,
        caller(running, address_of(wire), "other") as other,
    ):
        calls = [
            watcher.progress.WatchDivision(asked, metadata=watcher.metadata)
            for _ in range(most)
        ]
        for call in calls:
            await call.read()
        beyond = await outcome(
            watcher.progress.WatchDivision(asked, metadata=watcher.metadata).read()
        )
        theirs = await outcome(
            other.progress.WatchDivision(asked, metadata=other.metadata).read()
        )
        calls.pop().cancel()
        again = "CALLER_OVERLOADED"
        async with asyncio.timeout(20):
            while again:
                again = await outcome(
                    watcher.progress.WatchDivision(
                        asked, metadata=watcher.metadata
                    ).read()
                )
        for call in calls:
            call.cancel()

    assert beyond == "CALLER_OVERLOADED"
    assert theirs == ""
