"""What an operator does to a ledger's proofs: declare that a new life begins."""

from __future__ import annotations

from ducha.ledger.v1 import ledger_service_pb2 as pb
from tier.app import App
from tier.runtime import requests
from tier.runtime.errors import Contended, RequestIdReused
from tier.sealing import store, tile_store, wire
from tier.sealing.model import Alarm, Life
from tier.sealing.trust import micros_of


async def declare_new_life(
    app: App, request: pb.DeclareNewLifeRequest
) -> pb.DeclareNewLifeResponse:
    """Begin a new life of the ledger, with a tree of its own; on record for good.

    Raises:
        RequestIdReused: the id was used for other content.
        Contended: another declaration was first.
    """
    response = pb.DeclareNewLifeResponse()
    asked = requests.identify(request, request.request_id)
    async with app.db.transaction() as tx:
        answers = await requests.answered(tx, [asked])
        before = answers.get(asked.request_id)
        if isinstance(before, RequestIdReused):
            raise before
        if before is not None:
            response.ParseFromString(before)
            return response
        before_it, size = await tile_store.latest_life(tx) or (Life(1, "sha256"), 0)
        now = app.now()
        life = Life(
            number=before_it.number + 1,
            digest=request.digest or before_it.digest,
            reason=request.reason,
            actor=request.actor,
            declared_at=micros_of(now),
            before_size=size,
        )
        if not await tile_store.begin_life(tx, life):
            raise Contended
        detail = f"life {life.number} was declared by {life.actor}: {life.reason}"
        alarm = Alarm(app.node.name, "NEW_LIFE", detail)
        await store.raise_alarm(tx, alarm, now)
        response.life.CopyFrom(wire.life_to(life))
        await requests.keep(tx, [(asked, response.SerializeToString())])
    return response
