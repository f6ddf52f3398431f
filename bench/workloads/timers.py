"""Timers of all villages due at one moment: alone, and while townships report.

The moments are set by the deadlines of items that nobody answers: two announcements for
each village, of its receipt and of its report, fall due together. Then the items are
withdrawn, so that nothing else falls due.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

import asyncpg
import grpc

from bench.line import Targets
from bench.product.line import DuchaLine, Issued
from bench.product.requests import single_reports
from bench.product.terms import NEAR_PERCENT
from bench.workloads import unary

ITEMS = 4
STEPS = 2
"""Announcements of receipt and of deadline, whose moments are the same here."""

DEADLINE_SECONDS = 600.0
NEAR_SHARE = NEAR_PERCENT / 100
"""What is announced falls due after a minute; what it announces long after the sweep."""

PACE = 100
"""Reports a second while timers are worked: what 60,000 in ten minutes need."""

RETRY_SECONDS = 0.05
AGAIN = frozenset({grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.RESOURCE_EXHAUSTED})
"""What a busy node may say to a call, which its client repeats."""

QUIET_SECONDS = 8.0
SWEEP_SECONDS = 240.0
LIVE_ITEMS = 4

SPAN = """
    SELECT count(*) AS count, min(raised_at) AS first, max(raised_at) AS last
      FROM timing_raised WHERE item_id = ANY($1::uuid[])
"""
BARE = (
    ("timing_raised", "item_id = ANY($1::uuid[])"),
    ("inbox_notice", "item_id = ANY($1::uuid[])"),
)


@dataclass(frozen=True, slots=True)
class Sweep:
    """One sweep: how many timers, how long, and how calls fared before and during it."""

    timers: int
    seconds: float
    bare: float
    """Seconds to insert the same rows, and nothing else."""
    before: Sequence[float] = ()
    during: Sequence[float] = ()


class Missed(RuntimeError):
    """Timers were not worked in time: the figure is worth nothing."""

    def __init__(self, found: int, wanted: int) -> None:
        """Say how many were."""
        super().__init__(f"{found:,} of {wanted:,} timers were worked in time.")


@dataclass(slots=True)
class Calls:
    """Reports of townships, each with when it was sent and how long it took."""

    line: DuchaLine
    took: list[tuple[dt.datetime, float]] = field(default_factory=list)

    async def __call__(self, request: bytes) -> bytes:
        """Send one, again and again where it is refused: its time ends with the answer."""
        at, began = dt.datetime.now(dt.UTC), time.perf_counter()
        while True:
            try:
                answer = await self.line.report(request)
            except grpc.aio.AioRpcError as refused:
                if refused.code() not in AGAIN:
                    raise
                await asyncio.sleep(RETRY_SECONDS)
            else:
                self.took.append((at, time.perf_counter() - began))
                return answer


async def sweep(
    line: DuchaLine, dsn: str, villages: Targets, townships: Targets | None = None
) -> Sweep:
    """Let all timers of villages fall due; with `townships`, while those report."""
    database = await asyncpg.connect(dsn)
    try:
        reporting = [townships] * LIVE_ITEMS if townships else []
        live = [await _arrived(line, each) for each in reporting]
        due = asyncio.get_running_loop().time() + DEADLINE_SECONDS
        items = [
            await line.issue_unanswered(villages, DEADLINE_SECONDS)
            for _ in range(ITEMS)
        ]
        for item in items:
            await line.arrived(item)
        near = due - DEADLINE_SECONDS * (1 - NEAR_SHARE)
        ids = [item.item for item in items]
        wanted = ITEMS * STEPS * len(villages)
        before, calls = Calls(line), Calls(line)
        async with asyncio.TaskGroup() as tasks:
            if townships:
                tasks.create_task(_report(live, townships, (before, calls), near))
            span = await _worked(database, ids, wanted, near)
        bare = await _bare(database, ids)
        for item in items:
            await line.withdraw(item)
    finally:
        await database.close()
    first, last = span["first"], span["last"]
    during = [took for at, took in calls.took if first <= at <= last]
    seconds = (last - first).total_seconds()
    return Sweep(wanted, seconds, bare, [took for _, took in before.took], during)


async def _arrived(line: DuchaLine, townships: Targets) -> Issued:
    """Issue an item for townships to report on, and wait until it is there."""
    issued = await line.issue_only(townships)
    await line.arrived(issued)
    return issued


async def _report(
    live: Sequence[Issued],
    townships: Targets,
    calls: tuple[Calls, Calls],
    near: float,
) -> None:
    """Report at a pace: a while in quiet, then through the sweep; at last all that is left."""
    requests: list[bytes] = []
    for issued in live:
        requests += single_reports(issued.item, townships.codes)
    quiet = requests[: int(QUIET_SECONDS * PACE)]
    busy = requests[len(quiet) :]
    await unary.paced(calls[0], quiet, PACE)
    await asyncio.sleep(near - 1 - asyncio.get_running_loop().time())
    await unary.paced(calls[1], busy, PACE)
    for issued in live:
        await issued.counted


async def _worked(
    database: asyncpg.Connection[asyncpg.Record],
    ids: Sequence[str],
    wanted: int,
    near: float,
) -> asyncpg.Record:
    """Wait until all timers are worked; return from when to when they were.

    Raises:
        Missed: some were not.
    """
    loop = asyncio.get_running_loop()
    await asyncio.sleep(near - loop.time())
    while True:
        span = await database.fetchrow(SPAN, ids)
        if span is not None and span["count"] >= wanted:
            return span
        if loop.time() > near + SWEEP_SECONDS:
            raise Missed(0 if span is None else span["count"], wanted)
        await asyncio.sleep(1)


async def _bare(
    database: asyncpg.Connection[asyncpg.Record], ids: Sequence[str]
) -> float:
    """Insert the same rows into tables like theirs, in one transaction."""
    for table, _ in BARE:
        await database.execute(
            f"CREATE TABLE bare_{table} (LIKE {table} INCLUDING INDEXES)"
        )
    began = time.perf_counter()
    async with database.transaction():
        for table, which in BARE:
            sql = f"INSERT INTO bare_{table} SELECT * FROM {table} WHERE {which}"  # noqa: S608
            await database.execute(sql, ids)
    seconds = time.perf_counter() - began
    for table, _ in BARE:
        await database.execute(f"DROP TABLE bare_{table}")
    return seconds
