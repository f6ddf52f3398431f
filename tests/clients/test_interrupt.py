"""Ctrl-C is the ordinary end of a watch."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from typing import Any

from ducha.reporting.v1 import reporting_pb2
from ducha.reporting.v1 import reporting_service_pb2 as reporting
from tests.clients.refusing import node
from tests.clients.test_commands import ITEM, an_item, server_info

PROGRAM = "from clients.cli.main import run; run()"
SECONDS = 20


def test_an_interrupted_watch_tells_where_to_go_on() -> None:
    """Whole lines, the last with the token to go on from, and exit code 0."""
    seen = threading.Event()

    def stream(_request: Any, context: Any) -> Iterator[reporting.WatchItemResponse]:
        row = reporting_pb2.Progress(division="53", expected_count=2, reported_count=1)
        for number in (7, 8):
            yield reporting.WatchItemResponse(resume_token=f"t{number}", progress=[row])
        seen.set()
        over = threading.Event()
        context.add_callback(over.set)
        over.wait(SECONDS)

    with node(GetServerInfo=server_info, GetItem=an_item, WatchItem=stream) as address:
        command = [sys.executable, "-c", PROGRAM, "item", "watch", ITEM]
        command += ["--address", address, "--json"]
        environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
        with subprocess.Popen(
            command, stdout=subprocess.PIPE, env=environment, text=True
        ) as watcher:
            assert watcher.stdout is not None
            lines = [watcher.stdout.readline(), watcher.stdout.readline()]
            assert seen.wait(SECONDS)
            watcher.send_signal(signal.SIGINT)
            rest, _ = watcher.communicate(timeout=SECONDS)

    assert '"t7"' in lines[0]
    assert '"t8"' in lines[1]
    assert rest == ""
    assert watcher.returncode == 0
