"""The gRPC door of petitions: translate, act, translate back."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import grpc

from ducha.petition.v1 import petition_service_pb2 as pb
from ducha.petition.v1.petition_service_pb2_grpc import (
    PetitionServiceServicer,
    add_PetitionServiceServicer_to_server,
)
from tier.acting import call_of
from tier.app import App
from tier.petition import queries, settling, wire
from tier.petition.actions import decide, file
from tier.upkeep import Upkeep

Context = grpc.aio.ServicerContext[Any, Any]


class PetitionService(PetitionServiceServicer):
    """Serve `ducha.petition.v1.PetitionService`."""

    def __init__(self, app: App) -> None:
        """Answer from the database of `app`; what becomes moot is settled."""
        self._app = app
        app.tasks.create_task(Upkeep(app, settling.ABOUT, settling.settle).run())

    async def FilePetitions(
        self, request: pb.FilePetitionsRequest, context: Context
    ) -> pb.FilePetitionsResponse:
        """File petitions."""
        call = call_of(request)
        drafts = [
            wire.draft_from(one, call.division, f"petitions[{place}]")
            for place, one in enumerate(request.petitions)
        ]
        return await file.file(self._app, call, drafts)

    async def DecidePetitions(
        self, request: pb.DecidePetitionsRequest, context: Context
    ) -> pb.DecidePetitionsResponse:
        """Decide petitions."""
        wanted = [
            wire.wanted_from(one, f"decisions[{place}]")
            for place, one in enumerate(request.decisions)
        ]
        return await decide.decide(self._app, call_of(request), wanted)

    async def WithdrawPetitions(
        self, request: pb.WithdrawPetitionsRequest, context: Context
    ) -> pb.WithdrawPetitionsResponse:
        """Take petitions back."""
        ids = [UUID(text) for text in request.petition_ids]
        return await file.withdraw(self._app, call_of(request), ids)

    async def GetPetition(
        self, request: pb.GetPetitionRequest, context: Context
    ) -> pb.GetPetitionResponse:
        """Return a petition."""
        return await queries.get_petition(self._app, UUID(request.petition_id))

    async def ListPetitions(
        self, request: pb.ListPetitionsRequest, context: Context
    ) -> pb.ListPetitionsResponse:
        """Page through petitions."""
        return await queries.list_petitions(self._app, request)


def add_service(app: App, server: grpc.aio.Server) -> str:
    """Mount petitions on a tier's server."""
    add_PetitionServiceServicer_to_server(PetitionService(app), server)
    return "ducha.petition.v1.PetitionService"
