"""Examples do what their pages say, against a line as `ducha up` runs it."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from tests.journeys.office import Office
from tests.journeys.running import Running

ROOT = Path(__file__).resolve().parents[2]
SECONDS = 60


async def test_collect_once_serves_the_second_who_asks(
    four_tiers: Running, office: Office
) -> None:
    """Run as it is told in examples/README.md: asked once, and served from stock then."""
    run = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "examples.collect_once"),
        *("--data", str(four_tiers.line.data)),
        cwd=ROOT,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    async with asyncio.timeout(SECONDS):
        output, errors = await run.communicate()
    told = output.decode()

    assert run.returncode == 0, errors.decode()
    assert "53 asks example.shelters_open: 3 not held: asked" in told
    assert "3 townships gave 6 values" in told
    assert "530101 asks example.people_moved: 3 held and fresh" in told
    assert "6 values served, nobody was asked again" in told
    assert "530101001 example.people_moved = 3, by example officer (simulated)" in told
    assert await four_tiers.problems() == []
