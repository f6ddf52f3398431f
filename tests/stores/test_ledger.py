"""The ledger on a real PostgreSQL: one order, no gap, nothing missed."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from uuid import UUID, uuid4

import pytest

from tests.servers import SCHEMAS, Databases
from tier import ledger
from tier.ledger import Committed, Entry, Feed, store
from tier.runtime.db import Database, open_database
from tier.runtime.errors import Contended
from tier.runtime.migrate import migrate

NOW = datetime(2026, 11, 22, tzinfo=UTC)
NEIGHBOURS = ("north", "south")
ALL = 1_000_000


def an_entry(*onward: str, fact_id: UUID | None = None, subject: str = "x") -> Entry:
    number = fact_id or uuid4()
    return Entry(number, "test.Happened", "53", subject, "", number.bytes, onward)


async def append(
    db: Database, entries: Sequence[Entry], feed: Feed | None = None
) -> None:
    async with db.transaction() as tx:
        await ledger.append(tx, feed or Feed(), entries, NOW)


async def open_lanes(db: Database) -> None:
    async with db.transaction() as tx:
        for name in NEIGHBOURS:
            assert await store.open_lane(tx, name, 7)


async def positions(db: Database, after: int = 0) -> list[tuple[int, bytes]]:
    """Return (position, body) of the facts after a position, in order."""
    async with db.reading() as tx:
        return [
            (row["position"], row["body"])
            for row in await tx.fetch(
                "SELECT position, body FROM ledger_fact WHERE position > $1"
                " ORDER BY position",
                after,
            )
        ]


async def told(db: Database, neighbour: str) -> list[tuple[int, bytes]]:
    """Return (number, body) of what a neighbour is owed."""
    async with db.reading() as tx:
        return await store.outgoing(tx, neighbour, 0, ALL)


@pytest.fixture
async def twins(databases: Databases) -> AsyncIterator[tuple[Database, Database]]:
    """Two processes' worth of pools on one database."""
    async with databases.url() as url:
        one, other = [await open_database(url, name="twin", readers=2) for _ in "12"]
        await migrate(one, SCHEMAS)
        await open_lanes(one)
        yield one, other
        await one.close()
        await other.close()


class _Regretted(Exception):
    """A writer changed its mind after it wrote."""


@dataclass
class Writer:
    """Appends again and again, sometimes slow to commit, sometimes rolling back."""

    db: Database
    chance: random.Random
    committed: list[Committed] = field(default_factory=list)

    async def run(self, rounds: int) -> None:
        for _ in range(rounds):
            try:
                await self._append()
            except _Regretted:
                continue

    async def _append(self) -> None:
        entries = [
            an_entry(*self.chance.sample(NEIGHBOURS, self.chance.randrange(3)))
            for _ in range(self.chance.randint(1, 4))
        ]
        feed = Feed()
        feed.listen(self.committed.append)
        async with self.db.transaction() as tx:
            await ledger.append(tx, feed, entries, NOW)
            await asyncio.sleep(self.chance.choice([0, 0, 0.001]))
            if self.chance.random() < 0.3:
                raise _Regretted


async def follow(
    db: Database, seen: list[tuple[int, bytes]], done: asyncio.Event
) -> None:
    """Read with a cursor while others write, as a watcher does."""
    last = False
    while not last:
        last = done.is_set()
        seen += await positions(db, seen[-1][0] if seen else 0)
        await asyncio.sleep(0)


@pytest.mark.parametrize("seed", range(3))
async def test_concurrent_writers_make_one_order_that_a_cursor_never_misses(
    twins: tuple[Database, Database], seed: int
) -> None:
    """Two processes, random rollbacks and slow commits: no gap, no fact behind the cursor."""
    chance = random.Random(seed)
    writers = [Writer(db, random.Random(chance.random())) for db in twins for _ in "12"]
    done, seen = asyncio.Event(), list[tuple[int, bytes]]()
    reader = asyncio.create_task(follow(twins[1], seen, done))
    await asyncio.gather(*(writer.run(12) for writer in writers))
    done.set()
    await reader
    committed = sorted(
        (one for w in writers for one in w.committed), key=lambda c: c.before
    )
    expected = [entry for one in committed for entry in one.entries]

    assert [position for position, _ in seen] == list(range(1, len(seen) + 1))
    assert [body for _, body in seen] == [entry.body for entry in expected]
    for name in NEIGHBOURS:
        theirs = [entry.body for entry in expected if name in entry.onward]
        assert await told(twins[0], name) == list(enumerate(theirs, 1))


@pytest.mark.parametrize("seed", range(3))
async def test_what_a_commit_says_of_its_lanes_is_what_was_numbered(
    twins: tuple[Database, Database], seed: int
) -> None:
    """Senders publish from memory: the first number they are told must be the true one."""
    writers = [Writer(db, random.Random(seed * 2 + n)) for n, db in enumerate(twins)]
    await asyncio.gather(*(writer.run(10) for writer in writers))
    owed = {name: dict(await told(twins[0], name)) for name in NEIGHBOURS}

    for committed in (one for writer in writers for one in writer.committed):
        named = {name for entry in committed.entries for name in entry.onward}
        assert {lane.neighbour for lane in committed.lanes} == named
        for lane in committed.lanes:
            bodies = [e.body for e in committed.entries if lane.neighbour in e.onward]
            numbers = range(lane.before + 1, lane.before + 1 + len(bodies))
            assert lane.epoch == 7
            assert [owed[lane.neighbour][number] for number in numbers] == bodies


async def test_a_position_is_not_given_before_the_one_before_is_seen(
    twins: tuple[Database, Database],
) -> None:
    """The second writer waits for the first one's commit, however slow that is."""
    first = an_entry()
    async with twins[0].transaction() as tx:
        await ledger.append(tx, Feed(), [first], NOW)
        second = asyncio.create_task(append(twins[1], [an_entry()]))
        await asyncio.sleep(0.05)
        early = await positions(twins[1])
        assert not second.done()
    await second

    assert early == []
    assert [position for position, _ in await positions(twins[1])] == [1, 2]


async def test_a_fact_is_kept_once(database: Database) -> None:
    """The same fact again is refused whole: neither it nor its companion takes a number."""
    await open_lanes(database)
    fact = an_entry("north")
    await append(database, [fact])
    with pytest.raises(Contended):
        await append(database, [an_entry("north"), fact])

    assert await positions(database) == [(1, fact.body)]
    assert await told(database, "north") == [(1, fact.body)]
    async with database.reading() as tx:
        assert await store.bodies(tx, [fact.fact_id]) == {fact.fact_id: fact.body}


async def test_a_fact_for_nobody_is_recorded_all_the_same(database: Database) -> None:
    """Without neighbours, or for one that has no lane here: in the ledger, and owed to none."""
    await open_lanes(database)
    heard: list[Committed] = []
    feed = Feed()
    feed.listen(heard.append)
    await append(database, [an_entry(), an_entry("stranger"), an_entry("north")], feed)

    assert [position for position, _ in await positions(database)] == [1, 2, 3]
    assert await told(database, "stranger") == []
    assert [number for number, _ in await told(database, "north")] == [1]
    assert [lane.neighbour for lane in heard[0].lanes] == ["north"]


async def regret(db: Database, feed: Feed) -> None:
    async with db.transaction() as tx:
        await ledger.append(tx, feed, [an_entry()], NOW)
        raise _Regretted


async def test_listeners_hear_after_the_commit_and_only_then(
    database: Database,
) -> None:
    """A sender never publishes what was rolled back; nothing appended wakes nobody."""
    heard: list[Committed] = []
    feed = Feed()
    feed.listen(heard.append)
    await append(database, [], feed)
    async with database.transaction() as tx:
        await ledger.append(tx, feed, [an_entry()], NOW)
        assert heard == []
    with pytest.raises(_Regretted):
        await regret(database, feed)

    assert [committed.before for committed in heard] == [0]
    assert len(await positions(database)) == 1


async def test_a_new_life_keeps_the_numbers_and_what_is_owed(
    database: Database,
) -> None:
    """After a restore everything is owed again, under a later epoch; an older one is nothing."""
    await open_lanes(database)
    await append(database, [an_entry("north"), an_entry("north", "south")])
    async with database.transaction() as tx:
        again = await store.open_lane(tx, "north", 99)
        raised = await store.new_epoch(tx, "north", 8)
        lowered = await store.new_epoch(tx, "north", 8)
        lanes = await store.lanes(tx)
        unknown = await store.lane(tx, "stranger")
    await append(database, [an_entry("north")])

    assert (again, raised, lowered, unknown) == (False, True, False, None)
    assert [(lane.neighbour, lane.epoch, lane.before) for lane in lanes] == [
        ("north", 8, 2),
        ("south", 7, 1),
    ]
    assert [number for number, _ in await told(database, "north")] == [1, 2, 3]


async def test_the_oldest_fact_that_nobody_confirmed_has_an_age(
    database: Database,
) -> None:
    """Nothing owed, no age."""
    await open_lanes(database)
    await append(database, [an_entry("north")])
    async with database.reading() as tx:
        assert await store.oldest_unreceipted(tx, "north", 0) == NOW
        assert await store.oldest_unreceipted(tx, "north", 1) is None


async def test_facts_are_found_by_subject_and_by_division(database: Database) -> None:
    """An area's own facts and those from above it; a sibling's never."""
    places = {"above": "53", "here": "5301", "below": "530102", "beside": "5303"}
    entries = [
        Entry(uuid4(), "test.Happened", division, name, "", name.encode())
        for name, division in places.items()
    ]
    await append(database, entries)
    async with database.reading() as tx:
        area = await store.about_division(tx, "5301", 0, ALL, 4)
        one = await store.about_subject(tx, "here", 0, ALL)
        page = await store.about_division(tx, "5301", 1, 1, 4)

    assert [fact.subject for fact in area] == ["above", "here", "below"]
    assert [fact.position for fact in one] == [2]
    assert [fact.subject for fact in page] == ["here"]
