"""What all tests share: real servers, started when first asked for, one each a session.

* `postgres`, `nats_server`: the embedded servers, on free ports, in a private directory.
* `databases`: fresh databases there (see `tests.servers.Databases`).
* `database`: one fresh, migrated database for this test.
* `an_app`: makes the `App` of a node: `async with an_app(node) as app`.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager
from datetime import datetime

import pytest
from hypothesis import settings

from deploy.embedded.nats import NatsServer
from deploy.embedded.postgres import Postgres
from tests.servers import AnApp, Databases, node_app
from tier.app import App
from tier.node import Node
from tier.runtime import clock
from tier.runtime.db import Database

SMALL = {"shared_buffers": "64MB", "max_wal_size": "512MB", "min_wal_size": "80MB"}

# A busy machine is not a broken promise: no example has a deadline.
settings.register_profile("ducha", deadline=None)
settings.load_profile("ducha")


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Postgres]:
    """One PostgreSQL; stopped at the end, and it dies with this process."""
    with Postgres(tmp_path_factory.mktemp("postgres"), settings=SMALL) as server:
        yield server


@pytest.fixture(scope="session")
def nats_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NatsServer]:
    """One NATS server with JetStream; stopped at the end."""
    with NatsServer(tmp_path_factory.mktemp("nats")) as server:
        yield server


@pytest.fixture(scope="session")
def databases(postgres: Postgres) -> Databases:
    """Fresh databases, each a copy of a template that is migrated once."""
    return Databases(postgres)


@pytest.fixture
async def database(databases: Databases) -> AsyncIterator[Database]:
    """One fresh database with the tables of every capability."""
    async with databases.fresh() as fresh:
        yield fresh


@pytest.fixture
def an_app(databases: Databases) -> AnApp:
    """Make the `App` of a node on a database of its own, its clock as given."""

    def make(
        node: Node, now: Callable[[], datetime] = clock.now
    ) -> AbstractAsyncContextManager[App]:
        return node_app(databases, node, now)

    return make
