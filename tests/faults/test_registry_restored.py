"""A tier is put back to an old backup while data is asked and answered."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator

import pytest

from deploy.embedded.line import Line, Options
from tests.checkers import snapshots
from tests.faults.backups import back_up, put_back
from tests.faults.collecting import AREAS, TOWNS, Collecting, a_task, opened, problems
from tests.journeys.bureau import ELEMENTS, PERIODS, Bureau
from tests.journeys.office import eventually
from tests.journeys.running import SMALL, Running

ROADS, WELLS = ELEMENTS[:2]
COUNTY = AREAS[0]
HERE = [code for code in TOWNS if code.startswith(COUNTY)]


@pytest.fixture
def short_line(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """Four tiers of their own, for what cannot be undone."""
    options = Options(environment={}, postgres_settings=SMALL, auto_restart=False)
    with Line(tmp_path_factory.mktemp("restored"), options=options) as line:
        yield Running(line)


@pytest.fixture
async def bureau(short_line: Running) -> AsyncIterator[Bureau]:
    """Those who ask and answer."""
    async with opened(short_line) as bureau:
        yield bureau


async def facts_at(running: Running, node: str) -> int:
    """Return how many facts a node has from its child."""
    taken = await snapshots.take(running.places[node])
    return len(taken.ledger)


async def test_a_restored_county_learns_everything_again_and_counts_nothing_twice(
    short_line: Running, bureau: Bureau
) -> None:
    """What it had judged otherwise, it judges again: nothing may move a second time.

    After the backup the townships give what the province then asks for, with the city
    away: the county knows better, and says so. Put back, it hears all of it again.
    """
    line, period = short_line.line, next(PERIODS)
    await Collecting(bureau, rounds=2).run()
    assert await problems(short_line, bureau) == []
    await back_up(short_line, "county")
    await asyncio.to_thread(line.start_node, "county")
    before = await facts_at(short_line, "county")
    await asyncio.to_thread(line.stop_node, "city")
    answers = [bureau.an_answer(a_task(town, period, ROADS)) for town in HERE]
    await bureau.submit(*answers)
    bureau.collected.unasked |= {(period, town, ROADS) for town in HERE}
    await eventually(
        lambda: has_more(short_line, before + len(HERE)), "the answers at the county"
    )
    made = await bureau.ask("53", [ROADS, WELLS], period, HERE)
    await asyncio.to_thread(line.start_node, "city")
    await bureau.answer_until_complete(COUNTY)
    assert await problems(short_line, bureau) == []
    after = await facts_at(short_line, "county")
    await put_back(short_line, "county")
    lost = after - await facts_at(short_line, "county")
    await asyncio.to_thread(line.stop_node, first)
    await asyncio.to_thread(line.start_node, "county")
    await eventually(lambda: is_half_told(short_line, first), "what the other tells")
    await asyncio.to_thread(line.start_node, first)
    await Collecting(bureau, rounds=2).run()
    unrested = await whole.rest(short_line.places)
    found = await collected.problems(
        short_line.places, bureau.collected, restored="county"
    )

    assert lost >= len(HERE)
    assert made.outcomes.collect == 2 * len(HERE)
    assert found == []


async def has_more(running: Running, count: int) -> bool:
    """Whether the county's ledger has grown to a length."""
    return await facts_at(running, "county") >= count


async def test_what_a_restored_township_acknowledges_serves_whoever_waits(
    short_line: Running, bureau: Bureau
) -> None:
    """Answers are lost with its memory, not their copies above; new ones climb past them.

    The tiers above hold what was lost, so their requests stay complete; the township hears
    of all of them again, and what it is asked again it gives again.
    """
    line = short_line.line
    await Collecting(bureau, rounds=2).run()
    await back_up(short_line, "township")
    await asyncio.to_thread(line.start_node, "township")
    await Collecting(bureau, rounds=2).run()
    done = dict(bureau.collected.requests)
    before = await facts_at(short_line, "township")
    await put_back(short_line, "township")
    lost = before - await facts_at(short_line, "township")
    await asyncio.to_thread(line.start_node, "township")
    await Collecting(bureau, rounds=2).run()
    await eventually(lambda: is_idle(bureau), "nothing is asked of the townships")
    unrested = await short_line.problems()
    complete = {
        node: await bureau.is_complete(node, done) for node in ("province", "township")
    }

    assert lost > 0
    assert unrested == []
    assert complete == {"province": True, "township": True}


async def is_idle(bureau: Bureau) -> bool:
    """Answer what is asked; whether nothing was."""
    return not sum([await bureau.work(area) for area in AREAS])
