"""Start Ducha's four services as `ducha up` does, on the benchmark's servers."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence

from bench.product.divisions import teach
from bench.product.line import DuchaLine, driving
from bench.servers import Servers
from deploy.embedded.line import Line, Options
from deploy.embedded.topology import NodeSpec, one_node_a_tier

RECEIVER = "otlp receiver"


@contextlib.contextmanager
def services(servers: Servers, root: str, *, walls: bool = True) -> Iterator[Line]:
    """Run one node a tier, NATS and the span receiver; whatever dies stays dead, and fails us.

    The two shapes, with walls and without, may run side by side: each has databases and
    a NATS of its own.
    """
    name = "line" if walls else "bare"
    given = {
        node.variable: servers.database(_database(node, walls=walls))
        for node in one_node_a_tier(root)
    }
    options = Options(auto_restart=False, environment=given, walls=walls)
    with Line(servers.scratch / name, root=root, options=options) as line:
        yield line


def _database(node: NodeSpec, *, walls: bool) -> str:
    return node.database if walls else f"bare_{node.database}"


def around(servers: Servers, running: Line) -> Servers:
    """Return the servers that a line really uses: its own NATS, our PostgreSQL."""
    if running.nats is None:
        raise RuntimeError("The line has no NATS of its own.")
    return Servers(servers.postgres, running.nats, servers.scratch)


@contextlib.asynccontextmanager
async def ducha_line(
    running: Line, rows: Sequence[Mapping[str, str]]
) -> AsyncIterator[DuchaLine]:
    """Give running services their divisions, and drive them."""
    await teach(rows, running)
    async with driving(running, processes(running)) as line:
        line.name = "ducha" if running.options.walls else "bare"
        yield line


def processes(running: Line) -> dict[str, int]:
    """Return the process id of each service."""
    return {
        (RECEIVER if name == "otlp" else name): service.pid
        for name, service in running.services.items()
    }


def databases(running: Line, servers: Servers) -> dict[str, str]:
    """Return the URL of each node's database."""
    specs = [place.spec for place in running.places]
    walls = running.options.walls
    return {spec.name: servers.database(_database(spec, walls=walls)) for spec in specs}
