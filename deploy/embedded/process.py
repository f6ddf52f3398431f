"""Children of the supervisor: started tethered, ended within a bound."""

from __future__ import annotations

import os
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path

from deploy.embedded.files import turn_over

TETHER = Path(__file__).with_name("tether.py")
Process = subprocess.Popen[bytes]


@dataclass(frozen=True, slots=True)
class Command:
    """A program to run, and how it is to end with its supervisor."""

    arguments: Sequence[str | Path]
    log: Path
    death_signal: signal.Signals = signal.SIGTERM
    prefix: Sequence[str] = ()  # runs before the tether, such as `unshare`
    environment: Mapping[str, str] | None = None  # None: ours
    inherit: tuple[int, ...] = ()  # open files the child keeps


def spawn(command: Command) -> Process:
    """Start a child that dies with this process, its output appended to its log."""
    return _NURSERY.run(lambda: _start(command))


def tethered(command: Command) -> list[str]:
    """Return the full command line: prefix, tether, program."""
    tether = [sys.executable, "-I", "-S", str(TETHER)]
    tether += [str(int(command.death_signal)), str(os.getpid())]
    return [*command.prefix, *tether, *map(str, command.arguments)]


def end(process: Process, *steps: tuple[signal.Signals, float]) -> int:
    """Send each signal in turn, waiting its seconds; SIGKILL closes the list."""
    for wanted, seconds in steps:
        if process.poll() is None:
            process.send_signal(wanted)
        try:
            return process.wait(seconds)
        except subprocess.TimeoutExpired:
            continue
    process.kill()
    return process.wait()


def _start(command: Command) -> Process:
    turn_over(command.log)
    descriptor = os.open(command.log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        return subprocess.Popen(  # noqa: S603 - our own argument lists, no shell
            tethered(command),
            stdin=subprocess.DEVNULL,
            stdout=descriptor,
            stderr=descriptor,
            env=command.environment,
            pass_fds=command.inherit,
            start_new_session=True,
        )
    finally:
        os.close(descriptor)


class _Nursery:
    """One thread that starts every child and lives as long as the process.

    The kernel ties a child to the *thread* that started it: a child started
    from a worker thread would be killed when that worker is retired.
    """

    def __init__(self) -> None:
        self._orders: queue.SimpleQueue[tuple[Callable[[], Process], Future[Process]]]
        self._orders = queue.SimpleQueue()
        self._guard = threading.Lock()
        self._owner = 0

    def run(self, start: Callable[[], Process]) -> Process:
        """Start a child on the long-lived thread and return it."""
        with self._guard:
            if self._owner != os.getpid():  # first use, or first use after a fork
                self._orders = queue.SimpleQueue()
                threading.Thread(
                    target=self._serve, name="nursery", daemon=True
                ).start()
                self._owner = os.getpid()
        answer: Future[Process] = Future()
        self._orders.put((start, answer))
        return answer.result()

    def _serve(self) -> None:
        orders = self._orders
        while True:
            start, answer = orders.get()
            try:
                answer.set_result(start())
            except BaseException as error:  # noqa: BLE001 - raised at the caller
                answer.set_exception(error)


_NURSERY = _Nursery()
