"""Loopback ports that stay the same over restarts.

Ports are taken below the kernel's ephemeral range: a client that retries a
dead server on an ephemeral port can be given that very port as its own end,
connect to itself, and keep the server from ever coming back.
"""

from __future__ import annotations

import secrets
import socket
from collections.abc import Collection
from pathlib import Path

from deploy.embedded.errors import DeploymentRefused
from deploy.embedded.files import write_private

LOOPBACK = "127.0.0.1"
LOWEST = 17_000
EPHEMERAL_DEFAULT = 32_768
ATTEMPTS = 200
_RANGE = Path("/proc/sys/net/ipv4/ip_local_port_range")


def is_free(port: int) -> bool:
    """Say whether a server could listen on this loopback port now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
    return True


def free_port() -> int:
    """Return a free loopback port outside the ephemeral range."""
    try:
        ceiling = int(_RANGE.read_text().split()[0])
    except (OSError, ValueError, IndexError):
        ceiling = EPHEMERAL_DEFAULT
    for _ in range(ATTEMPTS):
        port = LOWEST + secrets.randbelow(max(ceiling - LOWEST, 1_000))
        if is_free(port):
            return port
    raise DeploymentRefused(
        "No free port was found on 127.0.0.1.", remedy="Stop something that listens."
    )


def kept_port(file: Path, *, avoid: Collection[int] = ()) -> int:
    """Return the port written in `file` if it is free, else a new one, written.

    `avoid` holds ports that are promised but not listened on yet.
    """
    try:
        port = int(file.read_text())
    except (FileNotFoundError, ValueError):
        port = 0
    if port and port not in avoid and is_free(port):
        return port
    port = free_port()
    while port in avoid:
        port = free_port()
    write_private(file, str(port))
    return port
