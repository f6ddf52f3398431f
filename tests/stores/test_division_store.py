"""The division tree on a real PostgreSQL: its SQL, and its actions."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import date

import pytest

from tests.divisions import (
    DAY_BEFORE,
    FIRST,
    KEEPER,
    MERGER,
    PROVINCE,
    ROOT,
    SMALL,
    SPLIT,
    a_request,
    a_row,
    an_entry,
    held,
    load,
    told,
    yunnan,
)
from tests.servers import AnApp, owed, recorded
from tier.division import actions, store
from tier.division.errors import DivisionRowsInvalid, DivisionUnknown
from tier.division.model import Division, Imported, Query
from tier.jurisdiction import Code, Level
from tier.runtime.db import Database
from tier.runtime.errors import RequestIdReused

# --- The store ---------------------------------------------------------------------


async def test_history_stays_under_the_old_code(database: Database) -> None:
    """A county is split in 2024, and one half merged into a neighbour in 2025."""
    split = replace(
        an_entry("530101", FIRST, SPLIT),
        successors=(Code("530105"), Code("530106")),
    )
    merged = replace(an_entry("530106", SPLIT, MERGER), successors=(Code("530105"),))
    tree = [an_entry("53"), an_entry("5301"), split, an_entry("530105", SPLIT), merged]
    async with database.transaction() as tx:
        await store.upsert(tx, tree)
    days = [DAY_BEFORE, FIRST, date(2024, 6, 30), SPLIT, date(2025, 6, 30), MERGER]
    async with database.reading() as tx:
        counties = [
            await store.select_codes(tx, Level.COUNTY, [ROOT], [], day) for day in days
        ]
        then = await store.as_of(tx, Code("530101"), date(2024, 6, 30))
        now = await store.as_of(tx, Code("530101"), SPLIT)
        names = await store.names(tx, [Code("530101"), Code("530199")])

    assert counties == [
        [],
        ["530101"],
        ["530101"],
        ["530105", "530106"],
        ["530105", "530106"],
        ["530105"],
    ]
    assert then == split
    assert now is None
    assert names == {Code("530101"): "名530101"}


async def test_a_selection_is_by_area_not_by_likeness(database: Database) -> None:
    """`5301` holds 530102 and not the other way round; 530103 is a sibling."""
    codes = ["53", "5301", "530102", "530102001", "530103", "530103001", "5302"]
    async with database.transaction() as tx:
        await store.upsert(tx, [an_entry(code) for code in codes])

    async def select(level: Level, areas: list[str], out: list[str]) -> list[str]:
        parsed = [Code(code) for code in areas], [Code(code) for code in out]
        async with database.reading() as tx:
            return [str(c) for c in await store.select_codes(tx, level, *parsed, FIRST)]

    assert await select(Level.CITY, ["530102"], []) == []
    assert await select(Level.CITY, ["53"], []) == ["5301", "5302"]
    assert await select(Level.COUNTY, ["5301"], []) == ["530102", "530103"]
    assert await select(Level.COUNTY, ["530102"], []) == ["530102"]
    assert await select(Level.TOWNSHIP, ["53"], ["530102"]) == ["530103001"]
    assert await select(Level.TOWNSHIP, ["530102", "5301"], ["5302"]) == [
        "530102001",
        "530103001",
    ]
    assert await select(Level.TOWNSHIP, ["530103001"], ["530103001"]) == []
    assert await select(Level.TOWNSHIP, [], []) == []


async def test_pages_neither_skip_nor_repeat(database: Database) -> None:
    """By code, within an area, whatever the page size."""
    async with database.transaction() as tx:
        await store.upsert(tx, [an_entry(code) for code in SMALL])
    query = Query(FIRST, within=Code("5301"))
    async with database.reading() as tx:
        pages: list[Division] = []
        while page := await store.page(tx, query, pages[-1].code if pages else "", 2):
            pages += page
        counties = await store.page(tx, Query(FIRST, None, Level.COUNTY), "", 9)

    assert [entry.code for entry in pages] == [*SMALL[1:6]]
    assert [entry.code for entry in counties] == ["530102", "530103", "530302"]


async def test_known_is_what_stands(database: Database) -> None:
    """Neither what ended, nor what begins tomorrow, nor what never was."""
    tree = [an_entry("5301"), an_entry("5302", FIRST, SPLIT), an_entry("5303", MERGER)]
    async with database.transaction() as tx:
        await store.upsert(tx, tree)
        asked = [Code(code) for code in ("5301", "5302", "5303", "5309", "5301")]
        known = await store.known(tx, asked, SPLIT)

    assert known == {Code("5301")}


async def test_writing_the_same_again_writes_nothing(database: Database) -> None:
    """An unchanged row keeps its version: no bloat from replays."""
    rows = [replace(an_entry("5302", FIRST, SPLIT), successors=(Code("5301"),))]
    versions = []
    for _ in range(2):
        async with database.transaction() as tx:
            await store.upsert(tx, rows)
            versions.append(await tx.fetchval("SELECT xmin::text FROM division"))

    assert versions[0] == versions[1]


# --- Importing and ending ----------------------------------------------------------


async def test_yunnan_is_imported_once(an_app: AnApp) -> None:
    """All 16,495 divisions, and again: the second time nothing is told."""
    async with an_app(PROVINCE) as app:
        rows = yunnan()
        first = await load(app, rows)
        facts = await recorded(app)
        second = await load(app, rows)
        async with app.db.reading() as tx:
            townships = await store.select_codes(tx, Level.TOWNSHIP, [ROOT], [], FIRST)

        assert first == Imported(16_495, 0)
        assert second == Imported(0, 16_495)
        assert await recorded(app) == facts
        assert len(townships) == 1461
        assert await held(app) == sorted(row.code for row in rows)
        assert max(len(codes) for codes in told(facts)) <= 2000


async def test_all_that_is_written_is_recorded(an_app: AnApp) -> None:
    """Each child hears of its branch and the path above; the rest is kept here."""
    async with an_app(PROVINCE) as app:
        await load(app, [*map(a_row, SMALL), a_row("5304")])

        assert told(await owed(app, "kunming")) == [[*SMALL[:6]]]
        assert told(await owed(app, "qujing")) == [["53", "5303", "530302"]]
        assert told(await recorded(app))[2:] == [["5304"]]
        assert {fact.subject for fact in await recorded(app)} == {"divisions"}
        assert [fact.division for fact in await recorded(app)] == ["5301", "5303", "53"]


async def test_the_last_tier_records_what_it_imports(an_app: AnApp) -> None:
    """A province alone, without children, still has it in its ledger."""
    async with an_app(replace(PROVINCE, children=())) as app:
        await load(app, [a_row(code) for code in SMALL])
        (fact,) = await recorded(app)

        assert (fact.division, fact.actor, fact.origin) == ("53", KEEPER, "province")
        assert told([fact]) == [[*sorted(SMALL)]]


async def test_a_bad_row_takes_all_back(an_app: AnApp) -> None:
    """Each fault is named; nothing is written, told or answered."""
    async with an_app(PROVINCE) as app:
        rows = [*map(a_row, SMALL), *(a_row(f"5309{n:02}") for n in range(60))]
        with pytest.raises(DivisionRowsInvalid) as refused:
            await load(app, rows)

        assert len(refused.value.violations) == 50
        assert refused.value.details["count"] == "60"
        assert refused.value.violations[0].field == "divisions[8].parent_code"
        assert await held(app) == []
        assert await recorded(app) == []


async def test_a_retry_gets_the_first_answer(an_app: AnApp) -> None:
    """The same request has one effect; its id on other content is refused."""
    async with an_app(PROVINCE) as app:
        rows = [a_row(code) for code in SMALL]
        request = a_request("one")
        first = await actions.import_divisions(app, request, KEEPER, rows)
        again = await actions.import_divisions(app, request, KEEPER, rows)
        facts = await recorded(app)
        other = replace(request, fingerprint=b"other")

        assert first == again == Imported(8, 0)
        with pytest.raises(RequestIdReused):
            await actions.import_divisions(app, other, KEEPER, rows)
        assert await recorded(app) == facts


async def test_a_rename_closes_the_former_entry_and_tells_of_both(
    an_app: AnApp,
) -> None:
    """The child must learn when the old name ended."""
    async with an_app(PROVINCE) as app:
        await load(app, [a_row(code) for code in SMALL])
        done = await load(app, [a_row("530102", "新五华", SPLIT)])
        async with app.db.reading() as tx:
            before = await store.as_of(tx, Code("530102"), date(2024, 6, 30))
            after = await store.as_of(tx, Code("530102"), SPLIT)
            names = await store.names(tx, [Code("530102")])

        assert done == Imported(1, 0)
        assert before is not None
        assert after is not None
        assert (before.name, before.valid_to) == ("名530102", SPLIT)
        assert (after.name, after.valid_to) == ("新五华", None)
        assert names == {Code("530102"): "新五华"}
        assert told(await owed(app, "kunming"))[-1] == ["530102", "530102"]


async def test_an_ended_division_names_who_carries_on(an_app: AnApp) -> None:
    """It ends once; a retry is answered, a second end refused."""
    async with an_app(PROVINCE) as app:
        await load(app, [a_row(code) for code in SMALL])
        code, ending, request = Code("530103"), (SPLIT, ["530102"]), a_request()
        ended = await actions.retire(app, request, KEEPER, code, ending)
        again = await actions.retire(app, request, KEEPER, code, ending)

        assert ended == again
        assert (ended.valid_to, ended.successors) == (SPLIT, (Code("530102"),))
        assert "530103" not in await held(app)
        assert told(await owed(app, "kunming"))[-1] == ["530103"]
        with pytest.raises(DivisionUnknown):
            await actions.retire(app, a_request(), KEEPER, code, ending)


@pytest.mark.parametrize(
    ("last", "successors", "field"),
    [
        (SPLIT, ["5309"], "successor_codes[0]"),
        (SPLIT, ["530102", "530103"], "successor_codes[1]"),
        (SPLIT, ["53x"], "successor_codes[0]"),
        (FIRST, [], "valid_to"),
    ],
)
async def test_an_end_that_does_not_fit_is_refused(
    an_app: AnApp, last: date, successors: list[str], field: str
) -> None:
    """Unknown successors, itself, a day too early: named, and nothing changes."""
    async with an_app(PROVINCE) as app:
        await load(app, [a_row(code) for code in SMALL])
        with pytest.raises(DivisionRowsInvalid) as refused:
            await actions.retire(
                app, a_request(), KEEPER, Code("530103"), (last, successors)
            )

        assert [wrong.field for wrong in refused.value.violations] == [field]
        assert "530103" in await held(app)


async def test_two_imports_at_once_both_hold(an_app: AnApp) -> None:
    """Writers queue: neither plans on a tree that the other is changing."""
    async with an_app(PROVINCE) as app:
        await load(app, [a_row("53"), a_row("5301")])
        rows = [[a_row("5301", f"第{n}名", date(2024, n, 1))] for n in (1, 2, 3)]
        for wave in rows:  # in order of days; each twice at the same moment
            await asyncio.gather(load(app, wave), load(app, wave))
        async with app.db.reading() as tx:
            entries = await store.entries(tx, [Code("5301")])

        ends = [entry.valid_to for entry in entries]
        assert ends == [*(entry.valid_from for entry in entries[1:]), None]
        assert len(entries) == 4
