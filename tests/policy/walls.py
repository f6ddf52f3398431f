"""A node behind its real walls: TLS with certificates, tokens, the guard, the record."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import grpc

from tests.identity.sites import Site, bearing
from tests.servers import Refusal, refusal
from tier.app import App
from tier.identity.model import Role
from tier.jurisdiction import LEVELS, Code, Level
from tier.node import Node
from tier.policy.entrance import WalledEntrance
from tier.policy.guard import Guard
from tier.runtime.server import OPTIONS, Door

Metadata = tuple[tuple[str, str], ...]


@dataclass(slots=True)
class Fortress:
    """A served node, and lines to it for anybody."""

    site: Site
    address: str
    guard: Guard
    lines: dict[str, grpc.aio.Channel] = field(default_factory=dict)
    tokens: dict[tuple[str, tuple[str, ...]], str] = field(default_factory=dict)

    def as_person(
        self, division: str, *roles: Role
    ) -> tuple[grpc.aio.Channel, Metadata]:
        """Return a line of a client program of the province, and a token for it."""
        key = (division, tuple(roles))
        if key not in self.tokens:
            self.tokens[key] = self.site.token(division, *roles, subject=f"p{division}")
        return self._line("clients", f"p{division[:2]}", division[:2]), bearing(
            self.tokens[key]
        )

    def as_node(self, area: str) -> tuple[grpc.aio.Channel, Metadata]:
        """Return the line of a node that answers for an area."""
        return self._line("nodes", f"n{area}", area), ()

    def _line(self, kind: str, name: str, area: str) -> grpc.aio.Channel:
        if name not in self.lines:
            if kind == "nodes":
                tier = LEVELS[len(area)].name.lower()
                self.site.node(name, tier, [area])
            else:
                self.site.program(name, area)
            line = self.site.line(kind, name)
            self.lines[name] = grpc.aio.secure_channel(self.address, line)
        return self.lines[name]


@asynccontextmanager
async def fortress(
    site: Site, app: App, mount: Callable[[grpc.aio.Server], None]
) -> AsyncIterator[Fortress]:
    """Serve the node of `app` behind walls; `mount` adds its services."""
    identity = site.identity(app.node)
    guard = Guard(app)
    entrance = WalledEntrance(identity.recognition, guard, app.node.hosts)
    server = grpc.aio.server(interceptors=[Door(entrance)], options=OPTIONS)
    mount(server)
    port = server.add_secure_port("127.0.0.1:0", identity.tls.server())
    await server.start()
    held = Fortress(site, f"127.0.0.1:{port}", guard)
    try:
        yield held
    finally:
        for line in held.lines.values():
            await line.close()
        await server.stop(None)


async def told(call: Any) -> Refusal | None:
    """Return what a call was refused with; None if it was answered."""
    try:
        await call
    except grpc.aio.AioRpcError as error:
        return refusal(error)
    return None


RELATIVES: Mapping[str, Code] = {
    "self": Code("530102001"),
    "ancestor": Code("530102"),
    "descendant": Code("530102001001"),
    "sibling": Code("530102002"),
    "cousin": Code("530302001"),
    "other_province": Code("540102001"),
}
"""Divisions by how they stand to a township, whose code fits every field there is."""

NEIGHBOURS: Mapping[str, Code] = {
    "self": Code("530102"),
    "ancestor": Code("5301"),
    "descendant": Code("530102001"),
    "sibling": Code("530103"),
    "cousin": Code("530302"),
    "other_province": Code("540102"),
}
"""Areas of nodes by how they stand to a county's; no node is below a township."""

TOWN = Node("town", Level.TOWNSHIP, (RELATIVES["self"],), "wuhua")
