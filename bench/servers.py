"""The servers that the floor and Ducha both use, one after the other."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from deploy.embedded.nats import NatsServer
from deploy.embedded.postgres import Postgres


@dataclass(frozen=True, slots=True)
class Servers:
    """The running servers, and a directory for what a line needs to write."""

    postgres: Postgres
    nats: NatsServer
    scratch: Path

    def processes(self) -> Mapping[str, int]:
        """Return the process id of each server."""
        return {"postgresql": self.postgres.pid, "nats": self.nats.pid}

    def database(self, name: str) -> str:
        """Make a database, unless it is there, and return its URL."""
        self.postgres.ensure_database(name)
        return self.postgres.dsn(name)


@contextlib.contextmanager
def running(root: Path, settings: Mapping[str, str]) -> Iterator[Servers]:
    """Run them on data under `root`, PostgreSQL with more settings; stop them at last."""
    with contextlib.ExitStack() as started:
        postgres = Postgres(root / "postgres", settings=settings)
        postgres.start()
        started.callback(postgres.stop)
        nats = NatsServer(root / "nats")
        nats.start()
        started.callback(nats.stop)
        yield Servers(postgres, nats, root)
