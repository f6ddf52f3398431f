"""One of our own programs as a child: a tier's service, or the span receiver."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

from deploy.embedded.errors import StartFailed
from deploy.embedded.files import tail
from deploy.embedded.process import Command, Process, end, spawn

PROJECT: Final = Path(__file__).parents[2]
STOP_STEPS: Final = ((signal.SIGTERM, 15.0),)
PROBE_SECONDS: Final = 1.0
POLL_SECONDS: Final = 0.05

# The configuration file says these; a variable meant for one must not reach all.
_OURS = frozenset(
    "DUCHA_" + name
    for name in (
        "NODE",
        "HOSTS",
        "DATABASE_URL",
        "NATS_URL",
        "GRPC_LISTEN",
        "HTTP_LISTEN",
        "OTLP_ENDPOINT",
    )
)


@dataclass(frozen=True, slots=True)
class Program:
    """A module of ours to run, and the gRPC address where it will answer."""

    name: str
    module: str
    arguments: tuple[str, ...]
    address: str
    log: Path
    prefix: tuple[str, ...] = ()
    """What it is started through, such as `nsenter` in a fault test."""


class Service:
    """A running program that answers gRPC health."""

    def __init__(
        self,
        program: Program,
        *,
        inherit: tuple[int, ...] = (),
        trusted: Trusted | None = None,
    ) -> None:
        """Prepare to run `program`; `inherit` are open files it keeps.

        A program with walls is asked for its health by what is `trusted`.
        """
        self.program = program
        self._trusted = trusted
        self._inherit = inherit
        self._process: Process | None = None

    @property
    def pid(self) -> int:
        """Process id; 0 when it does not run."""
        return self._process.pid if self._process and self.is_running else 0

    @property
    def is_running(self) -> bool:
        """Whether the process is alive; it may not serve yet."""
        return self._process is not None and self._process.poll() is None

    @property
    def is_serving(self) -> bool:
        """Whether its gRPC health says SERVING."""
        return (
            self.is_running and health(self.program.address, self._trusted) == "SERVING"
        )

    def start(self) -> None:
        """Start the process, unless it runs; `await_serving` tells when it answers."""
        if self.is_running:
            return
        self._process = spawn(
            Command(
                arguments=[
                    *(sys.executable, "-m", self.program.module),
                    *self.program.arguments,
                ],
                log=self.program.log,
                prefix=self.program.prefix,
                # Without its supervisor a service has nothing to drain for; the
                # next start recovers whatever was under way.
                death_signal=signal.SIGKILL,
                environment=environment(os.environ),
                inherit=self._inherit,
            )
        )

    def await_serving(self, deadline: float) -> None:
        """Wait until it serves, up to `deadline` on the monotonic clock.

        Raises: StartFailed with the end of its log.
        """
        while not self.is_serving:
            if not self.is_running:
                self._fail("it ended")
            if time.monotonic() > deadline:
                self._fail(
                    f"its health is {health(self.program.address, self._trusted)}"
                )
            time.sleep(POLL_SECONDS)

    def signal(self, wanted: signal.Signals) -> None:
        """Send a signal, such as SIGSTOP in a fault test."""
        if self._process is not None and self.is_running:
            self._process.send_signal(wanted)

    def stop(self) -> None:
        """Let it drain, at most 15 seconds."""
        if self._process is not None:
            end(self._process, *STOP_STEPS)
        self._process = None

    def kill(self) -> None:
        """Kill it as a crash would, and reap it."""
        if self._process is not None:
            end(self._process)
        self._process = None

    def _fail(self, why: str) -> None:
        log = self.program.log
        raise StartFailed(self.program.name, why, log, tail(log))


@dataclass(frozen=True, slots=True)
class Trusted:
    """A client program of this site: whom it trusts, and what it proves itself by."""

    authorities: Path
    certificate: Path
    key: Path

    def channel(self, address: str) -> grpc.Channel:
        """Return a channel to a service with walls."""
        credentials = grpc.ssl_channel_credentials(
            self.authorities.read_bytes(),
            self.key.read_bytes(),
            self.certificate.read_bytes(),
        )
        return grpc.secure_channel(address, credentials)


def health(address: str, trusted: Trusted | None = None) -> str:
    """Return what gRPC health says: SERVING, NOT_SERVING, or the error's code."""
    opened = trusted.channel(address) if trusted else grpc.insecure_channel(address)
    with opened as channel:
        stub = health_pb2_grpc.HealthStub(channel)
        try:
            answer = stub.Check(health_pb2.HealthCheckRequest(), timeout=PROBE_SECONDS)
        except grpc.RpcError as error:
            return str(error.code().name)
    return str(health_pb2.HealthCheckResponse.ServingStatus.Name(answer.status))


def environment(ours: Mapping[str, str]) -> dict[str, str]:
    """Return the environment of a service: ours, less what its file says."""
    kept = {
        name: value
        for name, value in ours.items()
        if name not in _OURS and not name.endswith("_DATABASE_URL")
    }
    paths = [str(PROJECT), str(PROJECT / "gen"), kept.get("PYTHONPATH", "")]
    kept["PYTHONPATH"] = os.pathsep.join(path for path in paths if path)
    return kept
