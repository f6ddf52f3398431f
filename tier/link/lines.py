"""All links of a node, put together: open them, run them, serve their doors."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence
from pathlib import Path

import grpc

from ducha.link.v1 import link_service_pb2_grpc as stubs
from tier import ledger
from tier.app import App, Capability
from tier.identity.model import area_of
from tier.jurisdiction import Level
from tier.lanes import DOWN, UP, Lane
from tier.link import actions, rpc, store
from tier.link.actions import Doors
from tier.link.contact import Contacts
from tier.link.gauges import Gauges
from tier.link.parent_line import ParentLine
from tier.link.repair import Repair
from tier.link.road import Road
from tier.link.traffic import Receiver, Sender
from tier.node import Neighbour, Node
from tier.runtime.errors import TierError

NEWS_SECONDS = 1.0
CHILD_NEWS_SECONDS = 10.0
"""From below there is news all the time, and seldom any that an early fact waited for."""
SCHEMA = Path(__file__).parent / "schema"


class Lines:
    """The links of one node."""

    def __init__(
        self,
        app: App,
        capabilities: Sequence[Capability],
        road_: Road,
        contacts: Contacts,
    ) -> None:
        """Link `app` with its neighbours; facts go to the doors of `capabilities`."""
        self._app = app
        self._capabilities = capabilities
        self._road = road_
        self._contacts = contacts
        self._doors: Doors = {
            kind: door
            for capability in capabilities
            for kind, door in capability.kinds.items()
        }
        node = app.node
        self._down = {child.name: _below(node, DOWN, child) for child in node.children}
        self._up = {child.name: _below(node, UP, child) for child in node.children}
        self._children = {
            name: self._receiver(lane, name) for name, lane in self._up.items()
        }

    async def open(self) -> None:
        """Make room for every neighbour; greet a child whose link is new."""
        now = self._app.now()
        names = [child.name for child in self._app.node.children]
        for name in [*names, *filter(None, [self._app.node.parent])]:
            async with self._app.db.transaction() as tx:
                await store.open_link(tx, name)
                new = await ledger.store.open_lane(tx, name, int(now.timestamp()))
                if new and name != self._app.node.parent:
                    for capability in self._capabilities:
                        if capability.greet is not None:
                            entries = await capability.greet(self._app, tx, name)
                            await ledger.append(tx, self._app.feed, entries, now)

    def run(self, parent_line: ParentLine | None) -> None:
        """Start the traffic in the app's task group."""
        node, tasks = self._app.node, self._app.tasks
        own = [*self._down.values(), *self._up.values()]
        tasks.create_task(Gauges(self._app, self._contacts).run())
        tasks.create_task(self._road.run(own))
        for name, lane in self._down.items():
            self._send(lane, name)
            self._receive(self._children[name])
        if node.parent is not None and parent_line is not None:
            self._send(_above(node, UP, node.parent), node.parent)
            receiver = self._receiver(_above(node, DOWN, node.parent), node.parent)
            self._receive(receiver)
            repair = Repair(
                self._app, parent_line, node.parent, receiver, self._contacts
            )
            tasks.create_task(repair.run())
            tasks.create_task(self._retry_early(node.parent, NEWS_SECONDS))
        for name in self._children:
            tasks.create_task(self._retry_early(name, CHILD_NEWS_SECONDS))

    async def _retry_early(self, neighbour: str, pause: float) -> None:
        """After news from a neighbour, try again what came too early; once a `pause` at most."""
        news = self._contacts[neighbour].news
        while True:
            await news.wait()
            news.clear()
            await asyncio.sleep(pause)
            with contextlib.suppress(TierError):
                await actions.retry_early(self._app, self._doors)

    def add_services(self, server: grpc.aio.Server) -> list[str]:
        """Mount the link's doors; return the services' names."""
        stubs.add_LinkServiceServicer_to_server(
            rpc.LinkService(self._app, self._children, self._contacts), server
        )
        stubs.add_LinkOperationServiceServicer_to_server(
            rpc.LinkOperationService(self._app, self._doors, self._contacts), server
        )
        return ["ducha.link.v1.LinkService", "ducha.link.v1.LinkOperationService"]

    def _receiver(self, lane: Lane, name: str) -> Receiver:
        return Receiver(
            self._app, self._doors, self._road, lane, name, contacts=self._contacts
        )

    def _receive(self, receiver: Receiver) -> None:
        self._app.tasks.create_task(receiver.pull())
        self._app.tasks.create_task(receiver.run())

    def _send(self, lane: Lane, name: str) -> None:
        sender = Sender(self._app, self._road, lane, name, self._contacts[name])
        self._app.feed.listen(sender.offer)
        self._app.tasks.create_task(sender.run())


def _below(node: Node, way: str, child: Neighbour) -> Lane:
    """Name a lane between a node and its child."""
    return Lane(way, node.level, node.name, area_of(child.hosts), child.name)


def _above(node: Node, way: str, parent: str) -> Lane:
    """Name a lane between a node and its parent, which is one tier up."""
    return Lane(way, Level(node.level - 1), parent, area_of(node.hosts), node.name)
