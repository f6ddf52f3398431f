"""Examples do what their pages say, against a line as `ducha up` runs it."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from tests.journeys.office import Office
from tests.journeys.running import Running

ROOT = Path(__file__).resolve().parents[2]
SECONDS = 60


async def run(name: str, four_tiers: Running) -> str:
    """Run an example as it is told in examples/README.md; return what it says."""
    started = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", f"examples.{name}"),
        *("--data", str(four_tiers.line.data)),
        cwd=ROOT,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    async with asyncio.timeout(SECONDS):
        output, errors = await started.communicate()
    assert started.returncode == 0, errors.decode()
    return output.decode()


async def test_the_first_call_passes_the_walls(four_tiers: Running) -> None:
    """Bare grpcio: a certificate on the line, a token in the call, every node answers."""
    told = await run("first_call", four_tiers)

    assert [line.split()[3] for line in told.splitlines() if " is the " in line] == [
        *("province", "city", "county", "township")
    ]


async def test_a_refusal_is_shown_whole(four_tiers: Running) -> None:
    """Reason, both languages, the field that is wrong."""
    told = await run("refusals", four_tiers)

    assert "NOT_FOUND / ITEM_UNKNOWN" in told
    assert "INVALID_ARGUMENT / INVALID_INPUT" in told
    assert "field item_id" in told


async def test_collect_once_serves_the_second_who_asks(
    four_tiers: Running, office: Office
) -> None:
    """Asked once, and served from stock then."""
    told = await run("collect_once", four_tiers)

    assert "53 asks example.shelters_open: 3 not held: asked" in told
    assert "3 townships gave 6 values" in told
    assert "530101 asks example.people_moved: 3 held and fresh" in told
    assert "6 values served, nobody was asked again" in told
    assert "530101001 example.people_moved = 3, by example officer (simulated)" in told
    assert await four_tiers.problems() == []
