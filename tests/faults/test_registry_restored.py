"""A tier is put back to an old backup while data is asked and answered."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator

import asyncpg
import pytest

from deploy.embedded.line import Line, Options
from tests.checkers import collected, snapshots, whole
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


GIVEN = "SELECT count(*) FROM registry_sheet WHERE period = $1 AND elements <> '{}'"
ASKED = "SELECT count(*) FROM registry_request WHERE period = $1"


async def count(running: Running, sql: str, period: str) -> int:
    """Count rows of a period at the county."""
    connection = await asyncpg.connect(running.places["county"].database_url)
    try:
        found: int = await connection.fetchval(sql, period)
    finally:
        await connection.close()
    return found


@pytest.mark.parametrize("last", ["city", "township"])
async def test_a_restored_county_learns_everything_again_and_asks_nobody_again(
    short_line: Running, bureau: Bureau, last: str
) -> None:
    """Whoever it hears of last, the requests from above or the values from below.

    After the backup the townships give what the province then asks for, with the city
    away: the county knows better, and says so. Put back, it judges all of it again.
    """

    async def is_told(sql: str, number: int) -> bool:
        return await count(short_line, sql, period) >= number

    line, period = short_line.line, next(PERIODS)
    await Collecting(bureau, rounds=2).run()
    assert await problems(short_line, bureau) == []
    await back_up(short_line, "county")
    await asyncio.to_thread(line.start_node, "county")
    await asyncio.to_thread(line.stop_node, "city")
    answers = [bureau.an_answer(a_task(town, period, ROADS)) for town in HERE]
    await bureau.submit(*answers)
    bureau.collected.unasked |= {(period, town, ROADS) for town in HERE}
    await eventually(lambda: is_told(GIVEN, len(HERE)), "the values at the county")
    made = await bureau.ask("53", [ROADS, WELLS], period, HERE)
    await asyncio.to_thread(line.start_node, "city")
    await bureau.answer_until_complete(COUNTY)
    assert await problems(short_line, bureau) == []
    after = await facts_at(short_line, "county")
    await put_back(short_line, "county")
    lost = after - await facts_at(short_line, "county")
    await asyncio.to_thread(line.stop_node, last)
    await asyncio.to_thread(line.start_node, "county")
    told = (GIVEN, len(HERE)) if last == "city" else (ASKED, 1)
    await eventually(lambda: is_told(*told), f"what is not told by the {last}")
    await asyncio.to_thread(line.start_node, last)
    await Collecting(bureau, rounds=2).run()
    unrested = await whole.rest(short_line.places)
    found = await collected.problems(short_line.places, bureau.collected, restored=True)

    assert lost > 0
    assert made.outcomes.collect == 2 * len(HERE)
    assert unrested == []
    assert found == []


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
    unrested = await whole.rest(short_line.places)
    complete = {
        node: await bureau.is_complete(node, done) for node in ("province", "township")
    }

    assert lost > 0
    assert unrested == []
    assert complete == {"province": True, "township": True}


async def is_idle(bureau: Bureau) -> bool:
    """Answer what is asked; whether nothing was."""
    return not sum([await bureau.work(area) for area in AREAS])
