"""The gRPC doors of the ledger's proofs: for those who check, and for the child's checkpoints."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import grpc

from ducha.ledger.v1 import ledger_service_pb2 as pb
from ducha.ledger.v1.ledger_service_pb2_grpc import (
    LedgerServiceServicer,
    WitnessServiceServicer,
    add_LedgerServiceServicer_to_server,
    add_WitnessServiceServicer_to_server,
)
from tier.app import App
from tier.runtime.pages import Page
from tier.sealing import actions, queries, store, tile_store, wire, witness
from tier.sealing.note import Note

Context = grpc.aio.ServicerContext[Any, Any]

PAGE_ROWS = 50
ALARMS_SHOWN = 100
NEVER = 2**31 - 1
"""A life that no ledger reaches: the page token before the latest checkpoint."""


class LedgerService(LedgerServiceServicer):
    """Serve `ducha.ledger.v1.LedgerService`."""

    def __init__(self, app: App) -> None:
        """Answer from the database of `app`."""
        self._app = app

    async def GetCheckpoint(
        self, request: pb.GetCheckpointRequest, context: Context
    ) -> pb.GetCheckpointResponse:
        """Show how far the ledger is sealed."""
        async with self._app.db.reading() as tx:
            latest = await store.latest(tx)
            cosigned = await store.latest_cosigned(tx)
            life = await tile_store.latest_life(tx)
            response = pb.GetCheckpointResponse(
                head=await queries.head(tx),
                sealed_size=life[1] if life else 0,
                lives=map(wire.life_to, await tile_store.lives(tx)),
                alarms=map(wire.alarm_to, await store.alarms(tx, ALARMS_SHOWN)),
            )
        if latest is not None:
            response.latest.CopyFrom(wire.checkpoint_to(latest))
        if cosigned is not None:
            response.cosigned.CopyFrom(wire.checkpoint_to(cosigned))
            seconds = Note.parse(cosigned.note).cosign_seconds() or 0
            response.cosign_time.FromSeconds(seconds)
        return response

    async def ListCheckpoints(
        self, request: pb.ListCheckpointsRequest, context: Context
    ) -> pb.ListCheckpointsResponse:
        """Page through checkpoints, latest first."""
        page = Page.read(
            request.page_size, request.page_token, default=PAGE_ROWS, fields=2
        )
        before = (min(page.number(0), NEVER), page.number(1)) if page.after else None
        async with self._app.db.reading() as tx:
            found = await store.checkpoints_before(
                tx, before or (NEVER, 0), page.size + 1
            )
        shown = found[: page.size]
        last = [part for one in shown[-1:] for part in (str(one.life), str(one.size))]
        return pb.ListCheckpointsResponse(
            checkpoints=map(wire.checkpoint_to, shown),
            next_page_token=page.next(found, last),
        )

    async def ExportLedger(
        self, request: pb.ExportLedgerRequest, context: Context
    ) -> AsyncIterator[pb.ExportLedgerResponse]:
        """Stream the ledger with what proves it."""
        async for records in queries.export(self._app):
            yield pb.ExportLedgerResponse(records=records)

    async def ProveSubject(
        self, request: pb.ProveSubjectRequest, context: Context
    ) -> pb.ProveSubjectResponse:
        """Prove the facts about one subject."""
        return pb.ProveSubjectResponse(
            proof=await queries.prove(self._app, request.subject)
        )

    async def ListWitnessed(
        self, request: pb.ListWitnessedRequest, context: Context
    ) -> pb.ListWitnessedResponse:
        """Page through what was cosigned for a child."""
        page = Page.read(
            request.page_size, request.page_token, default=PAGE_ROWS, fields=2
        )
        after = (min(page.number(0), NEVER), page.number(1)) if page.after else (0, 0)
        async with self._app.db.reading() as tx:
            found = await store.witnessed(tx, request.child, after, page.size + 1)
            shown = found[: page.size]
            needed = {one for each in shown for one in (each.signer, each.witness)}
            ders = await store.certificates(tx, needed)
            lives = await store.witnessed_lives(tx, request.child)
        last = [part for one in shown[-1:] for part in (str(one.life), str(one.size))]
        return pb.ListWitnessedResponse(
            checkpoints=map(wire.witnessed_to, shown),
            certificates=wire.certificates_to(ders),
            lives=map(wire.life_to, lives),
            next_page_token=page.next(found, last),
        )

    async def DeclareNewLife(
        self, request: pb.DeclareNewLifeRequest, context: Context
    ) -> pb.DeclareNewLifeResponse:
        """Begin a new life of the ledger."""
        return await actions.declare_new_life(self._app, request)


class WitnessService(WitnessServiceServicer):
    """Serve `ducha.ledger.v1.WitnessService`: the parent's side of witnessing."""

    def __init__(self, app: App) -> None:
        """Witness for the children of `app`."""
        self._app = app

    async def Cosign(
        self, request: pb.CosignRequest, context: Context
    ) -> pb.CosignResponse:
        """Cosign a child's checkpoint."""
        return await witness.cosign(self._app, request)


def add_ledger_service(app: App, server: grpc.aio.Server) -> str:
    """Mount the door of those who check."""
    add_LedgerServiceServicer_to_server(LedgerService(app), server)
    return "ducha.ledger.v1.LedgerService"


def add_witness_service(app: App, server: grpc.aio.Server) -> str:
    """Mount the door of children."""
    add_WitnessServiceServicer_to_server(WitnessService(app), server)
    return "ducha.ledger.v1.WitnessService"
