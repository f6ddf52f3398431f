"""Where everything of a line lies and listens: files, ports, each node's configuration."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from deploy.authority.store import Store
from deploy.embedded.files import private_directory, write_private
from deploy.embedded.nats import NatsServer
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

    def postgres(self, settings: Mapping[str, str]) -> Postgres | None:
        """Return the embedded PostgreSQL; None when every node's database is given."""
        if not self.embedded_databases():
            return None
        log = self.logs / "postgres.log"
        return Postgres(self.data / "postgres", settings=settings, log=log)

    def nats(self) -> NatsServer | None:
        """Return the embedded NATS; None when one is given."""
        if NATS_VARIABLE in self._given:
            return None
        return NatsServer(self.data / "nats", log=self.logs / "nats.log")

    def nats_url(self, embedded: NatsServer | None) -> str:
        """Return where messages go."""
        return embedded.url if embedded else self._given[NATS_VARIABLE]

    def nats_servers(self) -> list[str]:
        """Return the names of the NATS servers that need certificates."""
        return [] if NATS_VARIABLE in self._given else ["nats"]

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

    def configure(self, postgres: Postgres | None, around: Surroundings) -> list[str]:
        """Write every node's file; return the nodes whose file says something new."""
        for place in self.places:
            name, own = place.spec.name, self.addresses[place.spec.name]
            url = self._database_url(place.spec, postgres)
            self.addresses[name] = Addresses(own.grpc, own.http, url)
        return [place.spec.name for place in self.places if self._write(place, around)]

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
