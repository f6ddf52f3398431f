"""Requesters that compete on real databases: a cell is asked once, and nobody fails."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import TypeVar

import pytest

from deploy.embedded.postgres import Postgres
from ducha.registry.v1 import registry_pb2 as pb
from tests.catalogue import element
from tests.registry import (
    DOORS,
    NEXT_TOWN,
    PERIOD,
    TOWN,
    WEST,
    Line,
    a_line,
    outcomes,
    sheets,
    state,
    waiting,
)
from tests.registry_audit import unsound
from tests.servers import AnApp, carry, quarantined
from tier import ledger
from tier.app import App
from tier.runtime.db import open_database
from tier.runtime.errors import Contended

T = TypeVar("T")
CODES = ("a", "b", "c", "d")
TRIES = 20


async def until_it_is_through(act: Callable[[], Awaitable[T]]) -> T:
    """Do something again while another writer is first, as every caller does."""
    for _ in range(TRIES):
        try:
            return await act()
        except Contended:
            continue
    pytest.fail(f"contended {TRIES} times")


async def asks(line: Line, requester: str, rounds: int) -> list[str]:
    """Ask for overlapping elements, one request after the other."""
    made = []
    for turn in range(rounds):
        wanted = [CODES[turn % 4], CODES[(turn + 1) % 4]]
        response = await until_it_is_through(
            lambda wanted=wanted: line.ask(requester, wanted, "530102")  # type: ignore[misc] # bound now
        )
        made.append(response.data_request.data_request_id)
    return made


async def carries(sender: App, receiver: App, done: asyncio.Event) -> None:
    """Bring what is owed, again and again, as a link does."""
    while not done.is_set():
        await until_it_is_through(lambda: carry(sender, receiver, DOORS))
        await asyncio.sleep(0)


async def competing(line: Line, *actors: Awaitable[list[str]]) -> list[str]:
    """Let actors and all links run at once; return the requests that were made."""
    done = asyncio.Event()
    async with asyncio.TaskGroup() as tasks:
        for sender, receiver in line.links():
            tasks.create_task(carries(sender, receiver, done))
        made = await asyncio.gather(*actors)
        done.set()
    await line.settle()
    return [request_id for each in made for request_id in each]


async def all_is_well(line: Line) -> None:
    for app in line.apps.values():
        assert await unsound(app) == []
        assert await quarantined(app) == []


async def test_three_tiers_ask_at_once_and_a_cell_is_asked_once(an_app: AnApp) -> None:
    """Province, city and county ask for the same; links run meanwhile.

    However they cross: one request of each cell is the one that asks, all others join it.
    """
    async with a_line(an_app, map(element, CODES), WEST) as line:
        made = await competing(
            line,
            asks(line, "53", 6),
            asks(line, "5301", 6),
            asks(line, "530102", 6),
        )
        cells = 2 * len(CODES)
        counts = [await outcomes(line.apps["streets"], one) for one in made]
        tasks = [one for one in await sheets(line.apps["streets"]) if one.asked]

        await all_is_well(line)
        assert [list(one.asked) for one in tasks] == [[1, 2, 3, 4]] * 2
        assert sum(collect for _, _, _, collect, _ in counts) == cells
        assert sum(joined for _, joined, _, _, _ in counts) == 18 * 4 - cells
        for app in line.apps.values():
            assert await waiting(app) == await waiting(line.apps["streets"])

        for town in (TOWN, NEXT_TOWN):
            await line.answer(town, dict.fromkeys(CODES, 5.0))
        await line.settle()
        await all_is_well(line)
        for app in line.apps.values():
            assert {await state(app, one) for one in made} == {
                pb.DATA_REQUEST_STATE_COMPLETE
            }


async def answers(line: Line, town: str, rounds: int) -> list[str]:
    """Give and correct values while others ask for them."""
    for turn in range(rounds):
        numbers = {CODES[turn % 4]: float(turn)}
        await until_it_is_through(
            lambda numbers=numbers: line.answer(town, numbers)  # type: ignore[misc] # bound now
        )
    return []


async def takes_back(line: Line, requester: str, rounds: int) -> list[str]:
    """Ask, and take it back; complete by then is all right."""
    made = []
    for _ in range(rounds):
        (request_id,) = await asks(line, requester, 1)
        await until_it_is_through(
            lambda request_id=request_id: line.withdraw(request_id)  # type: ignore[misc] # bound now
        )
        made.append(request_id)
    return made


async def test_answers_and_withdrawals_race_asks_and_all_tiers_agree(
    an_app: AnApp,
) -> None:
    """Values come in while they are asked for and while asks are taken back."""
    async with a_line(an_app, map(element, CODES), WEST) as line:
        made = await competing(
            line,
            asks(line, "53", 5),
            takes_back(line, "5301", 5),
            asks(line, "530102", 5),
            answers(line, TOWN, 6),
        )
        home = line.apps["streets"]
        there = {one.key: one for one in await sheets(home) if one.answers}

        await all_is_well(line)
        for app in line.apps.values():
            assert await waiting(app) == await waiting(home)
            held = {one.key: one for one in await sheets(app) if one.answers}
            assert held == there
        for request_id in made:
            states = {await state(line.at(line.requests[request_id]), request_id)}
            states.add(await state(line.apps["province"], request_id))
            assert len(states) == 1


@asynccontextmanager
async def twin(postgres: Postgres, app: App) -> AsyncIterator[App]:
    """Give a second process of a node: its own connections to the same database."""
    async with app.db.reading() as tx:
        name = await tx.fetchval("SELECT current_database()")
    database = await open_database(postgres.dsn(name), name="twin", readers=2)
    try:
        yield replace(app, db=database, feed=ledger.Feed())
    finally:
        await database.close()


async def test_two_processes_of_a_node_ask_a_cell_once(
    an_app: AnApp, postgres: Postgres
) -> None:
    """One database, two writers: whoever is second joins, no cell is asked twice."""
    async with (
        a_line(an_app, map(element, CODES), WEST) as line,
        twin(postgres, line.apps["wuhua"]) as other,
    ):
        elsewhere = replace(line, apps={**line.apps, "wuhua": other})
        made = await competing(
            line,
            asks(line, "530102", 8),
            asks(elsewhere, "530102", 8),
        )
        counts = [await outcomes(line.apps["wuhua"], one) for one in made]

        await all_is_well(line)
        assert [list(one.asked) for one in await sheets(other, PERIOD)] == [
            [1, 2, 3, 4]
        ] * 2
        assert sum(collect for _, _, _, collect, _ in counts) == 2 * len(CODES)
        assert sum(joined for _, joined, _, _, _ in counts) == 16 * 4 - 8
