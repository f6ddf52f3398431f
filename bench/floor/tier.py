"""One tier of the floor: keep rows, pass them on, and nothing else.

It is written to be as fast as asyncpg and nats-py let it be, for it is the yardstick:
hundreds of rows a message; whatever arrived during the last commit is the next batch,
so that idle work waits for nothing; COPY for many rows and a prepared insert for few;
a connection for each direction; publishes in flight while the next batch commits.
It keeps the one promise that Ducha also gives, that a row is durable here before it is
passed on and that a repeated message does no harm, and none of the others: no checks,
no roll-ups, no ledger, no traces, no repair.
"""

from __future__ import annotations

import asyncio
import marshal
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

import asyncpg
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.js import JetStreamContext
from nats.js.api import AckPolicy, ConsumerConfig, StorageType

TIERS = ("province", "city", "county", "township")
ISSUE = "floor.issue"
COUNTED = "floor.counted"
BUNDLE_ROWS = 512
"""Rows a message: enough to forget its cost, few enough that tiers work side by side."""
BATCH_ROWS = 4096
FEW_ROWS = 16
"""Up to here a prepared insert beats COPY."""
IN_FLIGHT = 32
STREAM_BYTES = 1 << 30

Row = tuple[str | bytes | float | list[int], ...]
"""(item, division) down; (item, division, answer) up. An entry begins with its period."""

SCHEMA = """
create table if not exists assignment (
    item text not null, division text not null, primary key (item, division));
create table if not exists result (
    item text not null, division text not null, answer bytea not null,
    primary key (item, division));
"""


@dataclass(frozen=True, slots=True)
class Letter:
    """Rows that came in one message, and how to say that they went on."""

    rows: list[Row]
    done: Callable[[], Awaitable[None]]


Keep = Callable[[list[Row]], Awaitable[None]]
Forward = Callable[[list[Row], list[Letter]], Awaitable[None]]


async def keeper(dsn: str, table: str, columns: tuple[str, ...]) -> Keep:
    """Return a function that makes rows durable, on a connection of its own."""
    connection = await asyncpg.connect(dsn)
    await connection.execute(SCHEMA)
    places = ", ".join(f"${place}" for place in range(1, len(columns) + 1))
    insert = await connection.prepare(
        f"insert into {table} values ({places}) on conflict do nothing",  # noqa: S608 - both names are ours
    )

    async def keep(rows: list[Row]) -> None:
        if len(rows) > FEW_ROWS:
            try:
                await connection.copy_records_to_table(
                    table, records=rows, columns=columns
                )
            except asyncpg.UniqueViolationError:
                pass
            else:
                return
        await insert.executemany(rows)

    return keep


async def pump(
    inbox: asyncio.Queue[Letter], keep: Keep, forward: Forward, most: int = BATCH_ROWS
) -> None:
    """Keep what arrived while the last batch was kept, then pass it on, for ever."""
    while True:
        letters = [await inbox.get()]
        rows = list(letters[0].rows)
        while not inbox.empty() and len(rows) < most:
            letters.append(inbox.get_nowait())
            rows += letters[-1].rows
        await keep(rows)
        await forward(rows, letters)


def sender(
    stream: JetStreamContext,
    subject: str,
    tasks: asyncio.TaskGroup,
    bundle: int = BUNDLE_ROWS,
) -> Forward:
    """Return a forward that publishes; letters are done when JetStream has the rows."""
    room = asyncio.Semaphore(IN_FLIGHT)

    async def publish(rows: list[Row], letters: list[Letter]) -> None:
        async with asyncio.TaskGroup() as parts:
            for start in range(0, len(rows), bundle):
                body = marshal.dumps(rows[start : start + bundle])
                parts.create_task(stream.publish(subject, body, timeout=30))
        room.release()
        for letter in letters:
            await letter.done()

    async def forward(rows: list[Row], letters: list[Letter]) -> None:
        await room.acquire()
        tasks.create_task(publish(rows, letters))

    return forward


def answerer(answers: Mapping[str, bytes], results: asyncio.Queue[Letter]) -> Forward:
    """Return the township's forward: it answers each assignment, at once."""

    async def forward(rows: list[Row], letters: list[Letter]) -> None:
        async def done() -> None:
            for letter in letters:
                await letter.done()

        answered: list[Row] = [(*row, answers[str(row[1])]) for row in rows]
        results.put_nowait(Letter(answered, done))

    return forward


def counter(client: Client) -> Forward:
    """Return the province's forward: it tells how many results of an item it keeps."""

    async def forward(rows: list[Row], letters: list[Letter]) -> None:
        counts = Counter(str(row[0]) for row in rows)
        await client.publish(COUNTED, marshal.dumps(dict(counts)))
        for letter in letters:
            await letter.done()

    return forward


async def receive(
    stream: JetStreamContext, subject: str, inbox: asyncio.Queue[Letter]
) -> None:
    """Deliver what comes on a subject into an inbox, durably."""
    name = subject.replace(".", "-")
    await stream.add_stream(
        name=name, subjects=[subject], storage=StorageType.FILE, max_bytes=STREAM_BYTES
    )

    async def take(message: Msg) -> None:
        inbox.put_nowait(Letter(marshal.loads(message.data), message.ack))  # noqa: S302 - our own rows

    await stream.subscribe(
        subject,
        durable=f"take-{name}",
        cb=take,
        manual_ack=True,
        config=ConsumerConfig(ack_policy=AckPolicy.EXPLICIT, max_ack_pending=1000),
        pending_bytes_limit=STREAM_BYTES,
    )


async def receive_issues(client: Client, inbox: asyncio.Queue[Letter]) -> None:
    """Deliver what the load driver issues; it is answered once the rows went on."""

    async def take(message: Msg) -> None:
        async def done() -> None:
            await message.respond(b"")

        item, divisions = marshal.loads(message.data)  # noqa: S302 - our own driver's
        inbox.put_nowait(Letter([(item, division) for division in divisions], done))

    await client.subscribe(ISSUE, cb=take)


async def run(
    tier: str, dsn: str, client: Client, answers: Mapping[str, bytes]
) -> None:
    """Run one tier until cancelled; says `ready` on standard output."""
    stream = client.jetstream()
    place = TIERS.index(tier)
    down: asyncio.Queue[Letter] = asyncio.Queue()
    up: asyncio.Queue[Letter] = asyncio.Queue()
    keep_down = await keeper(dsn, "assignment", ("item", "division"))
    keep_up = await keeper(dsn, "result", ("item", "division", "answer"))
    async with asyncio.TaskGroup() as tasks:
        if tier == TIERS[-1]:
            forward_down = answerer(answers, up)
        else:
            forward_down = sender(stream, f"floor.down.{TIERS[place + 1]}", tasks)
            await receive(stream, f"floor.up.{tier}", up)
        if tier == TIERS[0]:
            forward_up = counter(client)
            await receive_issues(client, down)
        else:
            forward_up = sender(stream, f"floor.up.{TIERS[place - 1]}", tasks)
            await receive(stream, f"floor.down.{tier}", down)
        tasks.create_task(pump(down, keep_down, forward_down))
        tasks.create_task(pump(up, keep_up, forward_up))
        print("ready", flush=True)  # the word its parent waits for
