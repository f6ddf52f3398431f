"""Where everything of a line lies and listens: files, ports, each node's configuration."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from deploy.authority.store import Store
from deploy.embedded.files import private_directory, write_private
from deploy.embedded.nats import SERVER, NatsServer, Walls
from deploy.embedded.ports import LOOPBACK, kept_port
from deploy.embedded.postgres import Postgres
from deploy.embedded.service import Trusted
from deploy.embedded.topology import (
    Addresses,
    NodeSpec,
    Place,
    Surroundings,
    configuration,
)
from deploy.nats.permissions import chained

NATS_VARIABLE: Final = "DUCHA_NATS_URL"
OTLP_VARIABLE: Final = "DUCHA_OTLP_ENDPOINT"


class Site:
    """One data directory, laid out; and the servers that are used, ours or given."""

    def __init__(
        self, data: Path, places: Sequence[Place], given: Mapping[str, str]
    ) -> None:
        """Lay out `data`; servers named in `given` replace embedded ones."""
        self.data = data
        self.places = places
        self.logs = private_directory(data / "logs")
        self.endpoints_file = data / "endpoints.json"
        self.identity = data / "identity"
        self.otlp_endpoint = given.get(OTLP_VARIABLE, "")
        self.is_otlp_given = bool(self.otlp_endpoint)
        self.addresses: dict[str, Addresses] = {}
        self._given = given

    def is_new(self) -> bool:
        """Whether no node was ever configured here."""
        return not (self.data / "config").exists()

    def postgres(self, settings: Mapping[str, str]) -> Postgres | None:
        """Return the embedded PostgreSQL; None when every node's database is given."""
        if not self.embedded_databases():
            return None
        log = self.logs / "postgres.log"
        return Postgres(self.data / "postgres", settings=settings, log=log)

    def nats(self, *, walls: bool, chain: bool) -> dict[str, NatsServer]:
        """Return the embedded NATS servers in the order of starting; none when one is given.

        One for all nodes or, with `chain`, one a node, each a leaf node of its parent's.
        """
        if NATS_VARIABLE in self._given:
            return {}
        if chain:
            return self._chain()
        lets_in = Walls(self.identity, self.places) if walls else None
        log = self.logs / f"{SERVER}.log"
        return {SERVER: NatsServer(self.data / SERVER, log=log, walls=lets_in)}

    def nats_url(self, servers: Mapping[str, NatsServer], node: str) -> str:
        """Return where a node's messages go."""
        own = servers.get(chained_server(node)) or servers.get(SERVER)
        return own.url if own else self._given[NATS_VARIABLE]

    def _chain(self) -> dict[str, NatsServer]:
        """Return a server for each node; a parent's comes before its children's."""
        servers: dict[str, NatsServer] = {}
        for place in self.places:
            name = chained_server(place.spec.name)
            above = chained_server(place.parent.name) if place.parent else ""
            lets_in = Walls(
                self.identity,
                chained(place),
                name,
                place,
                functools.partial(_leaf_address, servers[above]) if above else None,
            )
            log = self.logs / f"{name}.log"
            servers[name] = NatsServer(self.data / name, log=log, walls=lets_in)
        return servers

    def domain(self) -> str:
        """Return the trust domain of this site's certificates."""
        return Store(self.identity).domain

    def trusted(self) -> Trusted:
        """Return what this site's own programs prove themselves by."""
        own = self.identity / "clients" / "console"
        return Trusted(self.identity / "ca.crt", own / "tls.crt", own / "tls.key")

    def embedded_databases(self) -> list[str]:
        """Return the names of the databases that nobody gave."""
        nodes = (place.spec for place in self.places)
        return [spec.database for spec in nodes if spec.variable not in self._given]

    def choose_addresses(self) -> None:
        """Give every node two ports: those it had, where they are still free."""
        promised: set[int] = set()
        for place in self.places:
            name, doors = place.spec.name, []
            for door in ("grpc", "http"):
                port = kept_port(self._port_file(f"{name}.{door}"), avoid=promised)
                promised.add(port)
                doors.append(f"{LOOPBACK}:{port}")
            self.addresses[name] = Addresses(doors[0], doors[1], "")

    def choose_otlp(self) -> str:
        """Give the span receiver its port; return where it is to listen."""
        listen = f"{LOOPBACK}:{kept_port(self._port_file('otlp'))}"
        self.otlp_endpoint = f"http://{listen}"
        return listen

    def config_file(self, name: str) -> Path:
        """Return the configuration file of a node."""
        return private_directory(self.data / "config") / f"{name}.toml"

    def configure(
        self,
        postgres: Postgres | None,
        servers: Mapping[str, NatsServer],
        around: Surroundings,
    ) -> list[str]:
        """Write every node's file; return the nodes whose file says something new."""
        for place in self.places:
            name, own = place.spec.name, self.addresses[place.spec.name]
            url = self._database_url(place.spec, postgres)
            self.addresses[name] = Addresses(own.grpc, own.http, url)
        changed = []
        for place in self.places:
            url = self.nats_url(servers, place.spec.name)
            if self._write(place, dataclasses.replace(around, nats_url=url)):
                changed.append(place.spec.name)
        return changed

    def _write(self, place: Place, around: Surroundings) -> bool:
        own = self.addresses[place.spec.name]
        above = self.addresses[place.parent.name].grpc if place.parent else None
        text = configuration(place, own, above, around)
        file = self.config_file(place.spec.name)
        if file.exists() and file.read_text() == text:
            return False
        write_private(file, text)
        return True

    def _database_url(self, spec: NodeSpec, postgres: Postgres | None) -> str:
        given = self._given.get(spec.variable)
        if given is not None or postgres is None:
            return given or ""
        return postgres.dsn(spec.database)

    def _port_file(self, name: str) -> Path:
        return private_directory(self.data / "ports") / name


def chained_server(node: str) -> str:
    """Return the name of a node's own NATS server, in a chain."""
    return f"{SERVER}-{node}"


def _leaf_address(server: NatsServer) -> str:
    return server.leaf_address
