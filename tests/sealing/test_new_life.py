"""A ledger restored from a backup: refused, until an operator declares a new life."""

from __future__ import annotations

from pathlib import Path
from uuid import uuid4

import grpc
import pytest

from ducha.ledger.v1 import ledger_service_pb2 as api
from ducha.ledger.v1.ledger_service_pb2_grpc import (
    LedgerServiceStub,
    WitnessServiceStub,
)
from tests.sealing.handling import restore
from tests.sealing.line import (
    Pair,
    a_pair,
    alarms,
    sql,
    verified,
)
from tests.servers import Databases, refusal
from tier.app import App
from tier.sealing import store
from tier.sealing.sealer import Sealer


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
