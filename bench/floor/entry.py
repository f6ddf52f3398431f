"""One tier of the floor for values: keep them, pass them up, and nothing else.

Built on what carries items, and as fast. What travels is an answer: the twenty values of a
division and a period. What is kept has one of two shapes: a row a value, the plain way to
hold data by element, division and period; or a row an answer, with arrays of its values.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import marshal
import os
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import asyncpg
from nats.aio.client import Client
from nats.aio.msg import Msg

from bench.elements import COUNT
from bench.floor.tier import (
    ISSUE,
    TIERS,
    Keep,
    Letter,
    Row,
    counter,
    pump,
    receive,
    sender,
)

BATCH_ANSWERS = 512
"""Answers a commit: few enough that the tiers work side by side."""
BUNDLE_ANSWERS = 512
ELEMENTS = list(range(1, COUNT + 1))
KNOWN_OF = ("observed_at", "recorded_at", "fact_id")
"""What is kept beside a value."""

Record = tuple[object, ...]


@dataclass(frozen=True, slots=True)
class Shape:
    """How answers are kept: the table, its columns, and its rows of answers."""

    table: str
    schema: str
    columns: tuple[str, ...]
    records: Callable[[Iterable[Row]], list[Record]]


def _moment(seconds: object) -> dt.datetime:
    assert isinstance(seconds, float)  # noqa: S101 - a row of ours
    return dt.datetime.fromtimestamp(seconds, dt.UTC)


def _values(answers: Iterable[Row]) -> list[Record]:
    """Return a row for each value."""
    made: list[Record] = []
    for period, division, numbers, observed, recorded, fact in answers:
        assert isinstance(numbers, list)  # noqa: S101 - a row of ours
        seen, kept = _moment(observed), _moment(recorded)
        made += [
            (element, division, period, number, seen, kept, fact)
            for element, number in zip(ELEMENTS, numbers, strict=True)
        ]
    return made


def _answers(answers: Iterable[Row]) -> list[Record]:
    """Return a row for each answer."""
    return [
        (division, period, ELEMENTS, numbers, _moment(observed), _moment(kept), fact)
        for period, division, numbers, observed, kept, fact in answers
    ]


SHAPES = {
    "value": Shape(
        "kept_value",
        """create table if not exists kept_value (
            element smallint not null, division text collate "C" not null,
            period text collate "C" not null, value bigint not null,
            observed_at timestamptz not null, recorded_at timestamptz not null,
            fact_id uuid not null, primary key (period, division, element))""",
        ("element", "division", "period", "value", *KNOWN_OF),
        _values,
    ),
    "answer": Shape(
        "kept_answer",
        """create table if not exists kept_answer (
            division text collate "C" not null, period text collate "C" not null,
            elements smallint[] not null, numbers bigint[] not null,
            observed_at timestamptz not null, recorded_at timestamptz not null,
            fact_id uuid not null, primary key (period, division))""",
        ("division", "period", "elements", "numbers", *KNOWN_OF),
        _answers,
    ),
}


async def keeper(connection: asyncpg.Connection[asyncpg.Record], shape: Shape) -> Keep:
    """Return a function that makes answers durable; one that came before does no harm."""
    await connection.execute(shape.schema)
    places = ", ".join(f"${place}" for place in range(1, len(shape.columns) + 1))
    insert = await connection.prepare(
        f"insert into {shape.table} values ({places}) on conflict do nothing",  # noqa: S608 - the name is ours
    )

    async def keep(rows: list[Row]) -> None:
        records = shape.records(rows)
        try:
            await connection.copy_records_to_table(
                shape.table, records=records, columns=shape.columns
            )
        except asyncpg.UniqueViolationError:
            await insert.executemany(records)

    return keep


async def receive_entries(
    client: Client, numbers: Mapping[str, Sequence[int]], inbox: asyncio.Queue[Letter]
) -> None:
    """Enter the answers of the divisions that the load driver names."""

    async def take(message: Msg) -> None:
        async def done() -> None:
            return None

        period, divisions = marshal.loads(message.data)  # noqa: S302 - our own driver's
        now = time.time()
        rows: list[Row] = [
            (period, code, list(numbers[code]), now, now, os.urandom(16).hex())
            for code in divisions
        ]
        for start in range(0, len(rows), BATCH_ANSWERS):
            inbox.put_nowait(Letter(rows[start : start + BATCH_ANSWERS], done))
        await message.respond(b"")

    await client.subscribe(ISSUE, cb=take)


async def run(
    tier: str, dsn: str, client: Client, numbers: Mapping[str, Sequence[int]], name: str
) -> None:
    """Run one tier until cancelled; says `ready` on standard output."""
    stream = client.jetstream()
    place = TIERS.index(tier)
    up: asyncio.Queue[Letter] = asyncio.Queue()
    keep = await keeper(await asyncpg.connect(dsn), SHAPES[name])
    async with asyncio.TaskGroup() as tasks:
        if tier == TIERS[-1]:
            await receive_entries(client, numbers, up)
        else:
            await receive(stream, f"floor.{name}.{tier}", up)
        if tier == TIERS[0]:
            forward = counter(client)
        else:
            subject = f"floor.{name}.{TIERS[place - 1]}"
            forward = sender(stream, subject, tasks, BUNDLE_ANSWERS)
        tasks.create_task(pump(up, keep, forward, BATCH_ANSWERS))
        print("ready", flush=True)  # the word its parent waits for
