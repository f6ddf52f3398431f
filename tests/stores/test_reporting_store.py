"""Roll-ups on a real PostgreSQL: the triggers, and the audit that proves them."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Sequence
from typing import Any
from uuid import UUID

import asyncpg
import pytest

from deploy.embedded.postgres import Postgres
from ducha.reporting.v1 import reporting_service_pb2 as pb
from tests.servers import AnApp
from tests.stores.reporting import (
    ASSIGN,
    DEADLINE,
    MIXED,
    MOVES,
    NOW,
    PROVINCE,
    TOWNS,
    a_door,
    an_item,
    move,
)
from tier.jurisdiction import LEVELS, Level
from tier.reporting import actions, store
from tier.reporting.model import COUNTS, Key
from tier.runtime.db import Database, Tx, open_database


def adds(row: asyncpg.Record) -> Counter[str]:
    """What one assignment adds to the counts: the oracle, in words of the glossary."""
    if row["withdrawn"]:
        return Counter(withdrawn=1)
    reported = row["reported_at"] is not None
    late = reported and row["reported_at"] > row["deadline_at"]
    return Counter(
        expected=1,
        received=int(row["received_at"] is not None),
        reported=int(reported),
        verified=int(row["verified_at"] is not None),
        returned=int(row["returned"] and not reported),
        closed=int(row["closed"]),
        on_time=int(reported and not late),
        late=int(late),
        problems=row["problem_count"] if reported else 0,
    )


async def oracle(tx: Tx) -> dict[tuple[Any, ...], tuple[int, ...]]:
    """Fold all assignments anew."""
    sums: dict[tuple[Any, ...], Counter[str]] = {}
    for row in await tx.fetch("SELECT * FROM assignment"):
        code = row["division"]
        for digits in LEVELS:
            if digits <= len(code):
                key = (row["item_id"], code[:digits], int(LEVELS[len(code)]))
                sums.setdefault(key, Counter()).update(adds(row))
    return {
        key: tuple(counter[name] for name in COUNTS) for key, counter in sums.items()
    }


async def held(tx: Tx) -> dict[tuple[Any, ...], tuple[int, ...]]:
    """Return every row of counts, and every executor's own."""
    rows = await tx.fetch("SELECT * FROM reporting_progress")
    rows += await tx.fetch("SELECT * FROM reporting_executor")
    return {
        (row["item_id"], row["division"], row["level"]): tuple(
            row[name] for name in COUNTS
        )
        for row in rows
    }


async def some_moves(tx: Tx, chance: random.Random, items: list[UUID]) -> None:
    """Move random assignments, in statements of random size; now and then add some."""
    for _ in range(chance.randint(1, 3)):
        if not items or chance.random() < 0.15:
            items.append(
                await an_item(tx, chance.sample(MIXED, chance.randint(1, len(MIXED))))
            )
        name = chance.choice(list(MOVES))
        chosen = chance.sample(MIXED, chance.choice((1, 3, len(MIXED))))
        await move(tx, name, chance.choice(items), chosen)


@pytest.mark.parametrize("seed", range(6))
async def test_counts_are_the_fold_of_the_assignments_after_any_moves(
    database: Database, seed: int
) -> None:
    """Whatever batches come, the roll-ups are what a full recomputation makes them."""
    chance = random.Random(seed)
    items: list[UUID] = []
    for _ in range(40):
        async with database.transaction() as tx:
            await some_moves(tx, chance, items)
        async with database.reading() as tx:
            assert await held(tx) == await oracle(tx)

    async with database.reading() as tx:
        compared, differences = await actions.audit(tx, None)
        rows = await tx.fetchval("SELECT count(*) FROM reporting_progress")
        assert compared == rows > 0
        assert differences == []


async def test_a_statement_that_upserts_counts_what_it_adds_and_what_it_moves(
    database: Database,
) -> None:
    """A fact that comes after another of the same assignment may insert or update."""
    async with database.transaction() as tx:
        item_id = await an_item(tx, TOWNS[:3])
        await tx.execute(
            ASSIGN + " ON CONFLICT (item_id, division) DO UPDATE SET received_at = $3",
            item_id,
            TOWNS[:5],
            DEADLINE,
        )

        assert await held(tx) == await oracle(tx)
        rows = await tx.fetch(
            "SELECT expected, received FROM reporting_progress WHERE division = '53'"
        )
    assert [tuple(row) for row in rows] == [(5, 3)]


async def test_what_is_undone_was_never_counted(database: Database) -> None:
    """Counts move in the transaction of the assignments, or not at all."""
    async with database.transaction() as tx:
        item_id = await an_item(tx, TOWNS)

    with pytest.raises(asyncpg.DivisionByZeroError):
        await report_and_fail(database, item_id)

    async with database.reading() as tx:
        [top] = await counts(tx, item_id, Level.PROVINCE)
    assert (top.expected, top.reported) == (15, 0)


async def counts(tx: Tx, item_id: UUID, level: Level | None) -> Any:
    return await store.listed(
        tx, item_id, within="", level=level, after=Key(), limit=1000
    )


async def test_counts_that_stay_are_not_written(database: Database) -> None:
    """A move that nobody counts, or one that cancels another, leaves rows as they were."""
    async with database.transaction() as tx:
        item_id = await an_item(tx, TOWNS)
        await move(tx, "receive", item_id, TOWNS[:1])
    async with database.transaction() as tx:
        before = await tx.fetchval(
            "SELECT max(changed_in::text::bigint) FROM reporting_progress"
        )
        await move(tx, "instruct", item_id, TOWNS)
        await tx.execute(
            "UPDATE assignment SET received_at = CASE division WHEN $2 THEN $3::timestamptz END"
            " WHERE item_id = $1 AND division IN ($2, $4)",
            item_id,
            TOWNS[1],
            NOW,
            TOWNS[0],
        )
        written = await tx.fetch(
            "SELECT division FROM reporting_progress WHERE changed_in::text::bigint > $1"
            " ORDER BY 1",
            before,
        )

    assert written == []


async def test_a_deadline_put_off_is_kept_with_the_counts(database: Database) -> None:
    """Nobody is called overdue while one of those counted has time."""
    async with database.transaction() as tx:
        item_id = await an_item(tx, TOWNS)
        await move(tx, "put off", item_id, TOWNS[:1])
        rows = await counts(tx, item_id, None)

    later = {row.division for row in rows if row.deadline_at > DEADLINE}
    assert later == {"53", "5301", "530102", "530102001"}


@pytest.mark.parametrize(
    "sql",
    [
        "DELETE FROM assignment WHERE false",
        "TRUNCATE assignment",
        "UPDATE assignment SET division = '53' || division WHERE division = '5301'",
        "UPDATE assignment SET item_id = gen_random_uuid()",
    ],
)
async def test_what_was_counted_is_neither_deleted_nor_renamed(
    database: Database, sql: str
) -> None:
    """The roll-ups would lose track; an item is withdrawn instead."""
    async with database.transaction() as tx:
        await an_item(tx, MIXED)

    with pytest.raises(asyncpg.RestrictViolationError, match="withdraw"):
        async with database.transaction() as tx:
            await tx.execute(sql)

    async with database.reading() as tx:
        assert await held(tx) == await oracle(tx)


async def test_writers_who_share_counts_wait_for_each_other_and_never_in_a_circle(
    database: Database, postgres: Postgres
) -> None:
    """Two processes on one database fold into the same province, county by county."""
    async with database.reading() as tx:
        name = await tx.fetchval("SELECT current_database()")
    async with database.transaction() as tx:
        item_id = await an_item(tx, TOWNS)
    second = await open_database(postgres.dsn(name), name="second", readers=1)
    try:
        await asyncio.gather(
            *(report_and_return(database, item_id, TOWNS[1::2]) for _ in range(20)),
            *(report_and_return(second, item_id, TOWNS[::-2]) for _ in range(20)),
        )
    finally:
        await second.close()

    async with database.reading() as tx:
        assert await held(tx) == await oracle(tx)


async def report_and_fail(db: Database, item_id: UUID) -> None:
    async with db.transaction() as tx:
        await move(tx, "report", item_id, TOWNS)
        await tx.execute("SELECT 1 / 0")


async def report_and_return(
    db: Database, item_id: UUID, divisions: Sequence[str]
) -> None:
    async with db.transaction() as tx:
        await move(tx, "report", item_id, divisions)
    async with db.transaction() as tx:
        await move(tx, "return", item_id, divisions)


@pytest.mark.parametrize(
    ("plant", "kept", "made"),
    [
        (
            "UPDATE reporting_progress SET reported = reported + 1 WHERE division = '5301'",
            "level=4 expected=10 received=0 reported=11",
            "level=4 expected=10 received=0 reported=10",
        ),
        (
            "DELETE FROM reporting_progress WHERE division = '5301'",
            "",
            "level=4 expected=10 received=0 reported=10",
        ),
        (
            "UPDATE reporting_progress SET division = '5309' WHERE division = '530103'",
            "level=4 expected=5 received=0 reported=5",
            "",
        ),
    ],
)
async def test_the_audit_finds_what_is_planted(
    an_app: AnApp, plant: str, kept: str, made: str
) -> None:
    """A wrong count, a lost row and a row of nothing are each shown with both sides."""
    async with an_app(PROVINCE) as app, a_door(app) as door:
        async with app.db.transaction() as tx:
            sound = await an_item(tx, TOWNS)
            item_id = await an_item(tx, TOWNS)
            await move(tx, "report", item_id, TOWNS)
            await tx.execute(plant + " AND item_id = $1", item_id)
        whole = await door.AuditProgress(pb.AuditProgressRequest())
        part = await door.AuditProgress(pb.AuditProgressRequest(item_id=str(sound)))

    found = [
        each
        for each in whole.differences
        if each.held.startswith(kept) and each.recomputed.startswith(made)
    ]
    assert found
    assert {each.item_id for each in whole.differences} == {str(item_id)}
    assert part.compared_count == 3 + 2 + 1
    assert not part.differences


async def test_an_audit_of_nothing_finds_nothing(an_app: AnApp) -> None:
    """An empty node is in order."""
    async with an_app(PROVINCE) as app, a_door(app) as door:
        audit = await door.AuditProgress(pb.AuditProgressRequest())

    assert (audit.compared_count, len(audit.differences)) == (0, 0)


async def test_an_audit_shows_a_bounded_number_of_differences(
    database: Database,
) -> None:
    """However much is wrong, the answer fits a message, and counts all it compared."""
    divisions = [f"5301{number:05}001" for number in range(1500)]
    async with database.transaction() as tx:
        await an_item(tx, divisions)
        await tx.execute("UPDATE reporting_progress SET closed = 7")

    async with database.reading() as tx:
        compared, differences = await actions.audit(tx, None)
    assert (compared > 1500, len(differences)) == (True, 1000)
