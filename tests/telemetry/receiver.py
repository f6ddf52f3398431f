"""A real OTLP receiver in a process of its own, and what it kept."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import grpc

from ducha.trace.v1 import trace_service_pb2 as pb
from ducha.trace.v1.trace_service_pb2_grpc import TraceServiceStub

ROOT = Path(__file__).parents[2]
SECONDS = 20.0


@dataclass(frozen=True, slots=True)
class Receiver:
    """A receiver that runs."""

    process: subprocess.Popen[str]
    address: str

    @property
    def endpoint(self) -> str:
        """Where exporters send to."""
        return f"http://{self.address}"

    def trace(self, trace_id: str) -> pb.GetTraceResponse:
        """Ask for a trace."""
        with grpc.insecure_channel(self.address) as channel:
            request = pb.GetTraceRequest(trace_id=trace_id)
            return TraceServiceStub(channel).GetTrace(request, timeout=SECONDS)

    def terminate(self) -> int:
        """Send SIGTERM and return the exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(SECONDS)


def start_receiver(*options: str) -> Receiver:
    """Start a receiver on a free port."""
    arguments = ["--listen", "127.0.0.1:0", *options]
    process = subprocess.Popen(
        [sys.executable, "-m", "deploy.embedded.otlp", *arguments],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'gen'}"},
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    said = json.loads(process.stderr.readline())
    return Receiver(process, f"127.0.0.1:{said['port']}")
