"""A small province on NATS with walls, in both shapes, honest nodes at work on it.

yunnan - kunming - wuhua   - huashan    whose certificate was stolen
                           - longquan   an honest sibling
                           - dabanqiao  away; two messages taken, none acknowledged
                 - panlong - qingyun    cousins
"""

from __future__ import annotations

import asyncio
import functools
import itertools
import json
import ssl
import subprocess
import time
import urllib.request
from collections import defaultdict
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import ExitStack, asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

from deploy.embedded import identities, nats
from deploy.embedded.nats import NatsServer
from deploy.embedded.ports import free_port, is_free
from deploy.embedded.site import Site
from deploy.embedded.topology import NodeSpec, Place, arrange
from deploy.nats.permissions import lane
from tests.walls.nats.raw import Address, Pub, Raw, Sub, opened
from tier.lanes import DOWN, UP, Lane
from tier.link.road import Road, tls_context

ONE, CHAIN = "one server for all", "a chain of leaf nodes"
SHAPES = (ONE, CHAIN)
NODES = (
    NodeSpec("province", "yunnan", ("53",)),
    NodeSpec("city", "kunming", ("5301",)),
    NodeSpec("county", "wuhua", ("530102",)),
    NodeSpec("county", "panlong", ("530103",)),
    NodeSpec("township", "huashan", ("530102001",)),
    NodeSpec("township", "longquan", ("530102002",)),
    NodeSpec("township", "dabanqiao", ("530102003",)),
    NodeSpec("township", "qingyun", ("530103001",)),
)
PLACES = {place.spec.name: place for place in arrange(NODES)}
HONEST = ("kunming", "wuhua", "panlong", "longquan", "qingyun")
LINKS = (
    ("kunming", "wuhua"), ("kunming", "panlong"),
    ("wuhua", "longquan"), ("panlong", "qingyun"),
)  # fmt: skip
SECONDS = 20.0

# What a thief's own server passes on, so that answers come back.
PASSED_ON = ("ducha.>", "$JS.>", "$SYS.>", "_INBOX.longquan.>", "_INBOX.wuhua.>")
ROGUE_ACCOUNTS = (
    "accounts {\n  far { users: [{user: far, password: far}], exports: [\n"
    + "".join(f'    {{service: "{one}", response: stream}}\n' for one in PASSED_ON)
    + "  ] }\n  near { users: [{user: near, password: near}], imports: [\n"
    + "".join(
        f'    {{service: {{account: far, subject: "{one}"}}}}\n' for one in PASSED_ON
    )
    + "  ] }\n}\n"
)

Snapshot = dict[str, dict[str, object]]


def of(way: str, parent: str, child: str) -> Lane:
    """Name a lane by its nodes."""
    return lane(way, PLACES[parent].spec, PLACES[child].spec)


def own_lanes(place: Place) -> list[Lane]:
    """Name the lanes that a node is the parent of."""
    return [
        lane(way, place.spec, child) for child in place.children for way in (DOWN, UP)
    ]


async def ended(tasks: Sequence[asyncio.Task[None]]) -> None:
    """Cancel tasks until they ended: one under way in a library may not hear the first time."""
    async with asyncio.timeout(30):
        waiting = {task for task in tasks if not task.done()}
        while waiting:
            for task in waiting:
                task.cancel()
            _, waiting = await asyncio.wait(waiting, timeout=1)


class Ground:
    """The servers of one shape, and who works on them."""

    def __init__(self, shape: str, data: Path) -> None:
        """Make identities; nothing runs yet."""
        self.shape = shape
        self.site = Site(data, list(PLACES.values()), {})
        self.servers = self.site.nats(walls=True, chain=shape == CHAIN)
        identities.ensure(
            self.site.identity, list(PLACES.values()), "53", list(self.servers)
        )
        self.roads: dict[str, Road] = {}
        self.arrived: dict[str, list[bytes]] = defaultdict(list)
        self._tasks: list[asyncio.Task[None]] = []
        self._numbers = itertools.count(1)
        self.links: list[tuple[str, str]] = []

    @contextmanager
    def running(self) -> Iterator[Ground]:
        """Run every server."""
        with ExitStack() as stack:
            for server in self.servers.values():
                stack.enter_context(server)
            yield self

    def server(self, node: str) -> NatsServer:
        """Return the server that a node connects to."""
        return self.servers.get(f"nats-{node}") or self.servers["nats"]

    def address(self, node: str) -> Address:
        """Return where a node connects."""
        return "127.0.0.1", self.server(node).port

    def tls(self, node: str) -> ssl.SSLContext:
        """Return what a node proves itself by."""
        folder = self.site.identity / "nodes" / node
        bundle = self.site.identity / "ca.crt"
        return tls_context(folder / "tls.crt", folder / "tls.key", bundle)

    @asynccontextmanager
    async def at_work(self, without: str = "") -> AsyncIterator[Ground]:
        """Let the honest nodes work, one perhaps not; begin once every link carries."""
        self.links = [link for link in LINKS if without not in link]
        for node in HONEST:
            if node == without:
                continue
            tls = functools.partial(self.tls, node)
            road = self.roads[node] = Road(self.server(node).url, node, tls=tls)
            self._start(road.run(own_lanes(PLACES[node])))
        for parent, child in self.links:
            self._start(self._take(child, of(DOWN, parent, child)))
            self._start(self._take(parent, of(UP, parent, child)))
        for child in () if without == "wuhua" else ("huashan", "dabanqiao"):
            self._start(self._take("wuhua", of(UP, "wuhua", child)))
        try:
            await self._carrying()
            if without != "wuhua":
                await self._leave_unfinished()
            yield self
        finally:
            await ended(self._tasks)
            for road in self.roads.values():
                await road.close()

    def _start(self, work: object) -> None:
        assert asyncio.iscoroutine(work)
        self._tasks.append(asyncio.create_task(work))

    async def _take(self, node: str, one: Lane) -> None:
        async for message in self.roads[node].messages(one):
            self.arrived[one.subject].append(message.data)
            await message.ack()

    async def _carrying(self) -> None:
        async with asyncio.timeout(SECONDS):
            for parent, child in self.links:
                while not await self.roads[parent].publish(
                    of(DOWN, parent, child), b"-"
                ):
                    await asyncio.sleep(0.05)
                while not await self.roads[child].publish(of(UP, parent, child), b"-"):
                    await asyncio.sleep(0.05)
        await self._acknowledged()

    async def _leave_unfinished(self) -> None:
        """Let dabanqiao take two of three messages and go away without a word."""
        one = of(DOWN, "wuhua", "dabanqiao")
        for _ in range(3):
            assert await self.roads["wuhua"].publish(one, b"for dabanqiao")
        async with self.connected("huashan") as raw:
            raw.say(Sub("_INBOX.huashan.*"))
            raw.say(Pub(of(UP, "wuhua", "huashan").subject, b"-", "_INBOX.huashan.1"))
            assert await raw.until(lambda: raw.heard)
        async with self.connected("dabanqiao") as raw:
            raw.say(Sub("_INBOX.dabanqiao.*"))
            ask = json.dumps({"batch": 2, "no_wait": True}).encode()
            raw.say(Pub(one.ask, ask, "_INBOX.dabanqiao.1"))
            assert await raw.until(lambda: len(raw.on(one.subject)) == 2), raw.heard

    @asynccontextmanager
    async def connected(self, node: str) -> AsyncIterator[Raw]:
        """Connect with a node's certificate to where it always connects."""
        async with opened(self.address(node), self.tls(node)) as raw:
            yield raw

    async def exchange(self) -> list[bytes]:
        """Carry one secret over every honest lane; return the secrets."""
        secrets = []
        for parent, child in self.links:
            for sender, one in (
                (parent, of(DOWN, parent, child)),
                (child, of(UP, parent, child)),
            ):
                secret = f"secret {next(self._numbers)} of {one.subject}".encode()
                assert await self.roads[sender].publish(one, secret), one.subject
                secrets.append(secret)
                async with asyncio.timeout(SECONDS):
                    while secret not in self.arrived[one.subject]:
                        await asyncio.sleep(0.005)
                assert self.arrived[one.subject].count(secret) == 1
        await self._acknowledged()
        return secrets

    async def _acknowledged(self) -> None:
        """Wait until the servers know all that was taken by those at work."""
        taken = {of(way, *link).stream for link in self.links for way in (DOWN, UP)}
        async with asyncio.timeout(SECONDS):
            while True:
                now = await self.snapshot()
                if all(now[name]["pending"] == [(0, 0)] for name in taken):
                    return
                await asyncio.sleep(0.02)

    async def leaf_nodes(self, node: str) -> set[str]:
        """Return the names of the leaf nodes at a node's server."""
        told = await asyncio.to_thread(_page, f"{self.server(node).monitor_url}/leafz")
        return {str(one["name"]) for one in told.get("leafs") or ()}

    async def snapshot(self) -> Snapshot:
        """Return what every stream and consumer is like, by the servers' own account."""
        pages = await asyncio.gather(
            *(
                asyncio.to_thread(_streams, one)
                for one in self.servers.values()
                if one.is_running
            )
        )
        found = {name: state for page in pages for name, state in page.items()}
        assert sum(map(len, pages)) == len(found), (
            "two servers have a stream of one name"
        )
        return found

    @contextmanager
    def rogue(self, node: str, folder: Path) -> Iterator[Address]:
        """Run a leaf node of the thief's own on a stolen certificate; give its address."""
        parent = PLACES[node].parent
        assert parent is not None
        own = self.site.identity / "nodes" / node
        port = free_port()
        config = folder / "rogue.conf"
        config.write_text(
            f'server_name: "rogue"\nlisten: "127.0.0.1:{port}"\n'
            f"{ROGUE_ACCOUNTS}"
            'leafnodes { reconnect: "1s", remotes: [ { account: far\n'
            f'  url: "tls://{self.server(parent.name).leaf_address}"\n'
            f'  tls {{ cert_file: "{own}/tls.crt", key_file: "{own}/tls.key"\n'
            f'  ca_file: "{self.site.identity}/ca.crt", handshake_first: true }}\n'
            "} ] }\n"
        )
        with running(config, port):
            yield "127.0.0.1", port

    @contextmanager
    def lawless_hub(self, node: str, folder: Path) -> Iterator[Address]:
        """Replace a node's server by one that allows everything; its children dial it."""
        honest = self.servers[f"nats-{node}"]
        honest.stop()
        port = free_port()
        own = self.site.identity / "nats" / f"nats-{node}"
        config = folder / "hub.conf"
        config.write_text(
            f'server_name: "lawless"\nlisten: "127.0.0.1:{port}"\n'
            f'jetstream {{ store_dir: "{folder}/store", domain: "{node}" }}\n'
            f'leafnodes {{ listen: "{honest.leaf_address}"\n'
            f'  tls {{ cert_file: "{own}/tls.crt", key_file: "{own}/tls.key"\n'
            f'  ca_file: "{self.site.identity}/ca.crt", verify: true\n'
            "  handshake_first: true } }\n"
        )
        with running(config, port):
            yield "127.0.0.1", port
            assert (
                "Leafnode connection created" in config.with_suffix(".log").read_text()
            )


@contextmanager
def running(config: Path, port: int) -> Iterator[None]:
    """Run an enemy's server until the end of the block, from when it answers."""
    with (
        config.with_suffix(".log").open("w") as log,
        subprocess.Popen(
            [nats.binary(), "-c", config], stdout=log, stderr=log
        ) as process,
    ):
        try:
            until = time.monotonic() + SECONDS
            while is_free(port) and process.poll() is None and time.monotonic() < until:
                time.sleep(0.02)
            yield
        finally:
            process.kill()


def _page(url: str) -> dict[str, Any]:
    with urllib.request.urlopen(url, timeout=10) as page:
        told: dict[str, Any] = json.load(page)
    return told


def _streams(server: NatsServer) -> Snapshot:
    query = "accounts=1&streams=1&consumers=1&config=1"
    told = _page(f"{server.monitor_url}/jsz?{query}")
    return {
        stream["name"]: _state(account["name"], stream)
        for account in told.get("account_details") or ()
        for stream in account.get("stream_detail") or ()
    }


def _state(account: str, stream: dict[str, Any]) -> dict[str, object]:
    state, consumers = stream["state"], stream.get("consumer_detail") or ()
    return {
        "account": account,
        "config": json.dumps(stream["config"], sort_keys=True),
        "messages": state["messages"],
        "first": state["first_seq"],
        "last": state["last_seq"],
        "consumers": [
            (
                one["name"],
                one["delivered"]["consumer_seq"],
                one["ack_floor"]["stream_seq"],
            )
            for one in consumers
        ],
        "pending": [(one["num_pending"], one["num_ack_pending"]) for one in consumers],
    }
