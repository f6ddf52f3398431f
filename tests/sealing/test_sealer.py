"""The sealer beside the work, the cosigner before a lying parent, a new life after a restore."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import uuid4

import grpc
import pytest

from ducha.ledger.v1 import ledger_service_pb2 as api
from ducha.ledger.v1.ledger_service_pb2_grpc import (
    LedgerServiceStub,
    WitnessServiceServicer,
    WitnessServiceStub,
    add_WitnessServiceServicer_to_server,
)
from tests.sealing.administrator import restore
from tests.sealing.line import Pair, a_fact, a_pair, record, seal_all, verified
from tests.sealing.seals import AUTHORITY
from tests.servers import Databases, refusal, served
from tier.app import App
from tier.ledger import store as ledger_store
from tier.runtime.db import Tx
from tier.sealing import note, store
from tier.sealing.capability import CAPABILITY
from tier.sealing.cosigner import Unbelievable
from tier.sealing.note import Checkpoint, Note
from tier.sealing.sealer import BATCH, Broken, Sealer


async def tiles_of(app: App) -> list[tuple[Any, ...]]:
    async with app.db.reading() as tx:
        rows = await tx.fetch("SELECT * FROM ledger_tile ORDER BY life, level, number")
    return [tuple(row) for row in rows]


async def sql(app: App, statement: str, *arguments: object) -> None:
    async with app.db.transaction() as tx:
        await tx.execute(statement, *arguments)


async def alarms(app: App) -> list[str]:
    async with app.db.reading() as tx:
        return [one.alarm.reason for one in await store.alarms(tx, 100)]


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


# --- a restore, and a new life ------------------------------------------------------


async def backup(app: App, size: int) -> None:
    """Put the township's tables back to what they were at a checkpoint."""
    async with app.db.transaction() as tx:
        await tx.execute("UPDATE ledger_head SET position = $1", size)
        await restore(tx, size)


async def declare(
    pair: Pair, reason: str = "从备份恢复", digest: str = ""
) -> api.DeclareNewLifeResponse:
    stub = LedgerServiceStub(pair.own_channel)
    request = api.DeclareNewLifeRequest(
        request_id=str(uuid4()), actor="王", reason=reason, digest=digest
    )
    return await stub.DeclareNewLife(request)


@pytest.mark.parametrize("digest", ["", "sm3"])
async def test_a_restored_ledger_is_refused_until_a_new_life_is_declared(
    databases: Databases, tmp_path: Path, digest: str
) -> None:
    """Refused as rolled back, then as another; declared, it goes on, and all of it is on record."""
    async with a_pair(databases, tmp_path) as pair:
        for count in (300, 20, 20):
            await pair.round(count)
        await backup(pair.township, 300)
        pair.sealer = Sealer(pair.township)
        for count, reason in (
            (5, "LEDGER_ROLLED_BACK"),
            (90, "WITNESSED_SIZE_DIFFERS"),
            (1, "LEDGER_REWRITTEN"),
        ):
            with pytest.raises(grpc.aio.AioRpcError) as caught:
                await pair.round(count)
            assert refusal(caught.value).reason == reason
        before = verified(await pair.export(), pair.trust(), await pair.witnessed())

        response = await declare(pair, digest=digest)
        await pair.round(10)
        await pair.round(5)
        witnessed = await pair.witnessed()
        report = verified(await pair.export(), pair.trust(), witnessed)

        assert not before.is_whole
        assert (response.life.life, response.life.before_size) == (2, 396)
        assert report.findings == ()
        assert report.cosigned.size == 411
        assert any("given up" in one.en for one in report.notices)
        assert [(one.life, one.reason) for one in witnessed.lives] == [
            (2, "从备份恢复")
        ]
        assert await alarms(pair.county) == [
            "NEW_LIFE",
            "LEDGER_REWRITTEN",
            "LEDGER_ROLLED_BACK",
        ]
        assert "NEW_LIFE" in await alarms(pair.township)


async def test_a_declaration_cannot_be_changed_later_nor_made_up(
    databases: Databases, tmp_path: Path
) -> None:
    async with a_pair(databases, tmp_path) as pair:
        await pair.round(5)
        await declare(pair)
        await pair.round(5)
        records, witnessed = await pair.export(), await pair.witnessed()
        for one in records:
            if one.life.life == 2:
                one.life.reason = "例行维护"
        for history in (witnessed, None):
            report = verified(records, pair.trust(), history)
            assert [str(one.kind) for one in report.findings] == ["life"]
        # A life that nobody declared to the parent whitewashes nothing.
        await sql(
            pair.township,
            "INSERT INTO ledger_life VALUES (3, 'sha256', '', '', 0, 0, 0)",
        )
        await sql(
            pair.township, "UPDATE ledger_fact SET body = '\\x00' WHERE position = 2"
        )
        report = verified(await pair.export(), pair.trust(), witnessed)
        assert report.first is not None
        assert report.first.first == 2
        assert report.first.is_exact


async def test_the_copy_of_a_node_that_stayed_in_the_old_life_is_refused(
    databases: Databases, tmp_path: Path
) -> None:
    async with a_pair(databases, tmp_path) as pair:
        await pair.round(5)
        await pair.round(5, cosign=False)
        stale = await request_of(pair)
        await declare(pair)
        await pair.round(5)
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await WitnessServiceStub(pair.line.channel).Cosign(stale)

        assert refusal(caught.value).reason == "LIFE_OVER"


async def request_of(pair: Pair) -> api.CosignRequest:
    async with pair.township.db.reading() as tx:
        latest = await store.latest(tx)
        assert latest is not None
        (certificate,) = await store.certificates(tx, [latest.signer])
    return api.CosignRequest(note=latest.note, certificate=certificate, old_size=5)


async def test_declaring_twice_with_one_request_id_is_one_life(
    databases: Databases, tmp_path: Path
) -> None:
    async with a_pair(databases, tmp_path) as pair:
        await pair.round(2)
        stub = LedgerServiceStub(pair.own_channel)
        request = api.DeclareNewLifeRequest(
            request_id=str(uuid4()), actor="王", reason="x"
        )
        first = await stub.DeclareNewLife(request)
        again = await stub.DeclareNewLife(request)
        request.reason = "y"
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await stub.DeclareNewLife(request)

        assert first == again
        assert refusal(caught.value).reason == "REQUEST_ID_REUSED"


# --- a lying parent -------------------------------------------------------------------

Lie = Callable[["LyingWitness", api.CosignResponse], None]


class LyingWitness(WitnessServiceServicer):
    """A parent that answers truly, and then changes its answer."""

    def __init__(self, pair: Pair, lie: Lie) -> None:
        self.pair = pair
        self.lie = lie
        self.honest = pair.line.channel

    async def Cosign(
        self, request: api.CosignRequest, context: Any
    ) -> api.CosignResponse:
        response = await WitnessServiceStub(self.honest).Cosign(request)
        self.lie(self, response)
        return response

    def beacon(self, response: api.CosignResponse, **changes: object) -> None:
        """Sign another beacon with the parent's own seal."""
        identity = self.pair.county.identity
        assert identity is not None
        by = AUTHORITY.seal(identity.spiffe)
        said = Checkpoint.parse(Note.parse(response.beacon).text)
        text = replace(said, **changes).text()  # type: ignore[arg-type]
        line = note.sign(text, said.origin, by, by.key)
        response.beacon = str(Note(text, (line,)))
        response.beacon_certificate = by.certificate


def no_cosignature(liar: LyingWitness, response: api.CosignResponse) -> None:
    response.cosignature = "— nobody QUJDREVGR0g="


def cosignature_of_the_child_itself(
    liar: LyingWitness, response: api.CosignResponse
) -> None:
    identity = liar.pair.township.identity
    assert identity is not None
    response.certificate = identity.signer.certificate


def shrunk_beacon(liar: LyingWitness, response: api.CosignResponse) -> None:
    liar.beacon(response, size=1)


def split_beacon(liar: LyingWitness, response: api.CosignResponse) -> None:
    liar.beacon(response, root=b"x" * 32)


def beacon_without_proof(liar: LyingWitness, response: api.CosignResponse) -> None:
    del response.beacon_proof[:]


def beacon_of_the_child(liar: LyingWitness, response: api.CosignResponse) -> None:
    """A checkpoint of the child's own is no word of its parent."""
    identity = liar.pair.township.identity
    assert identity is not None
    by = AUTHORITY.seal(identity.spiffe)
    said = Checkpoint.parse(Note.parse(response.beacon).text)
    origin = f"{str(identity.spiffe).removeprefix('spiffe://')}/1"
    text = replace(said, origin=origin).text()
    response.beacon = str(Note(text, (note.sign(text, origin, by, by.key),)))
    response.beacon_certificate = by.certificate


LIES: dict[Lie, str] = {
    no_cosignature: "WITNESS_UNBELIEVABLE",
    cosignature_of_the_child_itself: "WITNESS_UNBELIEVABLE",
    beacon_of_the_child: "WITNESS_UNBELIEVABLE",
    shrunk_beacon: "BEACON_SHRANK",
    split_beacon: "BEACON_SPLIT",
    beacon_without_proof: "BEACON_SPLIT",
}


async def test_a_lying_parent_is_not_believed(
    databases: Databases, tmp_path: Path
) -> None:
    """Nothing of a lie is kept: no cosignature, no beacon; the truth is taken after it."""
    async with a_pair(databases, tmp_path) as pair:
        for _ in range(3):
            await pair.round(2)
        honest = pair.line.channel
        for lie, reason in LIES.items():
            await pair.round(2, cosign=False)
            before = await kept(pair.township)

            def add(app: App, server: grpc.aio.Server, lie: Lie = lie) -> str:
                add_WitnessServiceServicer_to_server(LyingWitness(pair, lie), server)
                return ""

            async with served(pair.county, [add]) as channel:
                pair.line.channel = channel
                with pytest.raises(Unbelievable) as caught:
                    await pair.cosigner.cosign()
                pair.line.channel = honest

            assert (lie.__name__, caught.value.reason) == (lie.__name__, reason)
            assert await kept(pair.township) == before, lie.__name__
            await pair.round(1, cosign=False)
            await cosign_until_done(pair)


async def cosign_until_done(pair: Pair) -> None:
    """The witness had cosigned before it lied: the first try only learns that."""
    try:
        await pair.cosigner.cosign()
    except grpc.aio.AioRpcError:
        assert await pair.cosigner.cosign()


async def kept(app: App) -> tuple[Any, Any]:
    async with app.db.reading() as tx:
        return await store.latest_cosigned(tx), await store.latest_beacon(tx)


# --- what the doors say ------------------------------------------------------------------


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
