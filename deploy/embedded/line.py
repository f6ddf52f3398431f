"""The whole system on one machine: databases, messages, traces, and a service a node.

`Line` starts it in order, keeps it running, and stops it in reverse. Everything
it writes lies under one directory, which only its owner can read.
"""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from deploy.embedded.files import private_directory, write_private
from deploy.embedded.keeper import Component, Event, Keeper
from deploy.embedded.lock import DirectoryLock
from deploy.embedded.nats import NatsServer
from deploy.embedded.ports import LOOPBACK, kept_port
from deploy.embedded.postgres import Postgres
from deploy.embedded.service import Program, Service
from deploy.embedded.topology import (
    TIERS,
    Addresses,
    NodeSpec,
    Place,
    Surroundings,
    arrange,
    configuration,
    one_node_a_tier,
)

START_SECONDS: Final = 60.0
START_SECONDS_A_NODE: Final = 3.0
DRAIN_SECONDS: Final = 15.0
ENDPOINTS: Final = "endpoints.json"
NATS_VARIABLE: Final = "DUCHA_NATS_URL"
OTLP_VARIABLE: Final = "DUCHA_OTLP_ENDPOINT"


@dataclass(frozen=True, slots=True)
class Options:
    """How a line is run; the defaults are those of `ducha up`."""

    auto_restart: bool = True
    log_level: str = "info"
    environment: Mapping[str, str] = field(default_factory=lambda: os.environ)
    postgres_settings: Mapping[str, str] = field(default_factory=dict)
    on_event: Callable[[Event], None] = lambda _: None


class Line:
    """A running system, under one data directory.

    Servers named by `DUCHA_<NODE>_DATABASE_URL`, `DUCHA_NATS_URL` and
    `DUCHA_OTLP_ENDPOINT` are used instead of embedded ones. With `auto_restart`
    off a killed part stays down until it is started again, as fault tests want.
    """

    def __init__(
        self,
        data: Path,
        *,
        root: str = "53",
        nodes: Sequence[NodeSpec] = (),
        options: Options | None = None,
    ) -> None:
        """Prepare a line of `nodes`; by default one node a tier under `root`.

        Raises: TopologyRefused.
        """
        self.data = private_directory(data.resolve())
        self.root = root
        self.options = options or Options()
        self.places = arrange(nodes or one_node_a_tier(root))
        self.site = Site(self.data, self.places, self.options.environment)
        self.services: dict[str, Service] = {}
        self.postgres = self._embedded_postgres()
        self.nats = self._embedded_nats()
        self._lock = DirectoryLock(self.data / "lock")
        self._keeper: Keeper | None = None

    def start(self) -> None:
        """Start everything and wait until every node serves; all or nothing.

        Raises: DirectoryInUse, StartFailed, BinaryMissing, DeploymentRefused.
        """
        self._lock.acquire()
        try:
            self._start_servers()
            self._start_services()
            self._write_endpoints()
        except BaseException:
            self.stop()
            raise
        self._keeper = Keeper(self.components(), self._note)
        if self.options.auto_restart:
            self._keeper.start()

    def stop(self) -> None:
        """Drain and stop everything, bottom tier first, within about a minute."""
        if self._keeper is not None:
            self._keeper.stop()
            self._keeper = None
        (self.data / ENDPOINTS).unlink(missing_ok=True)
        ending = list(reversed(self.components().values()))
        for service in self.services.values():
            service.signal(signal.SIGTERM)  # all drain at once
        for component in ending:
            component.stop()
        self._lock.release()

    def __enter__(self) -> Self:
        """Start; see `start`."""
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop; see `stop`."""
        self.stop()

    def components(self) -> dict[str, Component]:
        """Return everything that runs, in the order of starting."""
        servers: dict[str, Component] = {}
        if self.postgres is not None:
            servers["postgres"] = self.postgres
        if self.nats is not None:
            servers["nats"] = self.nats
        return {**servers, **self.services}

    def kill(self, name: str) -> None:
        """Kill a part as a crash would; with auto-restart on it comes back by itself."""
        with self._quiet():
            self.components()[name].kill()

    def stop_node(self, name: str) -> None:
        """Stop a part gracefully; it stays down until `start_node`."""
        with self._quiet() as wanted:
            wanted.discard(name)
            self.components()[name].stop()

    def start_node(self, name: str, *, seconds: float = START_SECONDS) -> None:
        """Start a part that is down and wait until it serves. Raises: StartFailed."""
        with self._quiet() as wanted:
            self.components()[name].start()
            wanted.add(name)
            if name in self.services:
                self.services[name].await_serving(time.monotonic() + seconds)
            self._refresh()

    def grpc(self, name: str) -> str:
        """Return the gRPC address of a node."""
        return self.addresses[name].grpc

    def endpoints(self) -> dict[str, object]:
        """Return what `endpoints.json` says."""
        tiers: dict[str, list[object]] = {tier: [] for tier in TIERS}
        for place in self.places:
            tiers[place.spec.tier].append(self._node_entry(place.spec))
        postgres = self.postgres and {
            "host": LOOPBACK,
            "port": self.postgres.port,
            "pid": self.postgres.pid,
        }
        otlp = self.services.get("otlp")
        return {
            "root": self.root,
            "tiers": tiers,
            "postgres": postgres,
            "nats": {
                "url": self._nats_url(),
                "monitor": self.nats.monitor_url if self.nats else "",
                "pid": self.nats.pid if self.nats else 0,
            },
            "otlp": {"endpoint": self._otlp_endpoint, "pid": otlp.pid if otlp else 0},
            "data": str(self.data),
            "supervisor_pid": os.getpid(),
        }

    def _node_entry(self, spec: NodeSpec) -> dict[str, object]:
        own = self.addresses[spec.name]
        return {
            "node": spec.name,
            "hosts": list(spec.hosts),
            "grpc": own.grpc,
            "http": own.http,
            "database_url": own.database_url,
            "pid": self.services[spec.name].pid,
        }

    @contextmanager
    def _quiet(self) -> Iterator[set[str]]:
        """Hold the keeper still; yields the names it looks after."""
        if self._keeper is None:
            yield set()
            return
        with self._keeper.guard:
            yield self._keeper.wanted

    def _embedded_postgres(self) -> Postgres | None:
        given = self.options.environment
        if all(place.spec.variable in given for place in self.places):
            return None
        return Postgres(
            self.data / "postgres",
            settings=self.options.postgres_settings,
            log=self.logs / "postgres.log",
        )

    def _embedded_nats(self) -> NatsServer | None:
        if NATS_VARIABLE in self.options.environment:
            return None
        return NatsServer(self.data / "nats", log=self.logs / "nats.log")

    def _start_servers(self) -> None:
        if not self._otlp_endpoint or "otlp" in self.services:
            listen = f"{LOOPBACK}:{kept_port(self._port_file('otlp'))}"
            self._otlp_endpoint = f"http://{listen}"
            self._add_service(
                "otlp", "deploy.embedded.otlp", ("--listen", listen), listen
            )
            self.services["otlp"].start()
        if self.postgres is not None:
            self.postgres.start()
            for place in self.places:
                if place.spec.variable not in self.options.environment:
                    self.postgres.ensure_database(place.spec.database)
        if self.nats is not None:
            self.nats.start()

    def _start_services(self) -> None:
        """Start all nodes at once: each works alone, so none waits for another."""
        self._choose_addresses()
        for place in self.places:
            name, tier = place.spec.name, place.spec.tier
            config = ("--config", str(self._config_file(name)))
            self._write_configuration(place)
            self._add_service(name, f"services.{tier}", config, self.grpc(name))
            self.services[name].start()
        bound = START_SECONDS + START_SECONDS_A_NODE * len(self.places)
        deadline = time.monotonic() + bound
        for service in self.services.values():
            service.await_serving(deadline)

    def _add_service(
        self, name: str, module: str, arguments: tuple[str, ...], address: str
    ) -> None:
        program = Program(name, module, arguments, address, self.logs / f"{name}.log")
        self.services[name] = Service(program, inherit=(self._lock.handle,))

    def _refresh(self) -> None:
        """After a restart: tell everybody pids, and ports that had to change."""
        for place in self.places:
            name, own = place.spec.name, self.addresses[place.spec.name]
            url = self._database_url(place.spec)
            self.addresses[name] = Addresses(own.grpc, own.http, url)
            if self._write_configuration(place):
                self.services[name].stop()
                self.services[name].start()
        self._write_endpoints()

    def _write_endpoints(self) -> None:
        write_private(self.data / ENDPOINTS, json.dumps(self.endpoints(), indent=1))

    def _note(self, event: Event) -> None:
        """Log what happened, keep the list of addresses true, and pass it on."""
        entry = {
            "timestamp": datetime.now(UTC).isoformat(),
            "component": event.component,
            "event": event.happened,
            "detail": event.detail,
        }
        with (self.logs / "supervisor.log").open("a") as log:
            log.write(json.dumps(entry, ensure_ascii=False) + "\n")
        if event.happened == "restarted":
            self._refresh()
        self.options.on_event(event)
