"""Items and assignments on a real PostgreSQL."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import product
from typing import Any
from uuid import UUID, uuid4

import pytest

from tier.assignment import clock_store, item_store, store
from tier.assignment.item_store import Tally
from tier.assignment.model import (
    Assignment,
    Clock,
    ClosingKind,
    ClosingRule,
    Fenceable,
    Given,
    Item,
    ItemState,
    Key,
    Mode,
    State,
)
from tier.jurisdiction import Code
from tier.runtime.db import Database

NOW = datetime(2026, 11, 22, 8, tzinfo=UTC)
DEADLINE = NOW + timedelta(days=5)
CLOCK = Clock(NOW, DEADLINE)
TOWNS = [Code(code) for code in ("530102001", "530102002", "530302001")]
CITIES = [Code("5301"), Code("5303")]
FIRST = UUID(int=0)
SET_ENDS = "UPDATE assignment SET closed = $3, withdrawn = $4 WHERE (item_id, division) = ($1, $2)"
WITHDRAW = "UPDATE assignment SET withdrawn = true WHERE (item_id, division) = ($1, $2)"
READ = "SELECT state, late FROM assignment WHERE (item_id, division) = ($1, $2)"


def an_item(
    state: ItemState = ItemState.ISSUED, at: datetime = NOW, issuer: str = "53"
) -> Item:
    closing = ClosingRule(ClosingKind.LEAD, 0, CITIES[0])
    return Item(
        uuid4(), Code(issuer), state, Mode.DIRECT, closing, NOW, DEADLINE, at, "trace", b"body"
    )  # fmt: skip


async def put(
    db: Database,
    item: Item,
    targets: Sequence[Code] = TOWNS,
    assigner: Code | None = None,
    deadline: datetime = DEADLINE,
) -> None:
    """Keep an item and assignments of it."""
    async with db.transaction() as tx:
        await item_store.insert(tx, item)
        given = Given(assigner or item.issuer, NOW, NOW, deadline)
        await store.insert(tx, item, targets, given)


async def get(db: Database, item: Item, division: Code) -> Assignment:
    key = Key(item.item_id, division)
    async with db.reading() as tx:
        return (await store.load(tx, [key]))[key].assignment


async def change(db: Database, *rows: Assignment) -> None:
    async with db.transaction() as tx:
        await store.write(tx, {row.key: row for row in rows})


def every_case() -> list[tuple[Any, ...]]:
    """Return every combination of what a state is read off."""
    reports = [None, DEADLINE, DEADLINE + timedelta(microseconds=1)]
    return list(
        product(
            [None, NOW],
            reports,
            [None, NOW],
            [False, True],
            [False, True],
            [False, True],
            [None, NOW],
        )
    )


async def test_the_database_reads_the_same_state_off_the_fields(
    database: Database,
) -> None:
    """Every combination of fields, and late to the moment: SQL and Python agree."""
    item, cases = an_item(), every_case()
    codes = [Code(f"530102{number:03}") for number in range(len(cases))]
    await put(database, item, codes)
    rows = []
    for code, (
        received,
        reported,
        verified,
        returned,
        closed,
        withdrawn,
        stopped,
    ) in zip(codes, cases, strict=True):
        rows.append(
            replace(
                await get(database, item, code),
                received_at=received,
                reported_at=reported,
                verified_at=verified,
                returned=returned,
                closed=closed,
                withdrawn=withdrawn,
                clock=replace(CLOCK, suspended_at=stopped),
            )
        )
    await change(database, *rows)
    async with database.transaction() as tx:
        await clock_store.write(tx, {row.key: row for row in rows})
        for row in rows:
            await tx.execute(
                SET_ENDS, item.item_id, row.key.division, row.closed, row.withdrawn
            )
        found = [
            await tx.fetchrow(READ, item.item_id, row.key.division) for row in rows
        ]

    assert [(each["state"], bool(each["late"])) for each in found if each] == [
        (row.state, row.late) for row in rows
    ]
    assert {row.state for row in rows} == set(State)


async def test_what_is_written_is_what_is_loaded(database: Database) -> None:
    """Every field that a change may set, back as it was; the neighbour's row untouched."""
    item = an_item()
    await put(database, item)
    before = await get(database, item, TOWNS[1])
    row = replace(
        await get(database, item, TOWNS[0]),
        epoch=3,
        received_at=NOW,
        reported_at=DEADLINE,
        verified_at=NOW + timedelta(days=1),
        returned=True,
        return_reason="数据不实",
        problems=4,
        report_fact=uuid4(),
    )
    await change(database, row)
    async with database.transaction() as tx:
        await store.write(tx, {})

    assert await get(database, item, TOWNS[0]) == row
    assert await get(database, item, TOWNS[1]) == before


async def test_an_assignment_that_is_here_stays_as_it_is(database: Database) -> None:
    """The road repeats; a split crosses a notice: the first word stands."""
    item = an_item()
    await put(database, item)
    row = replace(await get(database, item, TOWNS[0]), received_at=NOW)
    await change(database, row)
    await put(database, item, [*TOWNS, Code("530102009")], Code("5301"), NOW)

    assert await get(database, item, TOWNS[0]) == row
    assert (await get(database, item, Code("530102009"))).assigner == "5301"


@pytest.mark.parametrize(
    ("state", "expected"),
    [(ItemState.CLOSED, State.CLOSED), (ItemState.WITHDRAWN, State.WITHDRAWN)],
)
async def test_what_arrives_after_the_end_is_ended(
    database: Database, state: ItemState, expected: State
) -> None:
    """A split that crossed a withdrawal opens no work."""
    item = an_item(state)
    await put(database, item)
    key = Key(item.item_id, TOWNS[0])
    async with database.reading() as tx:
        loaded = (await store.load(tx, [key]))[key]

    assert loaded.assignment.state is expected
    assert loaded.item_ended


async def test_open_children_are_those_of_the_own_split(database: Database) -> None:
    """Verified and withdrawn ones are not open; a sibling's are nobody's business."""
    item = an_item()
    await put(database, item, CITIES)
    await put(database, item, [Code("530102"), Code("530103")], CITIES[0])
    await put(database, item, [Code("530302")], CITIES[1])
    key = Key(item.item_id, CITIES[0])
    counts = []
    async with database.transaction() as tx:
        counts.append((await store.load(tx, [key]))[key].open_children)
        await store.mark_split(tx, key)
        counts.append((await store.load(tx, [key]))[key].open_children)
    for code in ("530102", "530103"):
        row = await get(database, item, Code(code))
        await change(database, replace(row, reported_at=NOW, verified_at=NOW))
        async with database.reading() as tx:
            counts.append((await store.load(tx, [key]))[key].open_children)

    assert counts == [0, 2, 1, 0]


async def test_reports_wait_for_their_own_assigner(database: Database) -> None:
    """Reported, not yet verified, not withdrawn."""
    item = an_item()
    await put(database, item, CITIES)
    await put(database, item, TOWNS, CITIES[0])
    for code in [CITIES[0], *TOWNS[:2]]:
        await change(
            database, replace(await get(database, item, code), reported_at=NOW)
        )
    verified = replace(await get(database, item, TOWNS[1]), verified_at=NOW)
    await change(database, verified)
    async with database.reading() as tx:
        county = await store.reported_to(tx, item.item_id, CITIES[0])
        province = await store.reported_to(tx, item.item_id, Code("53"))

    assert (county, province) == ([TOWNS[0]], [CITIES[0]])


async def test_the_closing_rule_counts_what_the_issuer_assigned(
    database: Database,
) -> None:
    """What a city split further is the city's to count."""
    item = an_item()
    await put(database, item, CITIES)
    await put(database, item, TOWNS, CITIES[0])
    tallies = []
    for code in (TOWNS[0], CITIES[1], CITIES[0]):
        row = await get(database, item, code)
        await change(database, replace(row, reported_at=NOW, verified_at=NOW))
        async with database.reading() as tx:
            tallies.append(await item_store.tally(tx, item))

    assert tallies == [Tally(2, 0, lead_verified=False), Tally(2, 1, lead_verified=False),
                       Tally(2, 2, lead_verified=True)]  # fmt: skip


async def test_an_item_is_kept_as_it_came_first(database: Database) -> None:
    """All its fields; a second arrival changes nothing; an unknown one is not here."""
    item = an_item()
    await put(database, item)
    await put(database, replace(item, state=ItemState.CLOSED, body=b"other"))
    async with database.transaction() as tx:
        found = await item_store.items(tx, [item.item_id, uuid4()])
        locked = await item_store.locked(tx, item.item_id)
        unknown = await item_store.locked(tx, uuid4())
        count = await item_store.target_count(tx, item.item_id)

    assert found == {item.item_id: item}
    assert (locked, unknown, count) == (item, None, 3)


async def test_an_end_is_the_end_of_all_assignments(database: Database) -> None:
    """Withdrawn ones are not closed; another item's go on."""
    item, other = an_item(), an_item()
    await put(database, item)
    await put(database, other)
    async with database.transaction() as tx:
        await tx.execute(WITHDRAW, item.item_id, TOWNS[0])
        await item_store.close(tx, item.item_id)
        ended = replace(item, state=ItemState.CLOSED, body=b"new")
        await item_store.set_state(tx, ended)
        closed = (await item_store.items(tx, [item.item_id]))[item.item_id]
    states = [(await get(database, item, code)).state for code in TOWNS]
    async with database.transaction() as tx:
        await item_store.withdraw(tx, item.item_id)
    withdrawn = [(await get(database, item, code)).state for code in TOWNS]

    assert (closed.state, closed.body) == (ItemState.CLOSED, b"new")
    assert states == [State.WITHDRAWN, State.CLOSED, State.CLOSED]
    assert withdrawn == [State.WITHDRAWN] * 3
    assert (await get(database, other, TOWNS[0])).state is State.ISSUED


async def test_branches_are_the_children_that_hold_assignments(
    database: Database,
) -> None:
    """What is hosted here, and children without a part, are none."""
    item = an_item()
    await put(database, item, [CITIES[1], TOWNS[0]])
    hosts = [("kunming", CITIES[0]), ("qujing", CITIES[1]), ("yuxi", Code("5304"))]
    async with database.reading() as tx:
        below_city = await item_store.branches(tx, item.item_id, hosts, 4)
        below_province = await item_store.branches(tx, item.item_id, hosts, 2)

    assert below_city == ("kunming",)
    assert below_province == ("kunming", "qujing")


async def test_items_are_paged_newest_first(database: Database) -> None:
    """Moments may be equal: the id decides, and no item is shown twice or left out."""
    moments = [NOW, NOW, NOW, NOW + timedelta(hours=1), NOW - timedelta(hours=1)]
    held = [
        an_item(at=at, issuer="5301" if n % 2 else "53") for n, at in enumerate(moments)
    ]
    for item in held:
        await put(database, item, [])
    before, shown = (datetime.max.replace(tzinfo=UTC), UUID(int=2**128 - 1)), []
    async with database.reading() as tx:
        while page := await item_store.newest(
            tx, issuer="", state=0, before=before, limit=2
        ):
            shown += page
            before = (page[-1].issued_at, page[-1].item_id)
        city = await item_store.newest(
            tx, issuer="5301", state=1, before=(NOW, FIRST), limit=9
        )
        ended = await item_store.newest(tx, issuer="", state=3, before=before, limit=9)

    assert shown == sorted(
        held, key=lambda item: (item.issued_at, item.item_id), reverse=True
    )
    assert [item.issuer for item in city] == []
    assert ended == []


async def test_assignments_are_paged_by_division_and_item(database: Database) -> None:
    """Filtered by item, by area, by state; each row once."""
    items = [an_item(), an_item()]
    for item in items:
        await put(database, item)
    received = replace(await get(database, items[0], TOWNS[0]), received_at=NOW)
    await change(database, received)

    async def pages(item: Item | None, within: str, *wanted: int) -> list[Key]:
        after, shown = ("", FIRST), []
        async with database.reading() as tx:
            while page := await store.page(
                tx,
                item_id=item.item_id if item else None,
                within=within,
                states=wanted,
                after=after,
                limit=2,
            ):
                shown += [
                    loaded.assignment.key for loaded, body in page if body == b"body"
                ]
                after = (shown[-1].division, shown[-1].item_id)
        return shown

    ids = sorted(item.item_id for item in items)
    everything = [Key(item_id, code) for code in TOWNS for item_id in ids]

    assert await pages(None, "") == everything
    assert await pages(items[1], "5301") == [
        Key(items[1].item_id, code) for code in TOWNS[:2]
    ]
    assert await pages(None, "", State.RECEIVED) == [received.key]
    assert await pages(None, "5304") == []


async def test_fenced_work_is_kept_once_in_order(database: Database) -> None:
    """By its fact; pages go on after the last id."""
    item = an_item()
    work = [
        Fenceable(Key(item.item_id, code), 1, 2, uuid4(), b"fact")
        for code in (*TOWNS, CITIES[0])
    ]
    async with database.transaction() as tx:
        await store.fence(tx, work, NOW)
        await store.fence(tx, work[:2], NOW + timedelta(hours=1))
        await store.fence(tx, [], NOW)
        first = await store.fenced(tx, 0, None, 3)
        rest = await store.fenced(tx, first[-1]["fence_id"], item.item_id, 3)
        other = await store.fenced(tx, 0, uuid4(), 3)

    assert [row["division"] for row in (*first, *rest)] == [
        one.key.division for one in work
    ]
    assert {
        (row["epoch"], row["current_epoch"], row["fenced_at"]) for row in first
    } == {(1, 2, NOW)}
    assert other == []
