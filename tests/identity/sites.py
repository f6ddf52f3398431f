"""A site with its authority and issuer, and nodes and programs that have certificates of it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import grpc

from clients.runtime.credentials import Credentials, Issuing
from deploy.authority import actions, tokens, wishes
from deploy.authority.store import Store
from deploy.authority.tokens import Person
from ducha.server.v1 import server_service_pb2_grpc as stubs
from tier.app import AddService, App
from tier.identity.model import Caller
from tier.identity.own import OwnIdentity
from tier.info import add_info_service
from tier.jurisdiction import Code, Level
from tier.node import Neighbour, Node
from tier.policy.entrance import WalledEntrance
from tier.runtime.server import OPTIONS, Door
from tier.runtime.settings import IdentitySettings, PeopleSettings

WUHUA = Node(
    "wuhua",
    Level.COUNTY,
    (Code("530102"),),
    "kunming",
    (Neighbour("streets", (Code("530102"),)),),
)
ISSUER = "https://issuer.ducha.internal"


@dataclass(slots=True)
class Site:
    """A directory of identities."""

    directory: Path
    store: Store = field(init=False)

    def __post_init__(self) -> None:
        """Make the authority."""
        self.store = Store(self.directory / "identity")
        actions.begin(self.store)

    def node(self, name: str, tier: str, hosts: Sequence[str]) -> None:
        """Give a node its certificates."""
        actions.issue(self.store, wishes.node(name, tier, hosts))

    def program(self, name: str, area: str) -> None:
        """Give a client program its certificate."""
        actions.issue(self.store, wishes.client(name, area))

    def token(self, division: str, *roles: str, subject: str = "zhang") -> str:
        """Issue a token."""
        return tokens.issue(self.store, Person(subject, division, roles, "张")).text

    def settings(self, name: str) -> tuple[IdentitySettings, PeopleSettings]:
        """Return what a node is told about itself."""
        kept = self.store.directory
        own = kept / "nodes" / name
        identity = IdentitySettings(
            certificate=own / "tls.crt",
            key=own / "tls.key",
            seal_certificate=own / "seal.crt",
            seal_key=own / "seal.key",
            authorities=kept / "ca.crt",
            crl=kept / "crl.pem",
        )
        people = PeopleSettings(
            issuer=ISSUER,
            jwks=str(kept / "jwks.json"),
            revoked_tokens=kept / "revoked_tokens.json",
        )
        return identity, people

    def identity(self, node: Node) -> OwnIdentity:
        """Return a node's identity, its certificates made if it has none."""
        if not (self.store.directory / "nodes" / node.name).exists():
            self.node(node.name, node.level.name.lower(), node.hosts)
        return OwnIdentity(*self.settings(node.name), node)

    def line(self, kind: str, name: str) -> grpc.ChannelCredentials:
        """Return the TLS half of a holder, without any token."""
        own = self.store.directory / kind / name
        return grpc.ssl_channel_credentials(
            (self.store.directory / "ca.crt").read_bytes(),
            (own / "tls.key").read_bytes(),
            (own / "tls.crt").read_bytes(),
        )

    def issuing(self) -> Issuing:
        """Return the issuer as a client program of the site uses it."""
        bearer = Credentials.load(self.directory, program="oa").bearer
        assert isinstance(bearer, Issuing)
        return bearer


class Everything:
    """Rules that let every recognised caller ask everything, and remember who did."""

    def __init__(self) -> None:
        """Begin with nobody."""
        self.callers: list[Caller] = []

    async def admit(self, method: str, request: object, caller: Caller) -> None:
        """Let them pass."""
        self.callers.append(caller)

    def turned_away(self, method: str, reason: str) -> None:
        """Nobody is to be told."""


@dataclass(frozen=True, slots=True)
class Walled:
    """A server with walls: where it listens, and who came in."""

    address: str
    entrance: WalledEntrance
    rules: Everything

    def channel(self, credentials: grpc.ChannelCredentials) -> grpc.aio.Channel:
        """Return a line to it."""
        return grpc.aio.secure_channel(self.address, credentials)

    def stub(
        self, credentials: grpc.ChannelCredentials
    ) -> stubs.ServerServiceAsyncStub:
        """Return a stub of its smallest service."""
        return stubs.ServerServiceStub(self.channel(credentials))


@asynccontextmanager
async def walled(
    identity: OwnIdentity,
    node: Node,
    app: App | None = None,
    services: Sequence[AddService] = (),
) -> AsyncIterator[Walled]:
    """Serve behind walls on loopback."""
    rules = Everything()
    entrance = WalledEntrance(identity.recognition, rules, node.hosts)
    identity.on_change(entrance.cut)
    server = grpc.aio.server(interceptors=[Door(entrance)], options=OPTIONS)
    add_info_service(node, [], server)
    for add in services:
        assert app is not None
        add(app, server)
    port = server.add_secure_port("127.0.0.1:0", identity.tls.server())
    await server.start()
    try:
        yield Walled(f"127.0.0.1:{port}", entrance, rules)
    finally:
        await server.stop(None)


def bearing(token: str) -> tuple[tuple[str, str], ...]:
    """Return the metadata that carries a token."""
    return (("authorization", f"Bearer {token}"),)
