"""Collection's gRPC door."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import grpc

from ducha.collection.v1 import collection_service_pb2 as pb
from ducha.collection.v1.collection_service_pb2_grpc import (
    CollectionServiceServicer,
    add_CollectionServiceServicer_to_server,
)
from services.township.collection import actions, conflicts, exchange, tasks
from services.township.collection.batch import Filing
from tier.app import App
from tier.runtime import requests
from tier.runtime.batch import Batcher

Context = grpc.aio.ServicerContext[Any, Any]

BATCH_ANSWERS = 256
WAITING_CALLS = 2000


class CollectionService(CollectionServiceServicer):
    """Serve `ducha.collection.v1.CollectionService`."""

    def __init__(self, app: App) -> None:
        """Answer from the database of `app`; answers are batched."""
        self._app = app
        self._filings: Batcher[Filing, bytes] = Batcher(
            lambda filings: actions.file(app, filings),
            weigh=lambda filing: len(filing.answers),
            bound=BATCH_ANSWERS,
            limit=WAITING_CALLS,
        )
        app.tasks.create_task(self._filings.run())
        app.tasks.create_task(conflicts.decide_by_default(app))

    async def ListTasks(
        self, request: pb.ListTasksRequest, context: Context
    ) -> pb.ListTasksResponse:
        """Page through open tasks."""
        return await tasks.list_tasks(self._app, request)

    async def SubmitAnswers(
        self, request: pb.SubmitAnswersRequest, context: Context
    ) -> pb.SubmitAnswersResponse:
        """Record values."""
        answer = await self._file(_filing(request))
        return pb.SubmitAnswersResponse.FromString(answer)

    async def StreamAnswers(
        self, request_iterator: AsyncIterator[pb.StreamAnswersRequest], context: Context
    ) -> AsyncIterator[pb.StreamAnswersResponse]:
        """Take batch after batch."""
        async for request in request_iterator:
            answer = await self._file(_filing(request.batch))
            yield pb.StreamAnswersResponse(
                request_id=request.batch.request_id,
                result=pb.SubmitAnswersResponse.FromString(answer),
            )

    async def ExportTasks(
        self, request: pb.ExportTasksRequest, context: Context
    ) -> pb.ExportTasksResponse:
        """Write open tasks as a workbook."""
        return await exchange.export_tasks(self._app, request)

    async def ImportAnswers(
        self, request: pb.ImportAnswersRequest, context: Context
    ) -> pb.ImportAnswersResponse:
        """Record what a workbook was filled in with."""
        return await exchange.import_answers(self._app, request, self._file)

    async def ResolveConflict(
        self, request: pb.ResolveConflictRequest, context: Context
    ) -> pb.ResolveConflictResponse:
        """Decide a conflict."""
        return await conflicts.resolve(self._app, request)

    async def _file(self, filing: Filing) -> bytes:
        """Work a call with whatever came with it, callers in turn."""
        return await self._filings.submit(filing, filing.principal)


def _filing(request: pb.SubmitAnswersRequest) -> Filing:
    """Read one call."""
    return Filing(
        requests.identify(request, request.request_id), request.actor, request.answers
    )


def add_service(app: App, server: grpc.aio.Server) -> str:
    """Mount collection on a township's server."""
    add_CollectionServiceServicer_to_server(CollectionService(app), server)
    return "ducha.collection.v1.CollectionService"
