"""The embedded PostgreSQL keeps what it acknowledged, and keeps others out."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import pytest

from deploy.embedded import privilege
from deploy.embedded.errors import DeploymentRefused, DirectoryInUse
from deploy.embedded.postgres import Postgres
from tests.deploy.processes import is_alive

QUICK = {"shared_buffers": "32MB", "max_connections": "40"}


@pytest.fixture(scope="module")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Postgres]:
    with Postgres(tmp_path_factory.mktemp("postgres"), settings=QUICK) as server:
        server.ensure_database("ducha_county")
        yield server


def ask(server: Postgres, query: str, database: str = "ducha_county") -> object:
    async def answer() -> object:
        connection = await asyncpg.connect(server.dsn(database))
        try:
            return await connection.fetchval(query)
        finally:
            await connection.close()

    return asyncio.run(answer())


def test_commits_are_durable_and_the_server_is_recent(postgres: Postgres) -> None:
    """What the design rests on is asserted, not assumed."""
    assert ask(postgres, "SHOW fsync") == "on"
    assert ask(postgres, "SHOW synchronous_commit") == "on"
    assert ask(postgres, "SHOW full_page_writes") == "on"
    assert ask(postgres, "SHOW data_checksums") == "on"
    assert int(str(ask(postgres, "SHOW server_version_num"))) >= 180000


def test_acknowledged_rows_survive_a_kill(postgres: Postgres) -> None:
    """Kill -9 in a stream of commits loses none that were acknowledged."""
    acknowledged = asyncio.run(write_until_killed(postgres))
    port = postgres.port
    postgres.kill()  # reaps what is dead already
    postgres.start()

    held = ask(postgres, "SELECT array_agg(n ORDER BY n) FROM kept")
    assert isinstance(held, list)
    assert acknowledged
    assert set(acknowledged) <= set(held)
    assert postgres.port == port


async def write_until_killed(server: Postgres) -> list[int]:
    acknowledged: list[int] = []
    connection = await asyncpg.connect(server.dsn("ducha_county"))
    await connection.execute("CREATE TABLE kept (n int PRIMARY KEY)")
    asyncio.get_running_loop().call_later(0.3, os.kill, server.pid, signal.SIGKILL)
    try:
        for n in range(1_000_000):
            await connection.execute("INSERT INTO kept VALUES ($1)", n)
            acknowledged.append(n)
    except (asyncpg.PostgresError, asyncpg.InternalClientError, OSError):
        return acknowledged
    finally:
        connection.terminate()
    return acknowledged


def test_a_second_supervisor_is_refused_at_once(postgres: Postgres) -> None:
    """Two servers on one directory would destroy it; the second is told who has it."""
    script = (
        "import sys; from pathlib import Path;"
        "from deploy.embedded.postgres import Postgres;"
        "Postgres(Path(sys.argv[1])).start()"
    )
    began = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-c", script, postgres.root],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )

    assert done.returncode != 0
    assert DirectoryInUse.__name__ in done.stderr
    assert f"process {os.getpid()}" in done.stderr
    assert time.monotonic() - began < 10
    assert postgres.is_running


def test_a_role_sees_only_its_own_database(postgres: Postgres) -> None:
    """A county that is handed the wrong URL cannot read the township's rows."""
    postgres.ensure_database("ducha_township")
    own = postgres.dsn("ducha_county")
    foreign = own.removesuffix("/ducha_county") + "/ducha_township"

    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        asyncio.run(asyncpg.connect(foreign))


def test_making_a_database_again_changes_nothing(postgres: Postgres) -> None:
    """Every start may ask for its database."""
    before = postgres.dsn("ducha_county")
    postgres.ensure_database("ducha_county")

    assert postgres.dsn("ducha_county") == before
    assert ask(postgres, "SELECT 1") == 1


def test_a_wrong_password_is_refused(postgres: Postgres) -> None:
    """Nobody on the machine is trusted for being local."""
    with pytest.raises(asyncpg.InvalidPasswordError):
        asyncio.run(
            asyncpg.connect(
                host="127.0.0.1",
                port=postgres.port,
                user="ducha",
                password="guess",  # noqa: S106
                database="postgres",
            )
        )


def test_the_directory_and_the_passwords_are_private(postgres: Postgres) -> None:
    """Other users of the machine read neither data nor passwords."""
    passwords = postgres.root / "passwords.json"

    assert stat.S_IMODE(postgres.root.stat().st_mode) == 0o700
    assert stat.S_IMODE(passwords.stat().st_mode) == 0o600


def test_a_name_that_is_not_a_plain_word_is_refused(postgres: Postgres) -> None:
    """Names go into SQL; the rest of SQL does not come with them."""
    with pytest.raises(DeploymentRefused):
        postgres.ensure_database('x"; DROP DATABASE postgres; --')


def test_it_listens_on_loopback_only(postgres: Postgres) -> None:
    """Until identity comes, nothing is offered to the network."""
    assert ask(postgres, "SHOW listen_addresses") == "127.0.0.1"
    assert ask(postgres, "SHOW unix_socket_directories", "postgres") == ""


def test_a_taken_port_is_exchanged(tmp_path: Path) -> None:
    """The port stays over restarts, unless somebody else took it meanwhile."""
    server = Postgres(tmp_path, settings=QUICK)
    server.start()
    first = server.port
    server.stop()
    server.start()
    again = server.port
    server.stop()
    with socket.create_server(("127.0.0.1", first)):
        server.start()
        moved = server.port
        server.stop()

    assert again == first
    assert moved != first


def test_the_server_dies_with_its_supervisor_and_the_next_one_recovers(
    tmp_path: Path,
) -> None:
    """Kill -9 of the supervisor leaves no server behind that blocks the next start."""
    script = (
        "import sys, time; from pathlib import Path;"
        "from deploy.embedded.postgres import Postgres;"
        "p = Postgres(Path(sys.argv[1])); p.start();"
        "print(p.pid, flush=True); time.sleep(600)"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script, tmp_path], stdout=subprocess.PIPE, text=True
    ) as supervisor:
        assert supervisor.stdout is not None
        pid = int(supervisor.stdout.readline())
        supervisor.kill()
    server = Postgres(tmp_path)
    server.start()
    serving = server.is_running
    server.stop()

    assert serving
    assert not is_alive(pid)


@pytest.mark.parametrize("way", ["namespace", "step down"])
def test_both_ways_of_not_being_root_work(
    tmp_path: Path, way: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Containers forbid user namespaces by default; there the user is really changed.

    For an ordinary user both are the same: nothing is needed.
    """
    if way == "step down":
        real = privilege._works  # noqa: SLF001
        monkeypatch.setattr(
            privilege, "_works", lambda prefix: prefix[0] != "unshare" and real(prefix)
        )
    server = Postgres(tmp_path / "postgres", settings=QUICK)
    server.start()
    version = ask(server, "SELECT version()", "postgres")
    server.kill()
    server.start()
    owner = server.root.stat().st_uid
    server.stop()

    assert "PostgreSQL 18" in str(version)
    if os.geteuid() == 0:
        assert owner == (privilege.NOBODY if way == "step down" else 0)
