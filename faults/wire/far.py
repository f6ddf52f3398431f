"""A line whose nodes are far from each other: each child behind a wire of its own.

City, county and township each run in a network namespace; what they say to their parent
and to NATS crosses a wire of packets. Databases are reached over a Unix socket, as they
stand beside their node.
"""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, Final, Self
from urllib.parse import quote, urlsplit

from deploy.embedded.files import private_directory, write_private
from deploy.embedded.line import Line
from deploy.embedded.topology import Place
from faults.rigs import Rig, Stage, options
from faults.wire.weather import FAIR, Weather
from tests.journeys.running import SMALL, Running

WIRES: Final = "wires"
NATS_NAME: Final = "nats.nats.ducha.internal"
"""A name in the certificate of the embedded NATS."""
PROJECT: Final = Path(__file__).parents[2]


class Wires:
    """The world of networks, as a process of its own; a context manager."""

    def __init__(self, seed: str) -> None:
        """Start it; its chance is seeded."""
        self._guard = threading.Lock()
        self._world = subprocess.Popen(
            [sys.executable, "-m", "faults.wire.world", seed],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=PROJECT,
            start_new_session=True,  # an interrupt is for us, not for the wires
        )
        self.names: list[str] = []

    def place(self, name: str, doors: list[int], own: list[int]) -> tuple[str, str]:
        """Make a place far away; return its namespace and the hub's address there."""
        made = self._ask({"far": name, "doors": doors, "own": own})
        self.names.append(name)
        return str(made["net"]), str(made["hub"])

    def weather(self, name: str, weather: Weather = FAIR) -> None:
        """Change the weather on the wire of a node."""
        self._ask({"wire": name, "weather": asdict(weather)})

    def fates(self, name: str) -> Mapping[str, int]:
        """Return what became of packets on the wire of a node."""
        return {fate: int(times) for fate, times in self._ask({"fates": name}).items()}

    def __enter__(self) -> Self:
        """Return it."""
        return self

    def __exit__(self, *_: object) -> None:
        """End the world; the kernel removes what it made."""
        if self._world.stdin is not None:
            self._world.stdin.close()
        try:
            self._world.wait(5)
        except subprocess.TimeoutExpired:
            self._world.kill()
            self._world.wait()
        if self._world.stdout is not None:
            self._world.stdout.close()

    def _ask(self, order: object) -> dict[str, Any]:
        with self._guard:
            if self._world.stdin is None or self._world.stdout is None:
                raise RuntimeError("the wires have no pipes")
            self._world.stdin.write(json.dumps(order) + "\n")
            self._world.stdin.flush()
            answer: dict[str, Any] = json.loads(self._world.stdout.readline())
            return answer


@contextmanager
def _far_apart(data: Path) -> Iterator[Stage]:
    """Start a line, then move every node but the province's behind a wire."""
    sockets = private_directory(data / "pg")
    settings = {**SMALL, "unix_socket_directories": str(sockets)}
    told = replace(options(), postgres_settings=settings)
    with Wires("wires") as wires, Line(data / "line", options=told) as line:
        for place in line.places:
            if place.parent is not None:
                _move(line, place, wires, sockets)
        yield Stage(Running(line), around={WIRES: wires})


FAR: Final = Rig("far", _far_apart)
"""One node a tier; between each child and its parent, and NATS, a wire of packets."""


def _move(line: Line, place: Place, wires: Wires, sockets: Path) -> None:
    """Start a node again in a namespace of its own, told where the others are now."""
    name, parent, nats = place.spec.name, place.parent, line.nats
    if parent is None or nats is None:
        raise ValueError(f"{name} has nobody to be far from")
    line.stop_node(name)
    above = _port(line.grpc(parent.name))
    net, hub = wires.place(name, [above, nats.port], [_port(line.grpc(name))])
    files = private_directory(line.data / "far")
    url = line.site.addresses[name].database_url
    changes = {
        f'grpc = "{line.grpc(parent.name)}"': f'grpc = "{hub}:{above}"',
        f"127.0.0.1:{nats.port}": f"{NATS_NAME}:{nats.port}",
        f'"{line.site.otlp_endpoint}"': '""',
        f'"{url}"': f'"{_by_socket(url, sockets)}"',
    }
    told = line.site.config_file(name).read_text()
    for here, there in changes.items():
        told = told.replace(here, there)
    write_private(files / f"{name}.toml", told)
    # By this name NATS proves itself; only in that place it leads over the wire.
    write_private(files / f"{name}.hosts", f"127.0.0.1 localhost\n{hub} {NATS_NAME}\n")
    service = line.services[name]
    service.program = replace(
        service.program,
        arguments=("--config", str(files / f"{name}.toml")),
        prefix=(*_through(net), *_with_hosts(files / f"{name}.hosts")),
    )
    line.start_node(name)


def _through(net: str) -> tuple[str, ...]:
    """Return what starts a program in a network namespace."""
    return ("nsenter", f"--net={net}")


def _with_hosts(file: Path) -> tuple[str, ...]:
    """Return what starts a program whose host names are those of a file."""
    script = 'mount --bind "$0" /etc/hosts && exec "$@"'
    return ("unshare", "--mount", "sh", "-c", script, str(file))


def _port(address: str) -> int:
    return int(address.rsplit(":", 1)[1])


def _by_socket(url: str, sockets: Path) -> str:
    """Return the URL of the same database over its Unix socket."""
    parts = urlsplit(url)
    who = parts.netloc.rsplit("@", 1)[0]
    return f"{parts.scheme}://{who}@{parts.path}?host={quote(str(sockets))}&port={parts.port}"
