"""The link's gRPC doors: the repair road for children, and a view for operators."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from typing import Any

import grpc

from ducha.link.v1 import link_service_pb2 as pb
from ducha.link.v1.link_service_pb2_grpc import (
    LinkOperationServiceServicer,
    LinkServiceServicer,
)
from tier.app import App
from tier.identity.current import CALLER
from tier.identity.model import parse_id
from tier.link import actions, owing, rules, seals, store, view, wire
from tier.link.contact import Contacts
from tier.link.errors import NeighbourUnknown
from tier.link.repair import PAGE_BYTES, PAGE_FACTS
from tier.link.traffic import Receiver
from tier.runtime import failpoints
from tier.runtime.pages import Page

Context = grpc.aio.ServicerContext[Any, Any]


class LinkService(LinkServiceServicer):
    """Serve `ducha.link.v1.LinkService`: the parent's side of the repair road."""

    def __init__(
        self, app: App, receivers: Mapping[str, Receiver], contacts: Contacts
    ) -> None:
        """Answer the children that `receivers` names."""
        self._app = app
        self._receivers = receivers
        self._contacts = contacts

    async def Sync(self, request: pb.SyncRequest, context: Context) -> pb.SyncResponse:
        """Exchange marks with a child."""
        self._known(request.child)
        self._contacts.heard(request.child, self._app.real())
        self._contacts[request.child].head = wire.mark_from(request.up_head)
        head = await owing.confirm(
            self._app, request.child, wire.tip_from(request.down_applied)
        )
        self._contacts[request.child].met = True
        applied = await owing.applied(self._app, request.child)
        return pb.SyncResponse(
            down_head=wire.mark_to(head), up_applied=wire.tip_to(applied)
        )

    async def Replay(
        self, request: pb.ReplayRequest, context: Context
    ) -> AsyncIterator[pb.ReplayResponse]:
        """Send a child what it lacks, page by page, up to the head of now."""
        self._known(request.child)
        theirs = wire.tip_from(request.after)
        head = await owing.confirm(self._app, request.child, theirs)
        after = rules.owed_after(theirs.mark, head)
        while after < head.seq:
            run = await owing.owed(
                self._app, request.child, after, PAGE_FACTS, PAGE_BYTES
            )
            if run is None:
                return
            yield pb.ReplayResponse(bundle=seals.bundle(self._app, request.child, run))
            failpoints.reach("link.replaying")
            after = run.first + len(run.bodies) - 1

    async def Deliver(
        self, request: pb.DeliverRequest, context: Context
    ) -> pb.DeliverResponse:
        """Take what a child is owed to tell."""
        child = request.bundle.sender
        self._known(child)
        seals.check(self._app, child, request.bundle)
        await self._receivers[child].apply([request.bundle])
        return pb.DeliverResponse(
            applied=wire.tip_to(await owing.applied(self._app, child))
        )

    def _known(self, child: str) -> None:
        """Refuse a child that is not ours, or a caller that is not that child."""
        caller = CALLER.get()
        is_child = child in self._receivers and (
            caller is None
            or seals.is_neighbour(self._app.node, child, parse_id(caller.principal))
        )
        if not is_child:
            raise NeighbourUnknown(child=child, node=self._app.node.name)


class LinkOperationService(LinkOperationServiceServicer):
    """Serve `ducha.link.v1.LinkOperationService`."""

    def __init__(self, app: App, doors: actions.Doors, contacts: Contacts) -> None:
        """Show the links of `app`."""
        self._app = app
        self._doors = doors
        self._contacts = contacts

    async def ListLinks(
        self, request: pb.ListLinksRequest, context: Context
    ) -> pb.ListLinksResponse:
        """Show both directions of every link."""
        return pb.ListLinksResponse(links=await view.links(self._app, self._contacts))

    async def ListQuarantine(
        self, request: pb.ListQuarantineRequest, context: Context
    ) -> pb.ListQuarantineResponse:
        """Page through open entries."""
        page = Page.read(request.page_size, request.page_token, default=50, fields=1)
        after = page.number(0)
        async with self._app.db.reading() as tx:
            entries = await store.quarantine(tx, after, page.size + 1)
        shown = entries[: page.size]
        return pb.ListQuarantineResponse(
            facts=[wire.quarantined_to(entry) for entry in shown],
            next_page_token=page.next(
                entries, [str(one.quarantine_id) for one in shown[-1:]]
            ),
        )

    async def RetryQuarantine(
        self, request: pb.RetryQuarantineRequest, context: Context
    ) -> pb.RetryQuarantineResponse:
        """Apply an entry again."""
        await actions.retry(self._app, self._doors, request.quarantine_id)
        return pb.RetryQuarantineResponse()

    async def DropQuarantine(
        self, request: pb.DropQuarantineRequest, context: Context
    ) -> pb.DropQuarantineResponse:
        """Set an entry aside for good."""
        await actions.drop(
            self._app, request.quarantine_id, request.actor, request.reason
        )
        return pb.DropQuarantineResponse()
