"""Channels to a running line, through its walls where it has any."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from pathlib import Path

from grpc import aio

from clients.runtime import Credentials
from deploy.embedded.line import Line


def channel_to(
    running: Line, node: str, options: Sequence[tuple[str, int]] = ()
) -> aio.Channel:
    """Return a channel to a node: a certificate on the line, a token in each call."""
    shown = _kept(running.data) if running.options.walls else Credentials()
    return shown.channel(running.grpc(node), options)


@cache
def _kept(data: Path) -> Credentials:
    """Load once: all channels bear the same token for the same division."""
    return Credentials.load(data)
