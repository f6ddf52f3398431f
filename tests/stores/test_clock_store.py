"""Clocks of assignments, their moves, returns and withdrawals on a real PostgreSQL."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import pytest

from tests.stores.test_assignment_store import (
    CLOCK,
    DEADLINE,
    NOW,
    TOWNS,
    an_item,
    get,
    put,
)
from tier.assignment import clock_store, item_store, store
from tier.assignment.model import (
    Assignment,
    Cause,
    Clock,
    Given,
    Item,
    ItemState,
    Key,
    Moved,
    Resumed,
    Returned,
    State,
)
from tier.assignment.queries import FOREVER, LAST
from tier.jurisdiction import Code
from tier.runtime.db import Database

DAY = timedelta(days=1)
CITY, COUNTY = Code("5301"), Code("530102")
STREETS = [Code("530102001"), Code("530102002")]
VILLAGE = Code("530102001001")
RETURNS = "SELECT epoch, returned_at, reason FROM assignment_return ORDER BY epoch"
ALL = {"item_id": None, "within": "", "cause": 0, "calendar_version": 0}


async def write(db: Database, *rows: Assignment) -> None:
    async with db.transaction() as tx:
        await clock_store.write(tx, {row.key: row for row in rows})


async def cascade(db: Database) -> Item:
    """Keep an item that the city and its county passed on, down to a village."""
    item = an_item(issuer="53")
    await put(db, item, [CITY])
    await put(db, item, [COUNTY, Code("530103")], CITY)
    await put(db, item, STREETS, COUNTY)
    await put(db, item, [VILLAGE], STREETS[0])
    return item


async def states(db: Database, item: Item) -> dict[str, State]:
    asked = {"item_id": item.item_id, "within": "", "states": []}
    async with db.reading() as tx:
        rows = await store.page(tx, **asked, after=("", UUID(int=0)), limit=99)  # type: ignore[arg-type]
    return {one.assignment.key.division: one.assignment.state for one, _ in rows}


async def test_a_clock_that_is_written_is_loaded(database: Database) -> None:
    """Every field of it, and nothing of the neighbour's row."""
    item = an_item()
    await put(database, item)
    neighbour = await get(database, item, TOWNS[1])
    clock = Clock(
        NOW, DEADLINE, 7, NOW + DAY, 3 * DAY, 2, NOW - DAY, 5, 1, provisional=True
    )
    row = replace(
        await get(database, item, TOWNS[0]),
        receive_by=NOW + 2 * DAY,
        deadline=DEADLINE + 9 * DAY,
        clock=clock,
    )
    await write(database, row)
    await write(database)

    assert await get(database, item, TOWNS[0]) == row
    assert row.state is State.SUSPENDED
    assert await get(database, item, TOWNS[1]) == neighbour


async def test_an_assignment_knows_what_it_was_given_first(database: Database) -> None:
    """Its clock begins where it was assigned, with its first deadline, in its first term."""
    item = an_item()
    given = Given(CITY, NOW + DAY, NOW + 2 * DAY, DEADLINE, 9, 1, provisional=True)
    async with database.transaction() as tx:
        await item_store.insert(tx, item)
        await store.insert(tx, item, [COUNTY], given, "请核实")
    row = await get(database, item, COUNTY)

    assert (row.assigner, row.instructions) == (CITY, "请核实")
    assert row.clock == Clock(
        NOW + DAY, DEADLINE, work_days=9, receive_days=1, provisional=True
    )


def moved(term: int, hours: int, cause: Cause = Cause.EXTENSION) -> Moved:
    at = NOW + timedelta(hours=hours)
    version = 3 if cause is Cause.CALENDAR else 0
    return Moved(
        term, NOW, DEADLINE + term * DAY, cause, "雨", at, calendar_version=version
    )


async def listed(db: Database, **asked: object) -> list[tuple[str, int]]:
    before = (FOREVER, LAST, "")
    query = {**ALL, "before": before, "limit": 99, **asked}
    async with db.reading() as tx:
        rows = await clock_store.moves(tx, **query)  # type: ignore[arg-type]
    return [(row["division"], row["term"]) for row in rows]


async def test_moves_of_deadlines_are_kept_once_and_found_by_what_they_are(
    database: Database,
) -> None:
    """Newest first; by item, area, cause and calendar; page after page each once."""
    item, other = an_item(), an_item()
    for one in (item, other):
        await put(database, one)
    rows = [await get(database, item, code) for code in TOWNS]
    aside = await get(database, other, TOWNS[0])
    told: list[tuple[Assignment, Moved | Resumed]] = [
        (rows[0], moved(2, 1)),
        (rows[0], Resumed(3, NOW, DEADLINE, DAY, NOW + 2 * DAY, "")),
        (rows[1], moved(2, 3, Cause.CALENDAR)),
        (rows[2], moved(2, 4)),
        (aside, moved(2, 5)),
    ]
    for _ in range(2):
        async with database.transaction() as tx:
            await clock_store.note_moves(tx, told)
            await clock_store.note_moves(tx, [])
    order = [
        (TOWNS[0], 3), (TOWNS[0], 2), (TOWNS[2], 2), (TOWNS[1], 2), (TOWNS[0], 2)
    ]  # fmt: skip
    paged: list[tuple[str, int]] = []
    before = (FOREVER, LAST, "")
    async with database.reading() as tx:
        while page := await clock_store.moves(tx, **ALL, before=before, limit=2):  # type: ignore[arg-type]
            paged += [(row["division"], row["term"]) for row in page]
            last = page[-1]
            before = (last["moved_at"], last["item_id"], last["division"])

    assert await listed(database) == order
    assert paged == order
    assert await listed(database, item_id=other.item_id) == [(TOWNS[0], 2)]
    assert await listed(database, within="5303") == [(TOWNS[2], 2)]
    assert await listed(database, cause=Cause.RESUMPTION) == [(TOWNS[0], 3)]
    assert await listed(database, calendar_version=3) == [(TOWNS[1], 2)]
    assert await listed(database, calendar_version=4) == []


async def test_each_return_is_kept_once(database: Database) -> None:
    """By the epoch that it began."""
    item = an_item()
    await put(database, item)
    key = Key(item.item_id, TOWNS[0])
    returns = [(key, Returned(2, "不实", NOW)), (key, Returned(3, "仍不实", NOW + DAY))]
    for _ in range(2):
        async with database.transaction() as tx:
            await clock_store.note_returns(tx, returns)
            await clock_store.note_returns(tx, [])
    async with database.reading() as tx:
        kept = [tuple(row) for row in await tx.fetch(RETURNS)]

    assert kept == [(2, NOW, "不实"), (3, NOW + DAY, "仍不实")]


@pytest.mark.parametrize(
    ("by", "whose", "below"),
    [
        ("53", [CITY], [COUNTY, *STREETS, VILLAGE, Code("530103")]),
        (CITY, [COUNTY], [*STREETS, VILLAGE]),
        (COUNTY, STREETS, [VILLAGE]),
        (COUNTY, [STREETS[1]], []),
    ],
    ids=["all", "a county", "its streets", "the last"],
)
async def test_what_is_withdrawn_takes_all_with_it_that_was_split_from_it(
    database: Database, by: Code, whose: Sequence[Code], below: Sequence[Code]
) -> None:
    """However deep; only what was taken itself is somebody else's now, and nothing beside."""
    item, beside = await cascade(database), await cascade(database)
    before = await states(database, item)
    async with database.transaction() as tx:
        gone = await clock_store.withdraw(tx, item.item_id, whose, "530199", by)
        again = await clock_store.withdraw(tx, item.item_id, whose, "530188", by)
    after = await states(database, item)

    assert gone == (sorted(whose), sorted(below))
    assert again == ([], [])
    assert {code for code in before if after[code] is not before[code]} == {
        *whose,
        *below,
    }
    for code in after:
        row = await get(database, item, Code(code))
        assert row.transferred_to == ("530199" if code in whose else "")
    assert await states(database, beside) == before


async def test_what_is_split_from_a_withdrawn_assignment_is_withdrawn(
    database: Database,
) -> None:
    """The split crossed the withdrawal on the way here."""
    item = an_item()
    await put(database, item, [CITY])
    async with database.transaction() as tx:
        await clock_store.withdraw(tx, item.item_id, [CITY], "", Code("53"))
    await put(database, item, [COUNTY], CITY)
    await put(database, item, STREETS, COUNTY)

    assert set((await states(database, item)).values()) == {State.WITHDRAWN}


async def test_those_who_still_work_below_and_those_who_stand_are_found(
    database: Database,
) -> None:
    """By who assigned them; what is done or gone is not looked at again."""
    item = await cascade(database)
    stopped = replace(
        await get(database, item, STREETS[0]), clock=replace(CLOCK, suspended_at=NOW)
    )
    await write(database, stopped)
    done = replace(await get(database, item, STREETS[1]), reported_at=NOW)
    async with database.reading() as tx:
        both = await clock_store.children(tx, item.item_id, COUNTY)
        standing = await clock_store.suspended_by(tx, item.item_id, COUNTY)
        others = await clock_store.suspended_by(tx, item.item_id, CITY)
    async with database.transaction() as tx:
        await store.write(tx, {done.key: done})
        left = await clock_store.children(tx, item.item_id, COUNTY)

    assert both == STREETS
    assert (standing, others) == ([STREETS[0]], [])
    assert left == [STREETS[0]]


async def test_only_what_is_still_to_be_met_is_counted_again(
    database: Database,
) -> None:
    """Provisional, at work, of an item that goes on."""
    item, ended = an_item(), an_item(ItemState.CLOSED)
    for one in (item, ended):
        await put(database, one)
    guess = replace(CLOCK, provisional=True)
    rows = [
        replace(await get(database, one, code), clock=guess)
        for one in (item, ended)
        for code in TOWNS[:2]
    ]
    await write(database, *rows)
    done = replace(rows[1], reported_at=NOW)
    async with database.transaction() as tx:
        await store.write(tx, {done.key: done})
        found = await clock_store.provisional(tx)

    assert found == [Key(item.item_id, TOWNS[0])]
