"""Who is revoked is cut off: within five seconds, from a connection that lives."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
import pytest_asyncio

from deploy.authority import actions, certificates, register, wishes
from deploy.authority.certificates import Reason
from deploy.authority.register import Entry, Kind
from deploy.authority.store import Store
from tests.walls.nats.attacks import OWN_DOWN, OWN_UP
from tests.walls.nats.ground import ONE, PLACES, SHAPES, Ground, of
from tests.walls.nats.raw import Pub, Raw, Sub, opened
from tests.walls.nats.thieves import thief
from tier.lanes import DOWN, UP, Lane

pytestmark = pytest.mark.asyncio(loop_scope="function")

SECONDS = 5.0
PATIENCE = 15.0
"""Before a missing cut is one: a busy machine is no broken promise, five seconds are."""


@pytest_asyncio.fixture(params=SHAPES)
async def site(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Ground]:
    """A site of its own: its authority's lists are changed."""
    made = Ground(str(request.param), tmp_path)
    with made.running():
        async with made.at_work():
            yield made


def newest(store: Store, node: str) -> Entry:
    entries = register.read(store.register).of(Kind.NODE, node)
    return [one for one in entries if one.kind is Kind.NODE][-1]


def revoke(store: Store, entry: Entry) -> None:
    with store.locked():
        actions.strike(store, store.authorities(), [entry], Reason.KEY_COMPROMISE)


def renew(store: Store, node: str) -> None:
    spec = PLACES[node].spec
    with store.locked():
        wish = wishes.node(spec.name, spec.tier, spec.hosts)
        actions.write(store, store.authorities()[0], [wish])


async def cut_after(raw: Raw) -> float:
    """Return the seconds until a connection is cut."""
    began = asyncio.get_running_loop().time()
    assert await raw.until(lambda: raw.is_cut, PATIENCE), "it lives on"
    return asyncio.get_running_loop().time() - began


async def test_a_revoked_node_is_cut_off_and_stays_out(site: Ground) -> None:
    """Client or leaf node; everybody else works on, and its streams stay."""
    store = Store(site.site.identity)
    node = "longquan"
    server = site.server("wuhua")
    async with site.connected(node) as raw:
        revoke(store, newest(store, node))
        if site.shape == ONE:
            seconds = await cut_after(raw)
        else:
            seconds = await gone_from(site, "nats-longquan")
    site.links = [link for link in site.links if node not in link]
    secrets = await site.exchange()
    refused = await is_out(site, node)

    assert seconds < SECONDS
    assert secrets
    assert refused
    assert server.guard is not None
    assert server.guard.out() == {node}
    assert OWN_DOWN.stream in await site.snapshot()


async def gone_from(site: Ground, name: str) -> float:
    """Return the seconds until the parent's server has no leaf node of this name."""
    loop = asyncio.get_running_loop()
    began = loop.time()
    while name in await site.leaf_nodes("wuhua"):
        assert loop.time() - began < PATIENCE, "the leaf node lives on"
        await asyncio.sleep(0.05)
    return loop.time() - began


async def is_out(site: Ground, node: str) -> bool:
    """Whether a node's certificate opens nothing any more, by client or leaf node."""
    if site.shape != ONE:
        await asyncio.sleep(2.5)  # it dials again each second
        return f"nats-{node}" not in await site.leaf_nodes("wuhua")
    try:
        async with site.connected(node) as raw:
            return raw.is_cut and "Authorization" in " ".join(raw.errors)
    except OSError:
        return True


async def test_a_renewed_node_comes_back(site: Ground) -> None:
    """Revoked, then let in again by a new certificate: without a restart of anything."""
    store = Store(site.site.identity)
    revoke(store, newest(store, "longquan"))
    guard = site.server("wuhua").guard
    assert guard is not None
    async with asyncio.timeout(PATIENCE):
        while "longquan" not in guard.out():
            await asyncio.sleep(0.05)
    renew(store, "longquan")
    if site.shape != ONE:
        site.server("longquan").reload()
    async with asyncio.timeout(2 * PATIENCE):
        for way, sender in ((DOWN, "wuhua"), (UP, "longquan")):
            while not await carries(site, sender, of(way, "wuhua", "longquan")):
                await asyncio.sleep(0.1)

    assert not guard.out()


async def carries(site: Ground, sender: str, one: Lane) -> bool:
    """Whether a new message arrives; those of the time between are the repair's to mend."""
    word = uuid.uuid4().bytes
    if not await site.roads[sender].publish(one, word):
        return False
    try:
        async with asyncio.timeout(2):
            while word not in site.arrived[one.subject]:
                await asyncio.sleep(0.01)
    except TimeoutError:
        return False
    return True


async def test_a_stolen_old_certificate_of_a_node_that_was_renewed(
    site: Ground, tmp_path: Path
) -> None:
    """The old one is cut; if it comes back, the road is closed for a while, to both."""
    if site.shape != ONE:
        assert site.server("huashan").guard is not None
        return
    store = Store(site.site.identity)
    stolen, old = site.tls("huashan"), newest(store, "huashan")
    guard = site.server("huashan").guard
    assert guard is not None
    async with opened(site.address("huashan"), stolen) as raw:
        raw.say(Sub("_INBOX.huashan.>"))
        await raw.flush()
        renew(store, "huashan")
        async with site.connected("huashan") as honest:
            revoke(store, old)
            seconds = await cut_after(raw)
            await honest.flush()
            is_honest_alive = not honest.is_cut
        async with opened(site.address("huashan"), stolen) as again:
            again.say(Pub(OWN_UP.subject, b"again"))
            seconds_again = await cut_after(again)
    closed = guard.out()

    assert seconds < SECONDS
    assert seconds_again < SECONDS
    assert is_honest_alive
    assert closed == {"huashan"}
    assert await site.exchange()


async def test_a_list_that_nobody_of_ours_signed_cuts_nobody(site: Ground) -> None:
    """Whoever writes the file must also have the key of the authority."""
    store = Store(site.site.identity)
    now = datetime.now(UTC)
    foreign = certificates.new_authority("ducha.internal", now)
    serial = newest(store, "longquan").serial
    struck = [certificates.Revoked(serial, now, Reason.KEY_COMPROMISE)]
    forged = certificates.revocation_list(foreign, struck, 99, now)
    store.revocations.write_text(certificates.list_pem(forged))
    await asyncio.sleep(2.5)  # two looks

    assert await site.exchange()
    assert datetime.now(UTC) > now


async def test_the_thief_loses_the_road_with_the_revocation(
    site: Ground, tmp_path: Path
) -> None:
    """With a leaf node of the thief's own, or as a client: it ends within seconds."""
    store = Store(site.site.identity)
    if site.shape == ONE:
        async with thief(site, "huashan", "wuhua", None) as one:
            revoke(store, newest(store, "huashan"))
            assert await one.near.until(lambda: one.near.is_cut, SECONDS)
        return
    with site.rogue("huashan", tmp_path) as rogue:
        async with thief(site, "huashan", "wuhua", rogue):
            revoke(store, newest(store, "huashan"))
            seconds = await gone_from(site, "rogue")
            secrets = await site.exchange()

    assert seconds < SECONDS
    assert secrets
