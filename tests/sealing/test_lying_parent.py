"""A lying parent before an honest child: nothing of a lie is kept."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import grpc
import pytest

from ducha.ledger.v1 import ledger_service_pb2 as api
from ducha.ledger.v1.ledger_service_pb2_grpc import (
    WitnessServiceServicer,
    WitnessServiceStub,
    add_WitnessServiceServicer_to_server,
)
from tests.sealing.line import (
    Pair,
    a_pair,
)
from tests.sealing.seals import AUTHORITY
from tests.servers import Databases, served
from tier.app import App
from tier.sealing import note, store
from tier.sealing.cosigner import Unbelievable
from tier.sealing.note import Checkpoint, Note

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
