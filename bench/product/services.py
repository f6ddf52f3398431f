"""Start Ducha's four services as `ducha up` does, on the benchmark's servers."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence

from bench.product.divisions import teach
from bench.product.line import DuchaLine, driving
from bench.servers import Servers
from deploy.embedded.line import Line, Options
from deploy.embedded.topology import one_node_a_tier

RECEIVER = "otlp receiver"


@contextlib.contextmanager
def services(servers: Servers, root: str) -> Iterator[Line]:
    """Run one node a tier and the span receiver; whatever dies stays dead, and fails us."""
    given = {"DUCHA_NATS_URL": servers.nats.url}
    for node in one_node_a_tier(root):
        given[node.variable] = servers.database(node.database)
    options = Options(auto_restart=False, environment=given)
    with Line(servers.scratch / "line", root=root, options=options) as line:
        yield line


@contextlib.asynccontextmanager
async def ducha_line(
    running: Line, rows: Sequence[Mapping[str, str]]
) -> AsyncIterator[DuchaLine]:
    """Give running services their divisions, and drive them."""
    top, bottom = running.grpc("province"), running.grpc("township")
    await teach(rows, top, bottom)
    async with driving(running.root, top, bottom, processes(running)) as line:
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
    return {spec.name: servers.database(spec.database) for spec in specs}
