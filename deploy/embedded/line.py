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

from deploy.embedded import identities
from deploy.embedded.files import private_directory, write_private
from deploy.embedded.keeper import Component, Event, Keeper
from deploy.embedded.lock import DirectoryLock
from deploy.embedded.nats import NatsServer
from deploy.embedded.pace import kept_epoch
from deploy.embedded.ports import LOOPBACK
from deploy.embedded.renewal import Renewal
from deploy.embedded.service import Program, Service
from deploy.embedded.site import Site
from deploy.embedded.topology import (
    TIERS,
    NodeSpec,
    Surroundings,
    arrange,
    one_node_a_tier,
)

START_SECONDS: Final = 60.0
START_SECONDS_A_NODE: Final = 3.0
OTLP: Final = "otlp"


@dataclass(frozen=True, slots=True)
class Options:
    """How a line is run; the defaults are those of `ducha up`."""

    auto_restart: bool = True
    log_level: str = "info"
    environment: Mapping[str, str] = field(default_factory=lambda: os.environ)
    postgres_settings: Mapping[str, str] = field(default_factory=dict)
    on_event: Callable[[Event], None] = lambda _: None
    walls: bool = True
    """Certificates, tokens, permissions; without, all on this machine may do everything."""
    chain: bool = False
    """A NATS server for each node, a leaf node of its parent's, instead of one for all."""
    clock_rate: float = 1.0
    """Seconds of SIMULATED time in a real second, for all nodes; 1 is real time. It stays with
    the data: a directory whose time ran fast is started at the same rate again."""


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
        self.postgres = self.site.postgres(self.options.postgres_settings)
        self.roads = self.site.nats(walls=self.options.walls, chain=self.options.chain)
        self._lock = DirectoryLock(self.data / "lock")
        self._keeper: Keeper | None = None
        self._renewal: Renewal | None = None
        self._clock_epoch: datetime | None = None

    def start(self) -> None:
        """Start everything and wait until every node serves; all or nothing.

        Raises: DirectoryInUse, StartFailed, BinaryMissing, RateRefused, DeploymentRefused.
        """
        self._lock.acquire()
        try:
            self._clock_epoch = kept_epoch(
                self.data, self.options.clock_rate, is_new=self.site.is_new()
            )
            self._ensure_identities()
            self._start_servers()
            self._start_services()
            self._write_endpoints()
        except BaseException:
            self.stop()
            raise
        self._keeper = Keeper(self.components(), self._note)
        if self.options.auto_restart:
            self._keeper.start()
        self._renewal = Renewal(
            self._ensure_identities,
            lambda why: self._note(Event("identities", "not renewed", why)),
        )
        self._renewal.start()

    def stop(self) -> None:
        """Drain and stop everything, bottom tier first, within about a minute."""
        if self._renewal is not None:
            self._renewal.stop()
            self._renewal = None
        if self._keeper is not None:
            self._keeper.stop()
            self._keeper = None
        self.site.endpoints_file.unlink(missing_ok=True)
        for place in self.places:
            if service := self.services.get(place.spec.name):
                service.signal(signal.SIGTERM)  # all nodes drain at once
        for component in reversed(self.components().values()):
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

    @property
    def nats(self) -> NatsServer | None:
        """The NATS server, in a chain that of the top; None when one is given."""
        return next(iter(self.roads.values()), None)

    def components(self) -> dict[str, Component]:
        """Return everything that runs, in the order of starting."""
        servers: dict[str, Component] = {}
        if self.postgres is not None:
            servers["postgres"] = self.postgres
        return {**servers, **self.roads, **self.services}

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
        return self.site.addresses[name].grpc

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
        otlp = self.services.get(OTLP)
        return {
            "root": self.root,
            "tiers": tiers,
            "postgres": postgres,
            "nats": self._nats_entry(),
            "otlp": {
                "endpoint": self.site.otlp_endpoint,
                "pid": otlp.pid if otlp else 0,
            },
            "data": str(self.data),
            "walls": self.options.walls,
            "supervisor_pid": os.getpid(),
            "clock_rate": self.options.clock_rate,
        }

    def _nats_entry(self) -> dict[str, object]:
        """Describe NATS: the one server or, in a chain, that of the top and all others."""
        top = self.nats
        entry: dict[str, object] = {
            "url": self.site.nats_url(self.roads, self.places[0].spec.name),
            "monitor": top.monitor_url if top else "",
            "pid": top.pid if top else 0,
        }
        if self.options.chain:
            entry["chain"] = {
                name: {"url": one.url, "monitor": one.monitor_url, "pid": one.pid}
                for name, one in self.roads.items()
            }
        return entry

    def _node_entry(self, spec: NodeSpec) -> dict[str, object]:
        own = self.site.addresses[spec.name]
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

    def _ensure_identities(self) -> None:
        """Make what certificates and keys are missing; renew what is nearly over."""
        if self.options.walls:
            identities.ensure(
                self.site.identity, self.places, self.root, list(self.roads)
            )

    def _start_servers(self) -> None:
        if not self.site.is_otlp_given:
            listen = self.site.choose_otlp()
            self._add_service(
                OTLP, "deploy.embedded.otlp", ("--listen", listen), listen
            )
            self.services[OTLP].start()
        if self.postgres is not None:
            self.postgres.start()
            for database in self.site.embedded_databases():
                self.postgres.ensure_database(database)
        for server in self.roads.values():
            server.start()

    def _start_services(self) -> None:
        """Start all nodes at once: each works alone, so none waits for another."""
        self.site.choose_addresses()
        self._configure()
        for place in self.places:
            name = place.spec.name
            config = ("--config", str(self.site.config_file(name)))
            module = f"services.{place.spec.tier}"
            self._add_service(name, module, config, self.grpc(name))
            self.services[name].start()
        bound = START_SECONDS + START_SECONDS_A_NODE * len(self.places)
        deadline = time.monotonic() + bound
        for service in self.services.values():
            service.await_serving(deadline)

    def _add_service(
        self, name: str, module: str, arguments: tuple[str, ...], address: str
    ) -> None:
        log = self.site.logs / f"{name}.log"
        program = Program(name, module, arguments, address, log)
        trusted = self.site.trusted() if self.options.walls and name != OTLP else None
        self.services[name] = Service(
            program, inherit=(self._lock.handle,), trusted=trusted
        )

    def _configure(self) -> list[str]:
        around = Surroundings(
            clock_rate=self.options.clock_rate,
            clock_epoch=self._clock_epoch,
            otlp_endpoint=self.site.otlp_endpoint,
            log_level=self.options.log_level,
            identity=str(self.site.identity) if self.options.walls else "",
            domain=self.site.domain() if self.options.walls else "",
        )
        return self.site.configure(self.postgres, self.roads, around)

    def _refresh(self) -> None:
        """After a restart: tell everybody pids, and ports that had to change."""
        for name in self._configure():
            self.services[name].stop()
            self.services[name].start()
        self._write_endpoints()

    def _write_endpoints(self) -> None:
        write_private(self.site.endpoints_file, json.dumps(self.endpoints(), indent=1))

    def _note(self, event: Event) -> None:
        """Log what happened, keep the list of addresses true, and pass it on."""
        entry = {
            "timestamp": datetime.now(UTC).isoformat(),
            "component": event.component,
            "event": event.happened,
            "detail": event.detail,
        }
        with (self.site.logs / "supervisor.log").open("a") as log:
            log.write(json.dumps(entry, ensure_ascii=False) + "\n")
        if event.happened == "restarted":
            self._refresh()
        self.options.on_event(event)
