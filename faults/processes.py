"""Processes from outside: who belongs to whom, killed, frozen, thawed."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Sequence

import psutil

STOPPED = psutil.STATUS_STOPPED


def family(pid: int) -> list[int]:
    """Return a process and all it started, parents first."""
    root = psutil.Process(pid)
    return [pid, *(one.pid for one in root.children(recursive=True))]


def freeze(pid: int) -> list[int]:
    """Stop a process and all it started; return those that stand still."""
    frozen: list[int] = []
    for one in family(pid):
        with contextlib.suppress(ProcessLookupError):
            os.kill(one, signal.SIGSTOP)
            frozen.append(one)
    return frozen


def thaw(pids: Sequence[int]) -> None:
    """Let processes go on."""
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGCONT)


def stands_still(pid: int, seconds: float = 1.0) -> bool:
    """Whether a process is stopped, waiting a moment for it."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        with contextlib.suppress(psutil.NoSuchProcess):
            if psutil.Process(pid).status() == STOPPED:
                return True
        time.sleep(0.01)
    return False


def kill(pid: int) -> None:
    """Kill a process, and nothing but it, as a crash would."""
    os.kill(pid, signal.SIGKILL)


def is_dead(pid: int, seconds: float = 2.0) -> bool:
    """Whether a process is gone or waits to be reaped, waiting a moment for it."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            if psutil.Process(pid).status() == psutil.STATUS_ZOMBIE:
                return True
        except psutil.NoSuchProcess:
            return True
        time.sleep(0.01)
    return False
