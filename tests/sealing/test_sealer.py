"""The sealer beside the work, and what the doors say of it."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import grpc
import pytest

from ducha.ledger.v1 import ledger_service_pb2 as api
from ducha.ledger.v1.ledger_service_pb2_grpc import (
    LedgerServiceStub,
)
from tests.sealing.line import (
    a_fact,
    a_pair,
    alarms,
    record,
    seal_all,
    sql,
    verified,
)
from tests.servers import Databases, refusal, served
from tier.app import App
from tier.ledger import store as ledger_store
from tier.runtime.db import Tx
from tier.sealing import store
from tier.sealing.capability import CAPABILITY
from tier.sealing.sealer import BATCH, Broken, Sealer


async def tiles_of(app: App) -> list[tuple[Any, ...]]:
    async with app.db.reading() as tx:
        rows = await tx.fetch("SELECT * FROM ledger_tile ORDER BY life, level, number")
    return [tuple(row) for row in rows]


async def test_two_sealers_and_any_interruption_make_one_tree(
    databases: Databases, tmp_path: Path
) -> None:
    """Two processes seal at once while others append: the tree is that of the facts."""
    chance = random.Random(7)
    async with a_pair(databases, tmp_path) as pair:
        app = pair.township
        sealers = [pair.sealer, Sealer(app)]

        async def append() -> None:
            for _ in range(25):
                await record(app, [a_fact(app) for _ in range(chance.randint(1, 60))])

        async def seal(sealer: Sealer) -> None:
            for _ in range(30):
                await sealer.seal()
                pair.clock.move(0.3)

        await asyncio.gather(append(), *(seal(one) for one in sealers))
        await asyncio.gather(*(seal_all(one) for one in sealers))
        pair.clock.move(2)
        await seal_all(sealers[0])
        grown = await tiles_of(app)
        size = await pair.head()
        report = verified(await pair.export(), pair.trust())

        assert report.findings == ()
        assert (report.facts, report.signed.size) == (size, size)
        await sql(app, "DELETE FROM ledger_tile")
        await sql(app, "DELETE FROM ledger_checkpoint")
        await sql(app, "UPDATE ledger_life SET sealed = 0")
        await seal_all(Sealer(app))
        assert await tiles_of(app) == grown


async def test_a_backlog_is_sealed_in_pages_and_signed_at_the_end(
    databases: Databases, tmp_path: Path
) -> None:
    async with a_pair(databases, tmp_path) as pair:
        await record(
            pair.township, [a_fact(pair.township) for _ in range(BATCH * 2 + 5)]
        )
        sealed = [await pair.sealer.seal() for _ in range(4)]

        assert sealed == [BATCH, BATCH, 5, 0]
        async with pair.township.db.reading() as tx:
            latest = await store.latest(tx)
        assert latest is not None
        assert latest.size == BATCH * 2 + 5


async def test_appending_does_not_wait_for_the_sealer(
    databases: Databases, tmp_path: Path
) -> None:
    """While the sealer reads its page, a writer appends and commits."""
    async with a_pair(databases, tmp_path) as pair:
        app = pair.township
        read, go_on = asyncio.Event(), asyncio.Event()
        go_on.set()
        real = app.db

        class Slow:
            """The database, with a pause after each page of facts."""

            def __getattr__(self, name: str) -> Any:
                return getattr(real, name)

            @asynccontextmanager
            async def reading(self) -> AsyncIterator[Tx]:
                async with real.reading() as tx:
                    yield tx
                    read.set()
                    await go_on.wait()

        sealer = Sealer(replace(app, db=Slow()))  # type: ignore[arg-type] # all of it, by attribute
        assert await sealer.seal() == 0
        await record(app, [a_fact(app)])
        read.clear()
        go_on.clear()
        sealing = asyncio.create_task(sealer.seal())
        await asyncio.wait_for(read.wait(), 60)
        await asyncio.wait_for(record(app, [a_fact(app)]), 60)
        go_on.set()

        assert await sealing == 1
        assert await seal_all(sealer) == 1


@pytest.mark.parametrize(
    ("statement", "reason"),
    [
        ("DELETE FROM ledger_fact WHERE position = 4", "LEDGER_GAP"),
        ("DELETE FROM ledger_fact WHERE position >= 2", "LEDGER_CUT"),
        ("UPDATE ledger_tile SET hashes = sha256(hashes) || hashes", "TREE_DAMAGED"),
        ("DELETE FROM ledger_tile", "TREE_DAMAGED"),
        ("UPDATE ledger_life SET sealed = 2", "TREE_DAMAGED"),
        ("UPDATE ledger_checkpoint SET note = 'x'", "TREE_DAMAGED"),
    ],
)
async def test_a_sealer_does_not_go_on_over_a_changed_ledger(
    databases: Databases, tmp_path: Path, statement: str, reason: str
) -> None:
    """At the start, and at what comes: nothing is signed over a gap; the alarm is kept."""
    async with a_pair(databases, tmp_path) as pair:
        await pair.round(3)
        await record(pair.township, [a_fact(pair.township) for _ in range(3)])
        await sql(pair.township, statement)
        sealer = Sealer(pair.township)
        with pytest.raises(Broken) as broken:
            await seal_all(sealer)
        running = asyncio.create_task(sealer.run())
        async with asyncio.timeout(60):
            while not await alarms(pair.township):
                await asyncio.sleep(0.05)
        running.cancel()

        assert broken.value.reason == reason
        assert await alarms(pair.township) == [reason]


async def test_the_running_sealer_and_cosigner_keep_up_by_themselves(
    databases: Databases, tmp_path: Path
) -> None:
    async with a_pair(databases, tmp_path) as pair:
        tasks = [
            asyncio.create_task(one.run())
            for one in (pair.above, pair.sealer, pair.cosigner)
        ]
        await record(pair.county, [a_fact(pair.county)])
        await record(pair.township, [a_fact(pair.township) for _ in range(BATCH + 3)])
        async with asyncio.timeout(60):
            while True:
                pair.clock.move(1)
                async with pair.township.db.reading() as tx:
                    cosigned = await store.latest_cosigned(tx)
                if cosigned and cosigned.size == BATCH + 3:
                    break
                await asyncio.sleep(0.05)
        for task in tasks:
            task.cancel()
        report = verified(await pair.export(), pair.trust(), await pair.witnessed())

        assert report.findings == ()
        assert report.cosigned.size == BATCH + 3


async def test_without_a_seal_the_tree_grows_and_nothing_is_signed(
    databases: Databases, tmp_path: Path
) -> None:
    async with a_pair(databases, tmp_path) as pair:
        app = replace(pair.township, identity=None)
        await record(app, [a_fact(app) for _ in range(300)])
        assert await seal_all(Sealer(app)) == 300
        stub = LedgerServiceStub(pair.own_channel)
        state = await stub.GetCheckpoint(api.GetCheckpointRequest())
        with pytest.raises(grpc.aio.AioRpcError) as export:
            await pair.export()
        with pytest.raises(grpc.aio.AioRpcError) as proof:
            await stub.ProveSubject(api.ProveSubjectRequest(subject="item"))

        assert (state.head, state.sealed_size, state.latest.size) == (300, 300, 0)
        assert refusal(export.value).reason == "NOTHING_SEALED"
        assert refusal(proof.value).reason == "NOTHING_SEALED"


async def test_checkpoints_are_paged_latest_first(
    databases: Databases, tmp_path: Path
) -> None:
    async with a_pair(databases, tmp_path) as pair:
        for _ in range(7):
            await pair.round(1)
        stub = LedgerServiceStub(pair.own_channel)
        request, sizes = api.ListCheckpointsRequest(page_size=3), list[int]()
        while True:
            page = await stub.ListCheckpoints(request)
            sizes += [one.size for one in page.checkpoints]
            request.page_token = page.next_page_token
            if not page.next_page_token:
                break
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await stub.ListWitnessed(
                api.ListWitnessedRequest(child="daguan", page_token="x")  # noqa: S106 - of a page
            )

        assert sizes == [7, 6, 5, 4, 3, 2, 1]
        assert refusal(caught.value).reason == "PAGE_TOKEN_INVALID"


async def test_head_is_that_of_the_ledger(databases: Databases, tmp_path: Path) -> None:
    async with a_pair(databases, tmp_path) as pair:
        await pair.round(3)
        async with pair.township.db.reading() as tx:
            head = await ledger_store.head(tx)
        async with served(pair.township, CAPABILITY.services) as channel:
            state = await LedgerServiceStub(channel).GetCheckpoint(
                api.GetCheckpointRequest()
            )

        assert state.head == head == state.cosigned.size
        assert state.cosign_time.seconds == int(pair.clock.now.timestamp())
