"""Lying ledgers before an honest witness, over gRPC: each is refused by its own reason."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path

import grpc
import pytest

from ducha.ledger.v1 import ledger_pb2
from ducha.ledger.v1 import ledger_service_pb2 as api
from ducha.ledger.v1.ledger_service_pb2_grpc import (
    LedgerServiceStub,
    WitnessServiceStub,
)
from tests.sealing.line import DOMAIN, Pair, a_pair
from tests.sealing.seals import AUTHORITY, TestAuthority, TestSigner
from tests.servers import Databases, refusal
from tier.identity.model import SpiffeId
from tier.jurisdiction import Code, Level
from tier.sealing import note, store, tile_store, trees
from tier.sealing.note import Checkpoint, Note
from tier.sealing.trust import micros_of

SIBLING = SpiffeId(DOMAIN, Level.TOWNSHIP, Code("530102002"), "huashan")


class Liar:
    """Makes requests as the township would, and as it would not."""

    def __init__(self, pair: Pair) -> None:
        self.pair = pair
        assert pair.township.identity is not None
        self.spiffe = pair.township.identity.spiffe
        self.signer = pair.township.identity.signer

    async def honest(self) -> api.CosignRequest:
        """Return the next request that an honest township sends."""
        async with self.pair.township.db.reading() as tx:
            latest = await store.latest(tx)
            cosigned = await store.latest_cosigned(tx)
            found = await tile_store.latest_life(tx)
            assert latest is not None
            assert found is not None
            old = cosigned.size if cosigned else 0
            proof = await trees.consistency(tx, found[0], old, latest.size)
        return api.CosignRequest(
            note=latest.note,
            certificate=self.signer.certificate,
            old_size=old,
            proof=proof,
        )

    async def said(self) -> Checkpoint:
        return Checkpoint.parse(Note.parse((await self.honest()).note).text)

    def signed(self, said: Checkpoint, signer: TestSigner | None = None) -> str:
        by = signer or AUTHORITY.seal(self.spiffe)
        self.certificate = by.certificate
        line = note.sign(said.text(), said.origin, by, by.key)
        return str(Note(said.text(), (line,)))

    async def lie(self, **changes: object) -> api.CosignRequest:
        """Return the honest request with another text, signed by a good seal of the node."""
        request = await self.honest()
        said = replace(await self.said(), **changes)  # type: ignore[arg-type]
        request.note = self.signed(said)
        request.certificate = self.certificate
        return request


async def split_view(liar: Liar) -> api.CosignRequest:
    """Another root for the size that was witnessed."""
    assert await liar.pair.cosigner.cosign()
    return await liar.lie(root=b"x" * 32)


async def rolled_back(liar: Liar) -> api.CosignRequest:
    request = await liar.lie(size=1, root=b"x" * 32)
    request.old_size = 0
    return request


async def another_history(liar: Liar) -> api.CosignRequest:
    """More facts, on a ledger that is not the one witnessed."""
    return await liar.lie(root=b"x" * 32)


async def no_proof(liar: Liar) -> api.CosignRequest:
    request = await liar.honest()
    del request.proof[:]
    return request


async def proof_of_something_else(liar: Liar) -> api.CosignRequest:
    request = await liar.honest()
    request.proof[0] = b"y" * 32
    return request


async def wrong_old_size(liar: Liar) -> api.CosignRequest:
    request = await liar.honest()
    request.old_size += 1
    return request


async def foreign_origin(liar: Liar) -> api.CosignRequest:
    """The sibling's ledger under the own seal."""
    return await liar.lie(
        origin=f"{DOMAIN}/township/53/5301/530102/530102002/huashan/1"
    )


async def foreign_life_in_the_origin(liar: Liar) -> api.CosignRequest:
    said = await liar.said()
    return await liar.lie(origin=said.origin[:-1] + "9")


async def sibling(liar: Liar) -> api.CosignRequest:
    """A node of another branch, with a seal of its own."""
    request = await liar.honest()
    by = AUTHORITY.seal(SIBLING)
    request.note = liar.signed(await liar.said(), by)
    request.certificate = by.certificate
    return request


async def foreign_authority(liar: Liar) -> api.CosignRequest:
    request = await liar.honest()
    by = TestAuthority().seal(liar.spiffe)
    request.note = liar.signed(await liar.said(), by)
    request.certificate = by.certificate
    return request


async def the_parents_own_seal(liar: Liar) -> api.CosignRequest:
    request = await liar.honest()
    assert liar.pair.county.identity is not None
    request.certificate = liar.pair.county.identity.signer.certificate
    return request


async def expired_seal(liar: Liar) -> api.CosignRequest:
    request = await liar.honest()
    by = AUTHORITY.seal(liar.spiffe, end=liar.pair.clock.now.replace(year=2021))
    request.note = liar.signed(await liar.said(), by)
    request.certificate = by.certificate
    return request


async def foreign_key(liar: Liar) -> api.CosignRequest:
    """The node's certificate, and a signature of another key."""
    request = await liar.honest()
    request.certificate = AUTHORITY.seal(liar.spiffe).certificate
    return request


async def changed_text(liar: Liar) -> api.CosignRequest:
    request = await liar.honest()
    request.note = request.note.replace("digest sha256", "digest sm3", 1)
    return request


async def another_digest(liar: Liar) -> api.CosignRequest:
    return await liar.lie(digest="sm3")


async def dated_ahead(liar: Liar) -> api.CosignRequest:
    now = micros_of(liar.pair.clock.now)
    return await liar.lie(time=now + 600_000_000)


async def no_note(liar: Liar) -> api.CosignRequest:
    request = await liar.honest()
    request.note = "nothing"
    return request


async def undeclared_life(liar: Liar) -> api.CosignRequest:
    said = await liar.said()
    return await liar.lie(life=2, origin=said.origin[:-1] + "2")


async def another_declaration(liar: Liar) -> api.CosignRequest:
    """A life whose declaration is not the one the text commits to."""
    said = await liar.said()
    request = await liar.lie(
        life=2, origin=said.origin[:-1] + "2", declaration=b"z" * 32
    )
    request.life.CopyFrom(
        ledger_pb2.Life(life=2, digest="sha256", reason="x", actor="y")
    )
    return request


LIES: list[tuple[Callable[[Liar], Awaitable[api.CosignRequest]], str, bool]] = [
    (split_view, "LEDGER_SPLIT", True),
    (rolled_back, "LEDGER_ROLLED_BACK", True),
    (another_history, "LEDGER_REWRITTEN", True),
    (no_proof, "LEDGER_REWRITTEN", True),
    (proof_of_something_else, "LEDGER_REWRITTEN", True),
    (another_digest, "LEDGER_REWRITTEN", True),
    (wrong_old_size, "WITNESSED_SIZE_DIFFERS", False),
    (foreign_origin, "ORIGIN_FOREIGN", False),
    (foreign_life_in_the_origin, "ORIGIN_FOREIGN", False),
    (sibling, "SEAL_NOT_OF_CHILD", False),
    (foreign_authority, "SEAL_NOT_OF_CHILD", False),
    (the_parents_own_seal, "SEAL_NOT_OF_CHILD", False),
    (expired_seal, "SEAL_NOT_OF_CHILD", False),
    (foreign_key, "SEAL_BROKEN", False),
    (changed_text, "SEAL_BROKEN", False),
    (dated_ahead, "CHECKPOINT_UNTIMELY", False),
    (no_note, "CHECKPOINT_UNREADABLE", False),
    (undeclared_life, "LIFE_UNDECLARED", True),
    (another_declaration, "LIFE_UNDECLARED", True),
]


async def test_lying_ledgers_are_refused_and_the_honest_one_goes_on(
    databases: Databases, tmp_path: Path
) -> None:
    """A lie changes nothing of what is witnessed; one about the ledger's state is kept."""
    async with a_pair(databases, tmp_path) as pair:
        await pair.round(5)
        stub = LedgerServiceStub(pair.line.channel)
        count = 0
        for lie, reason, alarms in LIES:
            await pair.round(6, cosign=False)
            liar = Liar(pair)
            request = await lie(liar)
            before = await pair.witnessed()
            with pytest.raises(grpc.aio.AioRpcError) as caught:
                await WitnessServiceStub(pair.line.channel).Cosign(request)

            assert (lie.__name__, refusal(caught.value).reason) == (
                lie.__name__,
                reason,
            )
            assert await pair.witnessed() == before, lie.__name__
            state = await stub.GetCheckpoint(api.GetCheckpointRequest())
            count += alarms
            assert sum(one.count for one in state.alarms) == count, lie.__name__
            assert reason in {one.reason for one in state.alarms} or not alarms
            await pair.round(1)
            size = (await pair.witnessed()).checkpoints[-1].checkpoint.size
            assert size == pair.sizes[-1], lie.__name__


async def test_a_node_without_a_seal_witnesses_nothing(
    databases: Databases, tmp_path: Path
) -> None:
    async with a_pair(databases, tmp_path) as pair:
        await pair.round(2)
        request = await Liar(pair).honest()
        async with pair.bare() as channel:
            with pytest.raises(grpc.aio.AioRpcError) as caught:
                await WitnessServiceStub(channel).Cosign(request)

        assert refusal(caught.value).reason == "WITNESS_WITHOUT_SEAL"


async def test_a_lost_answer_is_made_up_from_where_the_witness_is(
    databases: Databases, tmp_path: Path
) -> None:
    """The witness cosigned, the child never heard: the next proof begins where it says."""
    async with a_pair(databases, tmp_path) as pair:
        await pair.round(5)
        await pair.round(6, cosign=False)
        stub = WitnessServiceStub(pair.line.channel)
        await stub.Cosign(await Liar(pair).honest())
        await pair.round(3, cosign=False)
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await pair.cosigner.cosign()

        assert refusal(caught.value).reason == "WITNESSED_SIZE_DIFFERS"
        assert await pair.cosigner.cosign()
        sizes = [one.checkpoint.size for one in (await pair.witnessed()).checkpoints]
        assert sizes == [5, 11, 14]
