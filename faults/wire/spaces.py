"""Network namespaces without names: they live as long as this process, and leave nothing.

A thread makes one and goes; an open file keeps it. Sockets and TUN devices made inside
stay inside, whoever uses them later.
"""

from __future__ import annotations

import ctypes
import fcntl
import os
import socket
import struct
import subprocess
import threading
from collections.abc import Callable, Sequence
from typing import Any, Final, TypeVar

CLONE_NEWNET: Final = 0x40000000
TUNSETIFF: Final = 0x400454CA
IFF_TUN_NO_PI: Final = 0x0001 | 0x1000
BACKLOG: Final = 64

Made = TypeVar("Made")


class Space:
    """A network namespace of our own; loopback is up."""

    def __init__(self) -> None:
        """Make it."""
        self._handle: int = _in_thread(_made)
        self.run("link", "set", "lo", "up")

    @property
    def path(self) -> str:
        """Where `nsenter --net=` finds it, as long as this process lives."""
        return f"/proc/{os.getpid()}/fd/{self._handle}"

    def inside(self, make: Callable[[], Made]) -> Made:
        """Call something inside; what it makes stays there."""

        def enter() -> Made:
            _check(_LIBC.setns(self._handle, CLONE_NEWNET))
            return make()

        return _in_thread(enter)

    def run(self, *arguments: str) -> None:
        """Run `ip` inside."""
        command = ["nsenter", f"--net={self.path}", "ip", *arguments]
        subprocess.run(command, check=True, capture_output=True)

    def tun(self, name: str, own: str, other: str) -> int:
        """Make a TUN device inside, between two addresses; return its open file."""
        device: int = self.inside(lambda: _tun(name))
        self.run("addr", "add", own, "peer", other, "dev", name)
        self.run("link", "set", name, "up")
        return device

    def listen(self, address: str, port: int) -> socket.socket:
        """Listen inside."""
        return self.inside(lambda: listening(address, port))

    def dial(self) -> socket.socket:
        """Return a socket that will connect from inside."""
        return self.inside(dialling)


def listening(address: str, port: int) -> socket.socket:
    """Return a listening socket of the calling thread's namespace."""
    made = socket.socket()
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    made.bind((address, port))
    made.listen(BACKLOG)
    made.settimeout(0)
    return made


def dialling() -> socket.socket:
    """Return a socket of the calling thread's namespace that is not connected."""
    made = socket.socket()
    made.settimeout(0)
    made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return made


def lacks(programs: Sequence[str] = ("ip", "nsenter")) -> str:
    """Say why this machine has no such spaces; empty when it has."""
    if os.geteuid() != 0:
        return "network namespaces need root"
    if not os.access("/dev/net/tun", os.R_OK | os.W_OK):
        return "this kernel has no /dev/net/tun"
    found = os.environ.get("PATH", "").split(os.pathsep)
    for program in programs:
        if not any(os.access(f"{place}/{program}", os.X_OK) for place in found):
            return f"{program} is not installed"
    return ""


_LIBC = ctypes.CDLL(None, use_errno=True)


def _in_thread(make: Callable[[], Made]) -> Made:
    """Call something in a thread of its own: its namespace goes with it."""
    made: list[Any] = []
    failed: list[BaseException] = []

    def call() -> None:
        try:
            made.append(make())
        except BaseException as error:  # noqa: BLE001 # house: excepts - raised at the caller
            failed.append(error)

    thread = threading.Thread(target=call)
    thread.start()
    thread.join()
    if failed:
        raise failed[0]
    return made[0]  # type: ignore[no-any-return]


def _made() -> int:
    _check(_LIBC.unshare(CLONE_NEWNET))
    return os.open("/proc/thread-self/ns/net", os.O_RDONLY)


def _tun(name: str) -> int:
    device = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(device, TUNSETIFF, struct.pack("16sH", name.encode(), IFF_TUN_NO_PI))
    return device


def _check(done: int) -> None:
    if done != 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))
