"""How the refusals of the walls are met: who is not recognised, and who may not."""

from __future__ import annotations

import grpc

from deploy.authority import tokens
from deploy.authority.store import Store
from deploy.authority.tokens import Person
from ducha.server.v1.server_service_pb2 import GetServerInfoRequest
from ducha.server.v1.server_service_pb2_grpc import ServerServiceStub
from tests.doors import letters
from tests.doors.cases import Case, Met, straight
from tests.doors.tiers import Line, Tier, eventually
from tier.identity import errors
from tier.policy.errors import NotAllowed
from tier.runtime.errors import TierError


async def ask(tier: Tier, token: str = "") -> object:
    """Ask a node what it is, through the client program, with a token or none."""
    bearing = (("authorization", f"Bearer {token}"),) if token else ()
    info = ServerServiceStub(tier.way.bare).GetServerInfo
    return await info(GetServerInfoRequest(), metadata=bearing)


async def revoked(line: Line) -> Met:
    """Somebody's token is taken back; the node reads of it within seconds."""
    store = Store(line.data / "identity")
    token = tokens.issue(store, Person("li.si", "53", ("reader",), "李四"), hours=1)
    await ask(line.province, token.text)
    tokens.revoke(store, token.token_id)

    async def is_known() -> bool:
        try:
            await ask(line.province, token.text)
        except grpc.aio.AioRpcError:
            return True
        return False

    await eventually(is_known)
    return Met(line.province, lambda: ask(line.province, token.text))


CASES: dict[type[TierError], Case] = {
    errors.Unidentified: straight(
        lambda line: Met(line.city, lambda: ask(line.city)),
    ),
    errors.TokenRefused: straight(
        lambda line: Met(line.county, lambda: ask(line.county, "no.token.atall")),
    ),
    errors.IdentityRevoked: revoked,
    NotAllowed: straight(
        lambda line: Met(
            line.province,
            lambda: line.province.items.IssueItem(letters.issue("5201", division="52")),
        )
    ),
}
