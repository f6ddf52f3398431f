"""Every rpc, from every relation, in every role: let in or refused as the laws say."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path

import grpc
import pytest

from tests.identity.sites import WUHUA, Site
from tests.policy import laws
from tests.policy.calls import Rpc, handlers, rpcs
from tests.policy.walls import NEIGHBOURS, RELATIVES, TOWN, Fortress, fortress, told
from tests.servers import AnApp
from tier.app import App
from tier.identity.model import PEOPLE, Role
from tier.policy.model import Relation

LEAST = 3_000


@pytest.fixture
def site(tmp_path: Path) -> Site:
    """One authority."""
    return Site(tmp_path)


async def asked(walls: Fortress, rpc: Rpc, role: Role, relation: Relation) -> str:
    """Call as somebody of a relation; return the reason of the refusal, if it was one."""
    if role is Role.NODE:
        line, metadata = walls.as_node(NEIGHBOURS[relation])
    else:
        line, metadata = walls.as_person(RELATIVES[relation], role)
    body = rpc.request(RELATIVES["self"]).SerializeToString()
    refused = await told(rpc.call(line, body, metadata))
    return "" if refused is None else refused.reason


@dataclass(slots=True)
class Outcome:
    """What came of calls: how many, who got in, what was not as the laws say."""

    cells: int = 0
    heard: Counter[str] = field(default_factory=Counter)
    entered: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)


async def every_cell(app: App, site: Site, roles: Iterable[Role]) -> Outcome:
    """Call every rpc in some roles, from every relation."""
    every, outcome = rpcs(), Outcome()

    def mount(server: grpc.aio.Server) -> None:
        noting = handlers(every, lambda name: outcome.heard.update([name]))
        server.add_generic_rpc_handlers(tuple(noting))

    async with fortress(site, app, mount) as walls:
        for rpc, role, relation in product(every, roles, Relation):
            outcome.cells += 1
            reason = await asked(walls, rpc, role, relation)
            outcome.entered[rpc.name] += not reason
            expected = "" if relation in laws.may(rpc, role) else "NOT_ALLOWED"
            if reason != expected:
                outcome.wrong.append(f"{rpc.name} {role} {relation}: {reason!r}")
    return outcome


async def test_every_rpc_from_every_relation_in_every_role_of_people(
    an_app: AnApp, site: Site
) -> None:
    """Through the real door; handlers hear of what may pass, and of nothing else."""
    async with an_app(TOWN) as app:
        outcome = await every_cell(app, site, PEOPLE)

    assert outcome.wrong == []
    assert outcome.heard == +outcome.entered
    assert outcome.cells == len(rpcs()) * len(PEOPLE) * len(Relation)
    assert outcome.cells + len(rpcs()) * len(Relation) >= LEAST


async def test_every_rpc_from_every_relation_by_nodes(
    an_app: AnApp, site: Site
) -> None:
    """A node does what links and witnesses do, from below, and nothing else."""
    async with an_app(WUHUA) as app:
        outcome = await every_cell(app, site, [Role.NODE])

    assert outcome.wrong == []
    assert outcome.heard == +outcome.entered
