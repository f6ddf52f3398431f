"""What one caller, and all of them, may have under way; and how long the door waits.

Whoever floods must not starve the others. A caller has at most so many calls and so many
streams at once; and, as the node fills, at most a quarter of the room that is left: the
first flood takes little, ten floods share, and who comes after them still finds room.
What is beyond is refused at once, and says when to come back.
"""

from __future__ import annotations

import asyncio
import os
import socket
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from urllib.parse import unquote

import structlog

from tier.runtime.errors import CallerOverloaded, Overloaded, SlowCaller, TierError
from tier.runtime.telemetry import counter

LOG = structlog.get_logger(__name__)

RETRY_SECONDS: Final = 1.0
OPEN_SHARE: Final = 4
"""A caller may take up to one part in so many of the room that is left."""
IDLE_SECONDS: Final = 10.0
"""A connection unused for so long no longer counts."""
CALLERS_KNOWN: Final = 10_000
READ_SECONDS: Final = 8.0
WRITE_SECONDS: Final = 8.0
SOCKETS: Final = Path("/proc/self/fd")

_refused = counter(
    "ducha_calls_refused", "Calls refused because too many were under way."
)
_slow = counter("ducha_slow_callers", "Calls ended because the caller was too slow.")


@dataclass(frozen=True, slots=True)
class Limits:
    """How many calls may be under way."""

    caller_calls: int = 64
    caller_streams: int = 64
    caller_connections: int = 8
    node_calls: int = 1024
    node_streams: int = 2048


@dataclass(slots=True)
class _Room:
    """The calls of one kind, of one caller and of all."""

    most_a_caller: int
    most: int
    inside: int = 0
    callers: Counter[str] = field(default_factory=Counter)

    def enter(self, who: str) -> None:
        """Take a place. Raises: Overloaded, CallerOverloaded."""
        left = self.most - self.inside
        if left <= 0:
            _refused.add(1, {"by": "node"})
            raise Overloaded(
                waiting=self.inside,
                retry_after_seconds=RETRY_SECONDS,
                retry_after=RETRY_SECONDS,
            )
        if who:
            share = min(self.most_a_caller, max(1, left // OPEN_SHARE))
            if self.callers[who] >= share:
                _refused.add(1, {"by": "caller"})
                raise CallerOverloaded(
                    running=self.callers[who],
                    retry_after_seconds=RETRY_SECONDS,
                    retry_after=RETRY_SECONDS,
                )
            self.callers[who] += 1
        self.inside += 1

    def leave(self, who: str) -> None:
        """Give the place back; a caller without any is forgotten."""
        self.inside -= 1
        if who:
            self.callers[who] -= 1
            if not self.callers[who]:
                del self.callers[who]


@dataclass(slots=True)
class _Line:
    """One connection: when it was used last, its calls under way, whether any was refused."""

    used: float
    calls: int = 0
    pressed: bool = False

    def counts(self, now: float) -> bool:
        """Whether it takes room: who floods is remembered, who called and left is not."""
        return self.used >= now - IDLE_SECONDS and (self.calls > 0 or self.pressed)


@dataclass(slots=True)
class _Lines:
    """The connections of each caller: their calls wait in grpc, where nobody is told apart."""

    most: int
    seen: dict[str, dict[str, _Line]] = field(default_factory=dict)

    def use(self, who: str, peer: str) -> _Line:
        """Note that a caller uses a connection. Raises: CallerOverloaded."""
        now = time.monotonic()
        known = self.seen.get(who)
        if known is None:
            if len(self.seen) >= CALLERS_KNOWN:
                self._forget(now)
            known = self.seen[who] = {}
        if peer not in known and len(known) >= self.most:
            for one in [one for one in known if not known[one].counts(now)]:
                del known[one]
        if peer not in known and len(known) >= self.most:
            _refused.add(1, {"by": "connections"})
            hang_up(peer)
            raise CallerOverloaded(
                running=len(known),
                retry_after_seconds=RETRY_SECONDS,
                retry_after=RETRY_SECONDS,
            )
        line = known.setdefault(peer, _Line(now))
        line.used = now
        return line

    def leave(self, who: str, peer: str) -> None:
        """Note that a call of a connection is over."""
        line = self.seen.get(who, {}).get(peer)
        if line is not None and line.calls:
            line.calls -= 1

    def _forget(self, now: float) -> None:
        """Forget who has been away for a while; if nobody has, everybody."""
        recent = {
            who: known
            for who, known in self.seen.items()
            if any(one.used >= now - IDLE_SECONDS for one in known.values())
        }
        self.seen = recent if len(recent) < CALLERS_KNOWN else {}


class Turnstile:
    """Counts who is inside, and lets in whom there is room for."""

    def __init__(self, limits: Limits | None = None) -> None:
        """Begin with nobody inside."""
        limits = limits or Limits()
        self._calls = _Room(limits.caller_calls, limits.node_calls)
        self._streams = _Room(limits.caller_streams, limits.node_streams)
        self._lines = _Lines(limits.caller_connections)

    def enter(self, who: str, *, stays: bool, peer: str = "") -> None:
        """Take a place for a call, or for a stream, which `stays`.

        An empty `who` is nobody in particular: then only the node's own bound holds. A
        `peer` is the connection it comes by, as gRPC names it.

        Raises:
            Overloaded: the node has as many under way as it carries.
            CallerOverloaded: this caller has, or uses too many connections.
        """
        line = self._lines.use(who, peer) if who and peer else _Line(0.0)
        try:
            (self._streams if stays else self._calls).enter(who)
        except TierError:
            line.pressed = True
            raise
        line.calls += 1

    def leave(self, who: str, *, stays: bool, peer: str = "") -> None:
        """Give the place back."""
        (self._streams if stays else self._calls).leave(who)
        self._lines.leave(who, peer)

    @property
    def inside(self) -> tuple[int, int]:
        """Return how many calls, and how many streams, are under way."""
        return self._calls.inside, self._streams.inside

    @property
    def callers(self) -> set[str]:
        """Return who has something under way."""
        return {*self._calls.callers, *self._streams.callers}


async def received(context: Any) -> Any:
    """Return the one message of a call, as soon as all of it is there.

    Read by the door and not by grpc, so that a caller is known and counted before a
    message of theirs is kept, and one who sends half of it is not waited for.

    Raises:
        SlowCaller: it was not all there in time.
    """
    try:
        async with asyncio.timeout(READ_SECONDS):
            return await context.read()
    except TimeoutError:
        _slow.add(1, {"way": "in"})
        raise SlowCaller(seconds=READ_SECONDS) from None


async def send(context: Any, response: Any) -> None:
    """Send one message of a stream; hang up on who does not take it.

    A caller who stops reading, and answers pings, would keep the message, the stream and
    what feeds it for good. grpc cannot end a stream that waits for room at the far end,
    so the connection itself is closed, with whatever else this caller has on it.

    Raises:
        SlowCaller: they did not take it in time.
    """
    try:
        async with asyncio.timeout(WRITE_SECONDS):
            await context.write(response)
    except TimeoutError:
        _slow.add(1, {"way": "out"})
        hang_up(context.peer())
        raise SlowCaller(seconds=WRITE_SECONDS) from None


def expect_taken(context: Any) -> None:
    """Hang up on the caller of a unary call who has not taken its answer in time."""
    loop = asyncio.get_running_loop()
    timer = loop.call_later(WRITE_SECONDS, _not_taken, context.peer())
    # Called when the last byte went out, or the caller went away.
    context.add_done_callback(lambda _: timer.cancel())


def _not_taken(peer: str) -> None:
    _slow.add(1, {"way": "out"})
    hang_up(peer)


def hang_up(peer: str) -> bool:
    """Close the connection of a peer, as gRPC names it; False if there is none such.

    Where the process cannot look at its own sockets, the connection lasts until its
    keepalive or its age ends it.
    """
    kind, _, address = peer.partition(":")
    host, _, port = unquote(address).rpartition(":")
    if kind not in {"ipv4", "ipv6"} or not port.isdigit():
        return False
    wanted = (host.strip("[]"), int(port))
    try:
        mine = list(SOCKETS.iterdir())
    except OSError:
        return False
    return any(_closed(one, wanted) for one in mine)


def _closed(descriptor: Path, peer: tuple[str, int]) -> bool:
    """Close a descriptor's connection, if it is one to this peer."""
    try:
        if not str(descriptor.readlink()).startswith("socket:"):
            return False
        with socket.socket(fileno=os.dup(int(descriptor.name))) as same:
            if same.family not in {socket.AF_INET, socket.AF_INET6}:
                return False
            host, port = same.getpeername()[:2]
            if (host.removeprefix("::ffff:"), port) != peer:
                return False
            same.shutdown(socket.SHUT_RDWR)
    except OSError:  # closed meanwhile, or listening: nobody is at its other end
        return False
    LOG.warning("hung up on a slow caller")
    return True


SERVER_OPTIONS: Final[tuple[tuple[str, int], ...]] = (
    ("grpc.max_metadata_size", 16 * 1024),
    ("grpc.absolute_max_metadata_size", 16 * 1024),
    # A flood of streams that are reset at once costs its own connection's turn only.
    ("grpc.max_concurrent_streams", 256),
    # Who does not end the handshake, or does not speak HTTP/2 after it, goes.
    ("grpc.server_handshake_timeout_ms", 5_000),
    ("grpc.http2.settings_timeout", 5_000),
    # Who does not answer a ping is gone: noticed in 8 seconds, with or without calls.
    ("grpc.keepalive_time_ms", 5_000),
    ("grpc.keepalive_timeout_ms", 3_000),
    ("grpc.keepalive_permit_without_calls", 1),
    ("grpc.http2.max_pings_without_data", 0),
    # Neighbours and clients may ping as often as that themselves.
    ("grpc.http2.min_ping_interval_without_data_ms", 4_000),
    ("grpc.http2.max_ping_strikes", 2),
)

CLIENT_OPTIONS: Final[tuple[tuple[str, int], ...]] = (
    ("grpc.keepalive_time_ms", 5_000),
    ("grpc.keepalive_timeout_ms", 3_000),
    ("grpc.keepalive_permit_without_calls", 1),
    ("grpc.http2.max_pings_without_data", 0),
    # A wire that was cut is tried again soon: an attempt that nobody answers ends, and
    # the next follows. Left to gRPC, one lasts 20 s, and TCP asks less and less often.
    ("grpc.initial_reconnect_backoff_ms", 250),
    ("grpc.min_reconnect_backoff_ms", 1_500),
)
